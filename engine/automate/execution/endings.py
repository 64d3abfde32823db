"""Runs that ended outside a worker's hands: whoever has to know is told by a tick job that is stored with the ending.

A worker tells others in the write that ends its run (`family`, `triggers.completion`). The reaper only says that a run
is dead; the tick that it stores names the run, and does the same in one transaction that is safe to repeat: what the
run waited for is closed and its children are asked to stop, the parent that waits for it is answered, and workflows
that listen for the ending get their event.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from automate import host
from automate.execution import waiting
from automate.execution.states import FINAL_RUN
from automate.ingest.ingestor import EventIngestor
from automate.models import ExecutionRun, OutboxJob, RunWait, StepRun, Workflow
from automate.triggers import completion


@transaction.atomic
def tick(job_id: int, *, now: datetime) -> bool:
    """Tell of the ended run that this tick job names. False when it names none."""
    run_id = OutboxJob.objects.filter(pk=job_id).values_list("subject_id", flat=True).first()
    run = ExecutionRun.objects.filter(pk=run_id, status__in=FINAL_RUN).first() if run_id else None
    if run is None:
        return False
    _close_what_it_waited_for(run, now)
    _answer_parent(run, now)
    _tell_listeners(run, now)
    return True


def _close_what_it_waited_for(run: ExecutionRun, now: datetime) -> None:
    open_waits = RunWait.objects.filter(run_id=run.pk, status="open")
    children = [child for child in open_waits.values_list("child_run_id", flat=True) if child is not None]
    open_waits.update(status="cancelled")
    StepRun.objects.filter(run_id=run.pk, status="waiting").update(status="cancelled", ended_at=now, retry_at=None)
    if children:
        waiting.request_cancel(children, now=now)
        transaction.on_commit(host.current().ring)


def _answer_parent(run: ExecutionRun, now: datetime) -> None:
    wait = RunWait.objects.filter(child_run_id=run.pk, status="open").first()
    if wait is not None:
        told: dict[str, Any] = {"run_id": str(run.pk), "status": run.status, "error": run.error}
        waiting.answer(wait, told, by=f"run:{run.pk}", now=now)
        transaction.on_commit(host.current().ring)


def _tell_listeners(run: ExecutionRun, now: datetime) -> None:
    """Under a dedupe key of the run: told once, however often the tick comes."""
    slug = Workflow.objects.values_list("slug", flat=True).get(pk=run.workflow_id)
    listening = Workflow.objects.filter(is_enabled=True, active_version__trigger_spec__type="workflow")
    triggers = listening.values_list("active_version__trigger_spec", flat=True)
    if not any(completion.hears(trigger, slug, run.status) for trigger in triggers):
        return
    ended = completion.Ended(run.pk, run.status, run.error, run.outputs, run.trace_id, run.hops)
    EventIngestor().ingest(
        type=f"workflow.{run.status}",
        payload=completion.payload_of(ended, slug),
        source=f"workflow:{slug}",
        dedupe_source=f"ending:{run.workflow_id}",
        dedupe_key=str(run.pk),
        trace_id=run.trace_id.hex,
        now=now,
    )
