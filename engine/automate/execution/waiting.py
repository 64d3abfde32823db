"""Waits answered outside of a run's own hands: by events, by people, by what came before. Blocking; the ORM.

Every function runs inside the tenant (`OutboxStore.entered`). The order of locks is that of `automate.outbox.waits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from automate.definitions import parse_plan
from automate.execution.match import event_context
from automate.execution.states import FINAL_RUN
from automate.models import Event, ExecutionRun, OutboxJob, RunWait, Workflow
from automate.outbox.due import due_now
from automate.outbox.locks import lock_jobs
from automate.outbox.store import EventData
from automate.outbox.waits import RecordedWait
from automate.rules import RuleFailed, compile_rule

LOOK_BACK_EVENTS = 10_000  # of one type, the earliest and the latest, looked at for one wait


@dataclass(frozen=True)
class LiveVersion:
    """What a workflow runs now."""

    workflow_id: UUID
    version_id: UUID
    steps_total: int
    deadline_seconds: float


@transaction.atomic
def answer(wait: RunWait, given: dict[str, Any], *, by: str, now: datetime) -> bool:
    """Answer the wait if it is open, and arm its run; False when it is not open any more."""
    lock_jobs(Q(kind="run", run_id=wait.run_id))
    answered = RunWait.objects.filter(pk=wait.pk, status="open").update(
        status="answered", answer=given, answered_by=by[:200], answered_at=now
    )
    if answered:
        wake([wait.run_id])
    return bool(answered)


def wake(run_ids: Iterable[UUID]) -> None:
    """These runs have something to do now. A job in a worker's hands is left there: its holder looks by itself."""
    unfinished = ExecutionRun.objects.filter(pk__in=list(run_ids)).exclude(status__in=list(FINAL_RUN))
    idle = OutboxJob.objects.filter(kind="run", run_id__in=list(unfinished.values_list("pk", flat=True)))
    idle.filter(status__in=["PENDING", "COMPLETED"]).update(status="PENDING", available_at=due_now(), attempts=0)


def tick(job_id: int, *, now: datetime) -> bool:
    """A tick that names an event: offer it to whoever waits for its type. False for a tick about something else."""
    event_id = OutboxJob.objects.filter(pk=job_id).values_list("event_id", flat=True).first()
    if event_id is None:
        return False
    event = Event.objects.filter(pk=event_id).first()
    if event is not None:
        for wait in RunWait.objects.filter(
            status="open", kind="event", event_type=event.type, since__lte=event.received_at
        ):
            if _matches(wait.rule, _data(event)):
                answer(wait, {"event_id": str(event.id)}, by=f"event:{event.id}", now=now)
    return True


def look_back(wait_id: UUID, *, now: datetime, most: int = LOOK_BACK_EVENTS) -> RecordedWait | None:
    """An event that came before the wait was opened counts: answer with the earliest since its `since`.

    Of more than twice `most` events those in the middle are not looked at. Returns the wait as it stands then.
    """
    wait = RunWait.objects.filter(pk=wait_id, status="open").first()
    if wait is not None:
        for event in _events_since(wait, most):
            if _matches(wait.rule, _data(event)):
                answer(wait, {"event_id": str(event.id)}, by=f"event:{event.id}", now=now)
                break
    return load_wait(wait_id)


def expire(wait_id: UUID) -> RecordedWait | None:
    """Its time is over, unless an answer came first. Returns the wait as it stands then."""
    RunWait.objects.filter(pk=wait_id, status="open").update(status="expired")
    return load_wait(wait_id)


def load_wait(wait_id: UUID) -> RecordedWait | None:
    """The wait, with the event that answered it."""
    wait = RunWait.objects.filter(pk=wait_id).first()
    return None if wait is None else recorded(wait)


def recorded(wait: RunWait) -> RecordedWait:
    """A row as the executor knows it."""
    event = None
    if wait.kind == "event" and wait.status == "answered":
        event = Event.objects.filter(pk=wait.answer["event_id"]).first() if wait.answer else None
    return RecordedWait(
        wait.id, wait.run_id, wait.step_id, wait.item, wait.kind, wait.status, wait.event_type, wait.rule, wait.since,
        wait.expires_at, wait.child_run_id, wait.answer, wait.answered_by, wait.answered_at,
        _data(event) if event else None,
    )  # fmt: skip


def find_live(slug: str) -> LiveVersion | None:
    """What the workflow runs now; None when it is not there, not published, or disabled."""
    workflow = Workflow.objects.select_related("active_version").filter(slug=slug, is_enabled=True).first()
    if workflow is None or workflow.active_version is None:
        return None
    version = workflow.active_version
    plan = parse_plan(version.steps, version.options)
    return LiveVersion(workflow.id, version.id, len(plan.steps), plan.deadline_seconds)


def cancel_requests(run_ids: Iterable[UUID]) -> set[UUID]:
    """Which of these runs somebody wants to stop."""
    return set(
        ExecutionRun.objects.filter(pk__in=list(run_ids), cancel_requested_at__isnull=False).values_list(
            "pk", flat=True
        )
    )


@transaction.atomic
def request_cancel(run_ids: list[UUID], *, now: datetime) -> None:
    """Ask these runs and all their children to stop at their next safe point."""
    asked: list[UUID] = []
    found = list(run_ids)
    while found:
        asked += found
        children = ExecutionRun.objects.filter(parent_run_id__in=found).exclude(status__in=list(FINAL_RUN))
        found = [run_id for run_id in children.values_list("pk", flat=True) if run_id not in asked]
    lock_jobs(Q(kind="run", run_id__in=asked))
    unfinished = ExecutionRun.objects.filter(pk__in=asked, cancel_requested_at__isnull=True)
    unfinished.exclude(status__in=list(FINAL_RUN)).update(cancel_requested_at=now)
    wake(asked)


def _events_since(wait: RunWait, most: int) -> Iterator[Event]:
    """The earliest, then of what is left the latest, in their order: a retry may look back over weeks."""
    found = Event.objects.filter(type=wait.event_type, received_at__gte=wait.since)
    seen = 0
    for event in found.order_by("id")[:most].iterator(chunk_size=500):
        seen, latest = seen + 1, event.id
        yield event
    if seen == most:
        left = found.filter(id__gt=latest)
        begin = left.order_by("-id").values_list("id", flat=True)[most - 1 : most].first()
        yield from (left.filter(id__gte=begin) if begin else left).order_by("id").iterator(chunk_size=500)


def _matches(rule: Any, event: EventData) -> bool:
    try:
        return compile_rule(rule).matches(event_context(event)) if rule else True
    except RuleFailed:
        return False  # an event that the rule cannot read is not the one


def _data(event: Event) -> EventData:
    return EventData(event.id, event.type, event.source, event.payload, event.trace_id, event.received_at)
