"""Kill switches: events are taken in and kept, nothing runs; everything goes on where it was when it is turned off.

Four of them, the widest first: `DJANGO_AUTOMATE["ENABLED"]` (a process), the installation's and a tenant's (the host
keeps those), everything in one schema, and one workflow. Nothing is claimed from the moment that one of the wide ones
is on; a worker looks once a second, and a run in hand stops at its next step. The runs of a halted workflow are made,
and wait in a queue of their own.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from automate import host
from automate.execution.states import FINAL_RUN
from automate.models import ExecutionRun, Halt, MatchDecision, OutboxJob, QueuePlace, Workflow
from automate.outbox.due import due_now
from automate.services import audit
from automate_governance.errors import Conflict, NotFound

EVERYTHING = UUID(int=0)


@transaction.atomic
def halt(*, actor: str, now: datetime, reason: str = "", workflow: str | None = None) -> Halt:
    """Turn the switch of one workflow (its slug), or of everything here, on.

    Raises NotFound, and Conflict when it is on already.
    """
    found = _workflow(workflow)
    target = found.pk if found else EVERYTHING
    switch, made = Halt.objects.get_or_create(
        pk=target, defaults={"halted_at": now, "halted_by": actor[:200], "reason": reason[:300]}
    )
    if not made:
        raise Conflict("It is halted already.", details={"halted_by": switch.halted_by})
    _tell(found, "halt", actor, now, {"reason": reason})
    return switch


@transaction.atomic
def resume(*, actor: str, now: datetime, workflow: str | None = None) -> int:
    """Turn the switch off and wake what waited for it, oldest first; how many runs that were.

    Raises NotFound, and Conflict when it is not on.
    """
    found = _workflow(workflow)
    gone, _ = Halt.objects.filter(pk=found.pk if found else EVERYTHING).delete()  # waits for whoever is parking a run
    if not gone:
        raise Conflict("It is not halted.")
    woken = _wake(found, now) if found else 0
    _tell(found, "resume", actor, now, {"runs": woken})
    transaction.on_commit(host.current().ring)
    return woken


def _wake(workflow: Workflow, now: datetime) -> int:
    places = QueuePlace.objects.filter(kind="halt", key=str(workflow.pk))
    runs = ExecutionRun.objects.filter(pk__in=places.values("run_id")).exclude(status__in=FINAL_RUN)
    jobs = OutboxJob.objects.filter(kind="run", status__in=["PENDING", "COMPLETED"], run_id__in=runs.values("pk"))
    woken = jobs.update(status="PENDING", available_at=due_now())
    places.delete()
    waiting = MatchDecision.objects.filter(workflow_id=workflow.pk, decision="held", reason="halted")
    waiting.update(decision="started", reason="halted_then_resumed")
    return woken


def _workflow(slug: str | None) -> Workflow | None:
    if slug is None:
        return None
    found = Workflow.objects.select_for_update().filter(slug=slug).first()
    if found is None:
        raise NotFound(f"There is no workflow “{slug}”.", details={"slug": slug})
    return found


def _tell(workflow: Workflow | None, verb: str, actor: str, now: datetime, details: dict[str, object]) -> None:
    """To the workers, by the configuration's number, and to the audit log."""
    if workflow is None:
        host.current().halt_changed(halted=verb == "halt", now=now)
        audit.record(actor=actor, action=f"engine.{verb}", resource="engine", details=details, now=now)
        return
    Workflow.objects.filter(pk=workflow.pk).update(updated_at=now)
    host.current().config_changed()
    audit.record(actor=actor, action=f"workflow.{verb}", resource=f"workflow:{workflow.pk}", details=details, now=now)
