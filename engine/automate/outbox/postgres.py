"""The outbox of one schema on PostgreSQL: SKIP LOCKED, arrays in, one round trip for a whole batch's results.

The same class, with its hooks overridden, serves the platform's dispatch over many schemas. No search_path is set here
beyond a transaction; the statements live in `automate/sql/`.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast
from uuid import UUID

import psycopg
from django.db import DatabaseError, connection
from psycopg import Cursor
from psycopg.pq import TransactionStatus

from automate import host
from automate.ingest.hops import hops_to
from automate.jsontext import dumps, loads
from automate.outbox import sql
from automate.outbox.postgres_waits import (
    columns,
    lock_queues,
    queues_of,
    record_waits,
    told,
    wait_from_row,
    wake_early,
)
from automate.outbox.store import (
    MAX_CRASHES,
    ActiveVersion,
    Claim,
    EventData,
    Hops,
    Job,
    PlaceRow,
    RecordedStep,
    RunSnapshot,
    Standing,
    Switches,
    Writes,
)
from automate.outbox.waits import RecordedWait

SOON_SECONDS = 0.05  # until an earlier event is looked for again
CRASHED = {
    "code": "worker_crashed",
    "message": "Five workers stopped while this run was in their hands, so it was set aside. "
    "Look at its latest step, then retry it.",
    "details": {},
}


class LeaseLost(Exception):
    """Another worker may hold these jobs now; what this one found out is dropped."""


class PostgresStore:
    """See `automate.outbox.store.OutboxStore`."""

    # -- what the dispatch over tenants does otherwise ---------------------------------------------------------------

    def _enter(self, cursor: Cursor[Any], claim: Claim) -> None:
        """Point the transaction at the claim's schema."""

    def _hold(
        self, cursor: Cursor[Any], claim: Claim, run_ids: Collection[UUID] = (), queues_of: Collection[UUID] = ()
    ) -> None:
        """Begin a write: lock the queues of some runs, what the lease holds and the jobs of `run_ids`; or LeaseLost."""
        lock_queues(cursor, queues_of)
        values = {"ids": list(claim.held), "run_ids": list(run_ids), "lease_id": claim.lease_id}
        cursor.execute(sql.load("fence"), values, prepare=True)
        if sum(is_held for (is_held,) in cursor.fetchall()) < len(claim.held):
            raise LeaseLost

    def _settle(self, cursor: Cursor[Any], claim: Claim, held: set[int], seconds: float) -> None:
        """Last statement of a write: account for what is still in flight."""

    # -- the protocol ------------------------------------------------------------------------------------------------

    def claim_batch(self, *, limit: int, worker: str, lease_seconds: float) -> Claim | None:
        lease_id = secrets.randbits(62)
        with transaction() as cursor:
            cursor.execute(
                sql.load("claim_outbox"), {"limit": limit, "lease_id": lease_id, "lease_seconds": lease_seconds}
            )
            rows = cursor.fetchall()
            if not rows:
                return None
            cursor.execute(sql.load("config_token"))
            token = cursor.fetchone()
        return Claim(lease_id, None, token, tuple(job_from_row(row) for row in rows), lease_seconds)

    def confirm(self, claim: Claim) -> bool:
        return False  # nothing but the outbox itself says what is due here

    def active_versions(self, claim: Claim, known: Collection[UUID] = ()) -> list[ActiveVersion]:
        with batch() as cursor:
            self._enter(cursor, claim)
            cursor.execute(sql.load("load_active_versions"), {"known": list(known)})
            return [_version(*row) for row in cursor.fetchall()]

    def load_runs(self, claim: Claim, run_ids: Sequence[UUID]) -> list[RunSnapshot]:
        """Three questions in one round trip."""
        values = {"run_ids": list(run_ids)}
        with batch() as cursor, cursor.connection.cursor() as steps, cursor.connection.cursor() as waits:
            self._enter(cursor, claim)
            cursor.execute(sql.load("load_runs"), values)
            steps.execute(sql.load("load_steps"), values)
            waits.execute(sql.load("load_waits"), values)
            return snapshots(cursor.fetchall(), steps.fetchall(), waits.fetchall())

    def halted(self, claim: Claim) -> frozenset[UUID]:
        with batch() as cursor:
            self._enter(cursor, claim)
            cursor.execute(sql.load("load_halts"))
            return frozenset(row[0] for row in cursor.fetchall())

    def entered(self, scope: Hashable) -> AbstractContextManager[object]:
        return nullcontext()

    def hops(self, claim: Claim, event_ids: Sequence[UUID]) -> dict[UUID, Hops]:
        with batch() as cursor:
            self._enter(cursor, claim)
            cursor.execute(sql.load("load_hops"), {"ids": list(event_ids)})
            rows = cursor.fetchall()
        return {
            event: Hops(hops_to(known_runs=known, headers=loads(headers) if headers else {}), latest)
            for event, headers, known, latest in rows
        }

    def switches(self, lease_ids: Sequence[int]) -> Switches:
        with transaction() as cursor:
            cursor.execute(sql.load("switches"))
            everything = bool(cursor.fetchone()[0])  # type: ignore[index]  # EXISTS always has one row
            cursor.execute(sql.load("config_token"))
            return Switches(everything, frozenset(), dict.fromkeys(lease_ids, cursor.fetchone()))

    def enter(self, claim: Claim, asks: Sequence[PlaceRow], *, stay: Collection[UUID] = ()) -> dict[UUID, str]:
        kind, asked = asks[0].kind, columns(asks)
        lease = {"lease_id": claim.lease_id}
        with transaction() as cursor:
            self._enter(cursor, claim)
            self._hold(cursor, claim)
            if kind == "halt":
                cursor.execute(sql.load("enter_halt"), asked)
                halted = {row[0] for row in cursor.fetchall()}
                verdicts = {ask.run_id: "wait" if ask.run_id in halted else "granted" for ask in asks}
            else:
                cursor.execute(sql.load("enter_queue"), {**asked, "kind": kind})
                verdicts = dict(cursor.fetchall())
            soon = [run for run, verdict in verdicts.items() if verdict == "soon"]
            if waiting := [run for run, verdict in verdicts.items() if verdict == "wait" and run not in stay]:
                values = {"run_ids": waiting, "is_halt": kind == "halt", **lease}
                cursor.execute(sql.load("queue_run_jobs"), values)
                claim.held -= _ids(cursor)
            if soon:
                _rearm(cursor, claim, Writes(due_runs=[(run, SOON_SECONDS) for run in soon]))
                claim.held -= _ids(cursor)
            if waiting or soon:
                self._settle(cursor, claim, claim.held, 0.0)
        return verdicts

    def data_key(self, claim: Claim) -> bytes:
        return host.current().data_key()

    def write(self, claim: Claim, writes: Writes, *, final: bool, seconds: float) -> bool:
        try:
            held = self._write_final(claim, writes, seconds) if final else self._write_some(claim, writes, seconds)
        except LeaseLost:
            return False
        claim.held = held
        return True

    def release(self, claim: Claim) -> bool:
        with statement() as cursor:
            cursor.execute(sql.load("release_outbox"), {"ids": list(claim.held), "lease_id": claim.lease_id})
            return cursor.rowcount == len(claim.held)

    def renew(self, lease_ids: Sequence[int], *, worker: str, lease_seconds: float) -> set[int]:
        with statement() as cursor:
            cursor.execute(sql.load("renew_outbox"), {"lease_ids": list(lease_ids), "lease_seconds": lease_seconds})
            return {row[0] for row in cursor.fetchall()}

    def tend(self, *, limit: int = 100) -> int:
        with statement() as cursor:
            cursor.execute(
                sql.load("reap_outbox"), {"limit": limit, "max_crashes": MAX_CRASHES, "error": dumps(CRASHED)}
            )
            return int(cursor.fetchone()[0])  # type: ignore[index]  # an aggregate always has one row

    def next_due_seconds(self) -> float | None:
        with statement() as cursor:
            cursor.execute(sql.load("next_due"))
            return cast("float | None", cursor.fetchone()[0])  # type: ignore[index]

    def standing(self) -> Standing:
        with statement() as cursor:
            cursor.execute(sql.load("standing"))
            return Standing(*cast("tuple[int, float]", cursor.fetchone()))

    # -- writing -----------------------------------------------------------------------------------------------------

    def _write_final(self, claim: Claim, writes: Writes, seconds: float) -> set[int]:
        """Everything in one pipeline, one round trip: nothing here waits for an answer but the commit."""
        with batch() as cursor:
            self._enter(cursor, claim)
            self._hold(cursor, claim, told(writes), queues_of(claim, writes))
            _record(cursor, writes)
            if writes.due_runs:
                _rearm(cursor, claim, writes)
                wake_early(cursor, writes)
            cursor.execute(
                sql.load("complete_jobs"), {"ids": list(claim.held), "lease_id": claim.lease_id}, prepare=True
            )
            self._settle(cursor, claim, set(), seconds)
        return set()

    def _write_some(self, claim: Claim, writes: Writes, seconds: float) -> set[int]:
        """Part of a batch; the rest stays in this worker's hands."""
        held = set(claim.held)
        lease = {"lease_id": claim.lease_id}
        with transaction() as cursor:
            self._enter(cursor, claim)
            self._hold(cursor, claim, told(writes), queues_of(claim, writes))
            _record(cursor, writes)
            if writes.done_jobs:
                cursor.execute(sql.load("complete_jobs"), {"ids": writes.done_jobs, **lease})
                held -= _ids(cursor)
            if writes.done_runs:
                cursor.execute(sql.load("complete_run_jobs"), {"run_ids": writes.done_runs, **lease})
                held -= _ids(cursor)
            if writes.due_runs:
                _rearm(cursor, claim, writes)
                held -= _ids(cursor)
                wake_early(cursor, writes)
            if writes.held_runs:
                values = {"run_ids": writes.held_runs, "lease_seconds": claim.lease_seconds, **lease}
                cursor.execute(sql.load("hold_run_jobs"), values)
                held |= _ids(cursor)
            self._settle(cursor, claim, held, seconds)
        return held


