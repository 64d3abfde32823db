"""Buffers: matched events that make one run together, when a tick job finds them due.

The buffer's row is locked by whoever adds to it and by the tick that takes from it; taking, the run, its job and the
decisions are one transaction. A tick that comes again after a crash finds the buffer gone, or another tick's.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from automate import host, ids
from automate.definitions import parse_plan
from automate.execution.flow.admission import BATCHED, DEBOUNCED
from automate.execution.flow.spec import parse_flow
from automate.ingest.hops import MAX_FAN_OUT, hops_to, is_fresh
from automate.jsontext import dumps
from automate.models import BufferedEvent, Event, EventBuffer, ExecutionRun, MatchDecision, OutboxJob, WorkflowVersion
from automate.outbox.dead_ticks import open_ticks
from automate.outbox.due import due_now, present
from automate.outbox.store import EventData
from automate.triggers.completion import hops_of

logger = logging.getLogger("automate.flow")

EVENT_TYPE = "workflow.batch"
MAX_BYTES = 4 * 1024 * 1024  # of one batch's payload; what is over goes into the next run


@transaction.atomic
def tick(job_id: int, *, now: datetime) -> bool:
    """Make the run of the buffer that names this tick job, if it is due; else come back then. False: none names it."""
    buffer = EventBuffer.objects.select_for_update().filter(tick_job_id=job_id).first()
    if buffer is None:
        return False
    if buffer.due_at > present():
        _tick_at(buffer, buffer.due_at)
        return True
    version = WorkflowVersion.objects.get(pk=buffer.version_id)
    items = BufferedEvent.objects.filter(buffer_id=buffer.pk).order_by("pk")
    taken = list((items[: buffer.size] if buffer.size else items).values_list("event_id", flat=True))
    events = [event for event in map(Event.objects.in_bulk(taken).get, taken) if event is not None]
    if buffer.size:
        events = _that_fit(events)
        taken = taken[: len(events)] if events else taken
    if events:
        batch = _batch_event(buffer, events, now) if buffer.size else max(events, key=lambda event: event.pk)
        _start(version, batch, events, now, is_batch=bool(buffer.size))
    items.filter(event_id__in=taken).delete()
    _go_on(buffer, items.count(), version)
    transaction.on_commit(host.current().ring)
    return True


@transaction.atomic
def repair() -> int:
    """Buffers whose tick job is dead (five workers stopped over it) or gone get another one. Returns how many."""
    stuck = list(EventBuffer.objects.select_for_update().exclude(tick_job_id__in=open_ticks()))
    for buffer in stuck:
        logger.warning("buffer %s had no tick job any more", buffer.pk)
        _tick_at(buffer, max(buffer.due_at, present()))
    if stuck:
        transaction.on_commit(host.current().ring)
    return len(stuck)


def _start(version: WorkflowVersion, event: Event, members: Sequence[Event], now: datetime, *, is_batch: bool) -> None:
    """The run, its job, and the answer to every event that it stands for."""
    plan = parse_plan(version.steps, version.options)
    run = ExecutionRun.objects.create(
        id=ids.run_id(event.pk, version.workflow_id),
        event_id=event.pk,
        workflow_id=version.workflow_id,
        version=version,
        trace_id=event.trace_id,
        status="queued",
        origin="batch" if is_batch else "event",
        hops=max(hops_of(_with_hops(member)) for member in members),
        steps_total=len(plan.steps),
        created_at=now,
        deadline_at=now + timedelta(seconds=plan.deadline_seconds),
    )
    OutboxJob.objects.create(kind="run", run_id=run.pk, available_at=due_now(), trace_id=run.trace_id)
    reason = BATCHED if is_batch else DEBOUNCED
    waiting = MatchDecision.objects.filter(workflow_id=version.workflow_id, decision="held", reason=reason)
    mine = waiting.filter(event_id__in=[member.pk for member in members])
    if not is_batch:
        mine.exclude(event_id=event.pk).update(decision="skipped", reason="debounced_by_later", run_id=run.pk)
        mine.filter(event_id=event.pk).update(decision="started", reason="debounce_latest", run_id=run.pk)
        return
    mine.update(decision="started", run_id=run.pk)
    MatchDecision.objects.create(
        event_id=event.pk,
        workflow_id=version.workflow_id,
        version_id=version.pk,
        run_id=run.pk,
        decision="started",
        reason="batch",
        decided_at=now,
        trace_id=event.trace_id,
    )


def _with_hops(event: Event) -> EventData:
    """The event as the rules saw it, with the runs that led to it."""
    hops = 0
    if not is_fresh(event.trace_id, event.pk):
        known = ExecutionRun.objects.filter(trace_id=event.trace_id, created_at__lte=event.received_at)
        hops = hops_to(known_runs=known[: MAX_FAN_OUT + 1].count(), headers=event.headers or {})
    return EventData(event.pk, event.type, event.source, event.payload, event.trace_id, event.received_at, hops)


def _batch_event(buffer: EventBuffer, events: Sequence[Event], now: datetime) -> Event:
    """The event that stands for all of them; no job is made for it, so it is matched with nothing else."""
    return Event.objects.create(
        type=EVENT_TYPE,
        payload={"events": [_shown(event) for event in events]},
        source=f"batch:{buffer.workflow_id}",
        trace_id=ids.new_id(),
        received_at=now,
    )


def _shown(event: Event) -> dict[str, Any]:
    return {
        "id": str(event.pk),
        "type": event.type,
        "source": event.source,
        "received_at": event.received_at.isoformat(),
        "trace_id": event.trace_id.hex,
        "payload": event.payload,
    }


def _that_fit(events: list[Event]) -> list[Event]:
    """As many as `MAX_BYTES` holds, the first one whatever its size."""
    size = 0
    fitting: list[Event] = []
    for event in events:
        size += len(dumps(event.payload))
        if fitting and size > MAX_BYTES:
            break
        fitting.append(event)
    return fitting


def _go_on(buffer: EventBuffer, left: int, version: WorkflowVersion) -> None:
    """What came in beyond this run's size waits for the next; else the buffer is gone."""
    if not left:
        buffer.delete()
        return
    flow = parse_flow(version.options)
    seconds = flow.gather.seconds if flow is not None and flow.gather is not None else 0.0
    is_full = buffer.size is not None and left >= buffer.size
    now = present()
    buffer.count, buffer.opened_at = left, now
    buffer.due_at = now if is_full else now + timedelta(seconds=seconds)
    _tick_at(buffer, buffer.due_at)


def _tick_at(buffer: EventBuffer, at: datetime) -> None:
    job = OutboxJob.objects.create(kind="tick", subject_id=buffer.pk, available_at=at)
    buffer.tick_job_id = job.pk
    buffer.save()
