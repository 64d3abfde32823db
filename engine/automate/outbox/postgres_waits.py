"""Waits in a write on PostgreSQL. See `automate.outbox.waits` for the order of locks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg import Cursor

from automate.jsontext import loads
from automate.outbox import sql
from automate.outbox.waits import AnswerRow, RecordedWait

if TYPE_CHECKING:
    from automate.outbox.store import Claim, EventData, Writes

STAYING = frozenset({"queued", "running"})  # in these a run keeps its places


def told(writes: Writes) -> set[UUID]:
    """Runs of others that a write is about: their jobs are locked before any other row of it."""
    return {answer.run_id for answer in writes.answers} | set(writes.cancelled)


def queues_of(claim: Claim, writes: Writes) -> set[UUID]:
    """Runs whose queues are locked before any job: several that leave theirs here; where a child is stopped, it too.

    A run that was begun in this claim has no place.
    """
    resumed = {job.run_id for job in claim.jobs}
    leaving = {run.id for run in writes.runs if run.id in resumed and run.status not in STAYING}
    if len(leaving) > 1 or writes.cancelled:
        return leaving | set(writes.cancelled)
    return set()


def lock_queues(cursor: Cursor[Any], run_ids: Collection[UUID]) -> None:
    if run_ids:
        cursor.execute(sql.load("lock_queues"), {"run_ids": list(run_ids)}, prepare=True)


def record_waits(cursor: Cursor[Any], writes: Writes) -> None:
    """Open and close waits, start children, ask runs to stop, give answers, offer events."""
    if writes.waits:
        cursor.execute(sql.load("insert_waits"), columns(writes.waits))
    if writes.closed_waits:
        values = {"ids": [i for i, _ in writes.closed_waits], "statuses": [s for _, s in writes.closed_waits]}
        cursor.execute(sql.load("close_waits"), values)
    if writes.children:
        cursor.execute(sql.load("start_children"), columns(writes.children))
    if writes.cancelled:
        run_ids = {"run_ids": sorted(set(writes.cancelled))}
        cursor.execute(sql.load("lock_run_jobs"), run_ids)
        cursor.execute(sql.load("cancel_runs"), run_ids)
        cursor.execute(sql.load("wake_run_jobs"), run_ids)
    if writes.answers:
        record_answers(cursor, writes.answers)
    if writes.offered:
        values = {
            "event_ids": [event.id for event in writes.offered],
            "types": [event.type for event in writes.offered],
            "trace_ids": [event.trace_id for event in writes.offered],
        }
        cursor.execute(sql.load("offer_events"), values, prepare=True)


def record_answers(cursor: Cursor[Any], answers: Sequence[AnswerRow]) -> None:
    run_ids = {"run_ids": sorted({answer.run_id for answer in answers})}
    cursor.execute(sql.load("lock_run_jobs"), run_ids)
    cursor.execute(sql.load("answer_waits"), columns(answers))
    cursor.execute(sql.load("wake_run_jobs"), run_ids)


def wait_from_row(row: Sequence[Any]) -> RecordedWait:
    """Of the columns of load_waits.sql; the last six are the event that answered."""
    wait_id, run_id, step_id, item, kind, status, event_type, rule, since, expires_at, child, answer, by, at = row[:14]
    event = row[14:]
    return RecordedWait(
        wait_id, run_id, step_id, item, kind, status, event_type, loads(rule) if rule else None, since, expires_at,
        child, loads(answer) if answer else None, by, at, event_from_row(event) if event[0] is not None else None,
    )  # fmt: skip


def event_from_row(row: Sequence[Any]) -> EventData:
    """Of (id, type, source, payload text, trace_id, received_at)."""
    from automate.outbox.store import EventData

    event_id, type_, source, payload, trace_id, received_at = row
    return EventData(event_id, type_, source, loads(payload), trace_id, received_at)


def columns(rows: Sequence[Any]) -> dict[str, list[Any]]:
    """Rows as one list per column."""
    return dict(zip(rows[0]._fields, map(list, zip(*rows, strict=True)), strict=True))


def wake_early(cursor: Cursor[Any], writes: Writes) -> None:
    """After `rearm_run_jobs`: an answer or a cancel that came meanwhile must not wait."""
    if writes.open_waits or writes.unaware:
        values = {
            "run_ids": [run_id for run_id, _ in writes.due_runs],
            "wait_ids": writes.open_waits,
            "unaware": writes.unaware,
        }
        cursor.execute(sql.load("wake_early"), values, prepare=True)