@contextmanager
def statement() -> Iterator[Cursor[Any]]:
    """For one statement, which is its own transaction: one round trip, where BEGIN and COMMIT would make it three."""
    with _reported() as raw, psycopg.Cursor(raw) as cursor:
        yield cursor


@contextmanager
def transaction() -> Iterator[Cursor[Any]]:
    """A transaction on this thread's connection. Raises Django's DatabaseError, and LeaseLost for SQLSTATE AU001."""
    with _reported() as raw, raw.transaction(), psycopg.Cursor(raw) as cursor:
        yield cursor


@contextmanager
def batch() -> Iterator[Cursor[Any]]:
    """A transaction in one round trip; an answer that is asked for in between costs one more.

    Until the Sync at its end a pipeline is one transaction: PostgreSQL documentation, "Extended Query", 54.2.4.
    """
    with _reported() as raw, raw.pipeline():
        is_alone = raw.autocommit and raw.info.transaction_status == TransactionStatus.IDLE
        with nullcontext() if is_alone else raw.transaction(), psycopg.Cursor(raw) as cursor:
            yield cursor


@contextmanager
def _reported() -> Iterator[psycopg.Connection[Any]]:
    """This thread's connection, below Django's cursor: binary arrays, prepared statements, pipelining.

    One that fails is closed, so that the next call opens a new one.
    """
    connection.ensure_connection()
    raw = cast("psycopg.Connection[Any]", connection.connection)
    try:
        yield raw
    except psycopg.Error as error:
        if raw.closed or raw.broken:
            connection.close()
        if error.sqlstate == "AU001":
            raise LeaseLost from None
        raise DatabaseError(str(error)) from error


