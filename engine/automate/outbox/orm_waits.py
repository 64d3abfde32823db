"""Waits in a write, through the ORM. See `automate.outbox.waits` for the order of locks."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from automate.jsontext import loads
from automate.models import Event, ExecutionRun, MatchDecision, OutboxJob, RunState, RunWait
from automate.outbox.store import Writes
from automate.outbox.waits import ChildRow


def record_waits(writes: Writes, *, now: datetime) -> None:
    """Open and close waits, start children, ask runs to stop, give answers, offer events."""
    from automate.execution.waiting import answer, request_cancel

    for wait in writes.waits:
        columns = wait._asdict()
        for name in ("rule", "details"):
            columns[name] = loads(columns[name]) if columns[name] is not None else None
        RunWait.objects.get_or_create(id=columns.pop("id"), defaults=columns)
    for wait_id, status in writes.closed_waits:
        RunWait.objects.filter(pk=wait_id, status="open").update(status=status)
    for child in writes.children:
        _start(child)
    if writes.cancelled:
        request_cancel(writes.cancelled, now=now)
    for given in writes.answers:
        wait_row = RunWait.objects.filter(pk=given.wait_id).first()
        if wait_row is not None:
            answer(wait_row, loads(given.answer), by=given.answered_by, now=given.answered_at)
    _offer(writes, now)


def wake_early(writes: Writes, *, now: datetime) -> None:
    """After the jobs of `due_runs` are put away: an answer or a cancel that came meanwhile must not wait."""
    answered = RunWait.objects.filter(pk__in=writes.open_waits).exclude(status="open").values_list("run_id", flat=True)
    stopped = ExecutionRun.objects.filter(pk__in=writes.unaware, cancel_requested_at__isnull=False)
    run_ids = {*answered, *stopped.values_list("pk", flat=True)}
    if run_ids:
        mine = OutboxJob.objects.filter(kind="run", run_id__in=[run_id for run_id, _ in writes.due_runs])
        mine.filter(run_id__in=run_ids, status="PENDING").update(available_at=now)


def _start(child: ChildRow) -> None:
    if ExecutionRun.objects.filter(pk=child.run_id).exists():
        return
    Event.objects.create(
        id=child.event_id,
        type="workflow.invoked",
        payload=loads(child.payload),
        source="run_workflow",
        trace_id=child.trace_id,
        received_at=child.created_at,
    )
    columns = child._asdict()
    shared = {name: columns[name] for name in ("event_id", "workflow_id", "version_id", "trace_id")}
    own = {name: columns[name] for name in columns if name.startswith("parent_")}
    ExecutionRun.objects.create(
        id=child.run_id,
        status="queued",
        origin="child",
        root_run_id=child.root_run_id,
        hops=child.hops,
        deadline_at=child.deadline_at,
        steps_total=child.steps_total,
        created_at=child.created_at,
        **shared,
        **own,
    )
    if child.sealed is not None:
        state = {"sealed": child.sealed, "expires_at": child.sealed_until, "trace_id": child.trace_id}
        RunState.objects.get_or_create(run_id=child.run_id, defaults=state)
    MatchDecision.objects.create(
        run_id=child.run_id, decision="started", reason="child", decided_at=child.created_at, **shared
    )
    OutboxJob.objects.create(kind="run", run_id=child.run_id, available_at=timezone.now(), trace_id=child.trace_id)


def _offer(writes: Writes, now: datetime) -> None:
    types = {event.type for event in writes.offered}
    if not types:
        return
    open_waits = RunWait.objects.filter(status="open", kind="event", event_type__in=types)
    awaited = set(open_waits.values_list("event_type", flat=True))
    OutboxJob.objects.bulk_create(
        OutboxJob(kind="tick", event_id=event.id, available_at=now, trace_id=event.trace_id)
        for event in writes.offered
        if event.type in awaited
    )
