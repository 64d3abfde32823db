"""Deleting what is older than the retention time, in the current schema.

Every batch is one short transaction over rows that nothing writes to any more, so it waits for nobody and nobody waits
for it; stopped anywhere, the next pass goes on. A run goes with its steps, state, waits and job; an event with its
decisions, job and dedupe keys, once no run of it is left. Never deleted, however old: a run that has not ended, its
event, its parent and its children; an event that is still to be matched or waits in a buffer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, Model, OuterRef, QuerySet

from automate import ids
from automate.execution.states import FINAL_RUN
from automate.models import (
    BufferedEvent,
    Dedupe,
    Event,
    EventBuffer,
    ExecutionRun,
    FailureMark,
    KeptAnswer,
    MatchDecision,
    OutboundPace,
    OutboxJob,
    PolicyBlock,
    RunBulk,
    RunBulkResult,
    RunState,
    RunWait,
    ScheduleTick,
    StepRun,
    StoredBacktest,
)
from automate.retention.policy import Retention
from automate.retention.trash import purge_trash

Purged = Counter  # table's name → rows deleted
Keep = Callable[[], bool]

_ENDED = (OutboxJob.Status.COMPLETED, OutboxJob.Status.DEAD)
_OPEN = (OutboxJob.Status.PENDING, OutboxJob.Status.CLAIMED)


def purge(*, now: datetime, retention: Retention, go_on: Keep = lambda: True) -> Purged[str]:
    """Delete batch after batch until nothing is left to delete or `go_on()` says no. Returns rows deleted per table.

    `now` is the caller's clock; days are counted back from it.
    """
    purged: Purged[str] = Counter()
    cutoff = retention.cutoff(now)
    rows = (_runs, _buffers, _events, _dedupe, _states, _decisions, _jobs, _ticks, _counts, _answers, _backtests)
    for part in (*rows, _bulks, _marks, purge_trash):
        for deleted in part(cutoff, now, retention.batch_size):
            purged.update(deleted)
            if not go_on():
                return purged
    return purged


def _runs(cutoff: datetime, now: datetime, size: int) -> Iterator[Purged[str]]:
    unfinished = ExecutionRun.objects.exclude(status__in=FINAL_RUN)
    parent, child = unfinished.filter(pk=OuterRef("parent_run_id")), unfinished.filter(parent_run_id=OuterRef("pk"))
    old = ExecutionRun.objects.filter(id__lt=ids.first_id_at(cutoff), status__in=FINAL_RUN, ended_at__lt=cutoff)
    for batch in _by_key(old.filter(~Exists(parent), ~Exists(child)), size):
        yield _delete(
            StepRun.objects.filter(run_id__in=batch),
            RunState.objects.filter(run_id__in=batch),
            RunWait.objects.filter(run_id__in=batch),
            OutboxJob.objects.filter(kind="run", run_id__in=batch, status__in=_ENDED),
            ExecutionRun.objects.filter(id__in=batch),
        )


def _events(cutoff: datetime, now: datetime, size: int) -> Iterator[Purged[str]]:
    old = _unneeded(Event.objects.filter(id__lt=ids.first_id_at(cutoff), received_at__lt=cutoff))
    for batch in _by_key(old, size):
        yield _delete_events(batch, now)


@transaction.atomic
def _delete_events(batch: list[UUID], now: datetime) -> Purged[str]:
    gone = _delete(_unneeded(Event.objects.filter(id__in=batch)))
    still = set(Event.objects.filter(id__in=batch).values_list("id", flat=True))
    batch = [event for event in batch if event not in still]
    return gone + _delete(
        MatchDecision.objects.filter(event_id__in=batch),
        OutboxJob.objects.filter(kind="event", event_id__in=batch, status__in=_ENDED),
        Dedupe.objects.filter(event_id__in=batch, expires_at__lt=now),
    )


def _unneeded(events: QuerySet[Event]) -> QuerySet[Event]:
    """Those that no run stands for, and that are matched and wait in no buffer."""
    run = ExecutionRun.objects.filter(event_id=OuterRef("pk"))
    job = OutboxJob.objects.filter(kind="event", event_id=OuterRef("pk"), status__in=_OPEN)
    buffered = BufferedEvent.objects.filter(event_id=OuterRef("pk"))
    return events.filter(~Exists(run), ~Exists(job), ~Exists(buffered))


def _buffers(cutoff: datetime, now: datetime, size: int) -> Iterator[Purged[str]]:
    """Buffers that should have made their run before the cutoff, and what is in one that is gone."""
    for batch in _by_key(EventBuffer.objects.filter(due_at__lt=cutoff), size):
        yield _delete(BufferedEvent.objects.filter(buffer_id__in=batch), EventBuffer.objects.filter(id__in=batch))
    buffer = EventBuffer.objects.filter(pk=OuterRef("buffer_id"))
    for batch in _by_key(BufferedEvent.objects.filter(~Exists(buffer)), size):
        yield _delete(BufferedEvent.objects.filter(id__in=batch))


def _ticks(cutoff: datetime, now: datetime, size: int) -> Iterator[Purged[str]]:
    """What became of due times; one that is queued still waits for its run."""
    for batch in _oldest(ScheduleTick.objects.filter(), "decided_at", cutoff, size):
        ended = ScheduleTick.objects.exclude(outcome=ScheduleTick.Outcome.QUEUED)
        yield _delete(ended.filter(id__in=batch, decided_at__lt=cutoff))


def _counts(cutoff: datetime, now: datetime, size: int) -> Iterator[Purged[str]]:
    """What policy blocked, by the hour, and the pace of hosts that nobody has called since."""
    for batch in _by_key(PolicyBlock.objects.filter(hour__lt=cutoff), size):
        yield _delete(PolicyBlock.objects.filter(id__in=batch))
    for batch in _by_key(OutboundPace.objects.filter(updated_at__lt=cutoff), size):
        yield _delete(OutboundPace.objects.filter(pk__in=batch, updated_at__lt=cutoff))


def _answers(cutoff: datetime, now: datetime, size: int) -> Iterator[Purged[str]]:
    """Kept answers past their time."""
    for batch in _by_key(KeptAnswer.objects.filter(expires_at__lt=now), size):
        yield _delete(KeptAnswer.objects.filter(id__in=batch, expires_at__lt=now))


def _backtests(cutoff: datetime, now: datetime, size: int) -> Iterator[Purged[str]]:
    """Backtests that have ended; what they tell of is gone by then as well."""
    for batch in _by_key(StoredBacktest.objects.filter(ended_at__lt=cutoff), size):
        yield _delete(StoredBacktest.objects.filter(id__in=batch))


def _bulks(cutoff: datetime, now: datetime, size: int) -> Iterator[Purged[str]]:
    """Bulk operations that have ended, with the result for each run."""
    ended = RunBulk.objects.filter(ended_at__lt=cutoff)
    for batch in _by_key(RunBulkResult.objects.filter(bulk_id__in=ended.values("id")), size):
        yield _delete(RunBulkResult.objects.filter(id__in=batch))
    for batch in _by_key(ended, size):
        yield _delete(RunBulk.objects.filter(id__in=batch))


def _marks(cutoff: datetime, now: datetime, size: int) -> Iterator[Purged[str]]:
    """What people said about kinds of failures that nothing here has any more."""
    run = ExecutionRun.objects.filter(workflow_id=OuterRef("workflow_id"), error_fingerprint=OuterRef("fingerprint"))
    old = FailureMark.objects.filter(~Exists(run), updated_at__lt=cutoff).exclude(muted_until__gt=now)
    for batch in _by_key(old, size):
        yield _delete(old.filter(id__in=batch))


def _dedupe(cutoff: datetime, now: datetime, size: int) -> Iterator[Purged[str]]:
    """Keys whose time has passed and whose event has nothing unfinished: `accept` would take them over anyway."""
    unfinished = ExecutionRun.objects.filter(event_id=OuterRef("event_id")).exclude(status__in=FINAL_RUN)
    job = OutboxJob.objects.filter(kind="event", event_id=OuterRef("event_id"), status__in=_OPEN)
    expired = Dedupe.objects.filter(~Exists(unfinished), ~Exists(job), expires_at__lt=now)
    for batch in _by_key(expired, size):
        yield _delete(Dedupe.objects.filter(id__in=batch, expires_at__lt=now))


def _states(cutoff: datetime, now: datetime, size: int) -> Iterator[Purged[str]]:
    """Sealed state past its time, of runs that have ended or are gone."""
    unfinished = ExecutionRun.objects.filter(pk=OuterRef("run_id")).exclude(status__in=FINAL_RUN)
    for batch in _by_key(RunState.objects.filter(~Exists(unfinished), expires_at__lt=now), size):
        yield _delete(RunState.objects.filter(run_id__in=batch))


def _decisions(cutoff: datetime, now: datetime, size: int) -> Iterator[Purged[str]]:
    """Decisions whose event went with its partition. Ids rise with time: the first batch without an old row is the last
    to be read.
    """
    for batch in _oldest(MatchDecision.objects.filter(), "decided_at", cutoff, size):
        event = Event.objects.filter(pk=OuterRef("event_id"))
        yield _delete(MatchDecision.objects.filter(~Exists(event), id__in=batch, decided_at__lt=cutoff))


def _jobs(cutoff: datetime, now: datetime, size: int) -> Iterator[Purged[str]]:
    """Ended jobs whose event or run is gone, and old ticks."""
    event, run = Event.objects.filter(pk=OuterRef("event_id")), ExecutionRun.objects.filter(pk=OuterRef("run_id"))
    for batch in _oldest(OutboxJob.objects.filter(), "available_at", cutoff, size):
        ended = OutboxJob.objects.filter(id__in=batch, status__in=_ENDED, available_at__lt=cutoff)
        yield _delete(
            ended.filter(~Exists(event), kind="event"),
            ended.filter(~Exists(run), kind="run"),
            ended.filter(kind="tick"),
        )


def _by_key(rows: QuerySet[Any], size: int) -> Iterator[list[Any]]:
    """Primary keys in batches, each read after the one before was dealt with; rows that stay are not met twice."""
    rows = rows.order_by("pk")
    batch = list(rows.values_list("pk", flat=True)[:size])
    while batch:
        yield batch
        if len(batch) < size:
            return
        batch = list(rows.filter(pk__gt=batch[-1]).values_list("pk", flat=True)[:size])


def _oldest(rows: QuerySet[Any], column: str, cutoff: datetime, size: int) -> Iterator[list[int]]:
    """Ids from the smallest on, until a whole batch is younger than `cutoff`."""
    after = 0
    while True:
        batch = list(rows.filter(pk__gt=after).order_by("pk").values_list("pk", column)[:size])
        if not any(at < cutoff for _, at in batch):
            return
        yield [pk for pk, _ in batch]
        after = batch[-1][0]


@transaction.atomic
def _delete(*queries: QuerySet[Any]) -> Purged[str]:
    deleted: Purged[str] = Counter()
    for query in queries:
        model: type[Model] = query.model
        deleted[str(model._meta.model_name)] += query.delete()[0]
    return +deleted