def job_from_row(row: Sequence[Any]) -> Job:
    """A Job from (id, kind, attempts, run_id, event id, type, source, payload text, trace_id, received_at)."""
    job_id, kind, attempts, run_id, event_id, type_, source, payload, trace_id, received_at = row
    event = None
    if event_id is not None:
        event = EventData(event_id, type_, source, loads(payload), trace_id, received_at)
    return Job(job_id, kind, attempts, event, run_id)


def _version(
    id_: UUID,
    workflow_id: UUID,
    trigger: str,
    rule: str | None,
    steps: str | None,
    options: str | None,
    slug: str,
    hears_id: UUID | None,
    version_num: int,
) -> ActiveVersion:
    if steps is None or options is None:
        return ActiveVersion(id_, workflow_id, loads(trigger), None, [], slug=slug, hears_id=hears_id, is_known=True)
    rule_spec = loads(rule) if rule else None
    return ActiveVersion(
        id_,
        workflow_id,
        loads(trigger),
        rule_spec,
        loads(steps),
        loads(options),
        slug=slug,
        hears_id=hears_id,
        version_num=version_num,
    )


def snapshots(
    runs: Sequence[Sequence[Any]], steps: Sequence[Sequence[Any]], waits: Sequence[Sequence[Any]]
) -> list[RunSnapshot]:
    """Rows of load_runs.sql, load_steps.sql and load_waits.sql put together."""
    recorded: dict[UUID, list[RecordedStep]] = defaultdict(list)
    for run_id, *step in steps:
        recorded[run_id].append(RecordedStep(*step))
    waiting: dict[UUID, list[RecordedWait]] = defaultdict(list)
    for wait in map(wait_from_row, waits):
        waiting[wait.run_id].append(wait)
    return [_snapshot(row, tuple(recorded[row[0]]), tuple(waiting[row[0]])) for row in runs]


def _snapshot(row: Sequence[Any], recorded: tuple[RecordedStep, ...], waits: tuple[RecordedWait, ...]) -> RunSnapshot:
    run_id, workflow_id, version_id, steps, options, slug, version, status, created_at, started_at, error, *rest = row
    *own, sealed, event_id, type_, source, payload, trace_id, received_at = rest
    hops, attempt, deadline_at, cancel_requested_at, parent_run_id, parent_step_id, parent_item, *retry = own
    root_run_id, key_run_id, rounds = retry
    return RunSnapshot(
        run_id, workflow_id, version_id, loads(steps), loads(options), slug, version, status, created_at, started_at,
        loads(error) if error else None, hops, attempt, deadline_at, cancel_requested_at, parent_run_id, parent_step_id,
        parent_item, root_run_id, key_run_id, loads(rounds) if rounds else {},
        EventData(event_id, type_, source, loads(payload), trace_id, received_at, hops), recorded,
        waits, bytes(sealed) if sealed is not None else None,
    )  # fmt: skip


def _record(cursor: Cursor[Any], writes: Writes) -> None:
    for name, rows in (
        ("insert_decisions", writes.decisions),
        ("upsert_runs", writes.runs),
        ("upsert_steps", writes.steps),
        ("upsert_states", writes.states),
        ("insert_events", writes.events),
        ("insert_places", writes.places),
        ("insert_buffered", writes.buffered),
    ):
        if rows:
            cursor.execute(sql.load(name), columns(cast("Sequence[Any]", rows)), prepare=True)
    record_waits(cursor, writes)
    if writes.denials:  # last: whoever waits for this lock holds what is its own already
        told = columns(writes.denials)
        cursor.execute(sql.load("lock_denials"), {"episode": told["episode"]})
        cursor.execute(sql.load("insert_denials"), told)


def _rearm(cursor: Cursor[Any], claim: Claim, writes: Writes) -> None:
    values = {
        "run_ids": [run for run, _ in writes.due_runs],
        "delays": [float(delay) for _, delay in writes.due_runs],
        "lease_id": claim.lease_id,
    }
    cursor.execute(sql.load("rearm_run_jobs"), values, prepare=True)


def _ids(cursor: Cursor[Any]) -> set[int]:
    return {row[0] for row in cursor.fetchall()}


__all__ = ["LeaseLost", "PostgresStore", "batch", "job_from_row", "statement", "transaction"]
