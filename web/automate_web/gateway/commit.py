"""Group commit: events that arrive while a flush is under way form the next one. No timer.

An event is answered after its own commit and never before. Events with one dedupe key in one flush are folded in
memory: the first is stored, the others are told its ids. When a flush fails cleanly (a lock not had in 50 ms, a row
the server refuses), each tenant is committed alone and, if that fails, each event alone; a tenant that failed keeps a
lane of its own for 30 s, so it delays nobody else. When the connection is lost the outcome is unknown, and every
event of the flush is answered "repeat".
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from automate.ingest.refusal import (
    Overloaded,
    Refusal,
    StorageUnavailable,
    UnstorableText,
    WorkspaceSuspended,
    retry_later,
)
from automate_web.gateway.link import Link, LinkLost

APART_SECONDS = 30.0


@dataclass(slots=True)
class NewEvent:
    """One event on its way to the database. `payload` and `headers` are JSON texts."""

    tenant_id: int
    event_id: UUID
    trace_id: UUID
    type: str
    source: str
    payload: str
    headers: str
    received_at: datetime
    body_hash: bytes
    dedupe_id: UUID | None = None
    dedupe_source: str | None = None
    dedupe_key: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """An event's place in the database: its own, or of the first event with its dedupe key."""

    event_id: UUID
    trace_id: UUID
    is_duplicate: bool = False
    body_differs: bool = False


@dataclass(slots=True)
class _Waiting:
    event: NewEvent
    answer: asyncio.Future[Stored]
    folded: list[_Waiting] = field(default_factory=list)  # later ones with the same dedupe key

    @property
    def order(self) -> tuple[int, bytes]:
        return self.event.tenant_id, self.event.dedupe_id.bytes if self.event.dedupe_id else b""

    def everyone(self) -> Iterable[_Waiting]:
        yield self
        yield from self.folded

    def settle(self, stored: Stored, first_hash: bytes) -> None:
        for waiting in self.everyone():
            is_first = waiting is self and not stored.is_duplicate
            differs = waiting.event.body_hash != first_hash
            result = stored if is_first else Stored(stored.event_id, stored.trace_id, True, differs)
            if not waiting.answer.done():
                waiting.answer.set_result(result)

    def refuse(self, make: Callable[[], Refusal]) -> None:
        for waiting in self.everyone():
            if not waiting.answer.done():
                waiting.answer.set_exception(make())


class Lane:
    """A queue and the one task that flushes it, over a connection of its own."""

    def __init__(self, committer: GroupCommit, link: Link):
        self._committer = committer
        self._link = link
        self._queue: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None

    def put(self, waiting: _Waiting) -> None:
        self._queue.append(waiting)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._drain())

    async def finish(self) -> None:
        """Wait until everything queued is answered, then close."""
        while self._task is not None:
            await asyncio.wait({self._task})
        await self._link.close()

    @property
    def is_idle(self) -> bool:
        return self._task is None

    async def _drain(self) -> None:
        try:
            while self._queue:
                await self._flush(self._take())
        finally:
            self._task = None
            if self._queue:  # only after a fault in this module: do not leave senders waiting
                while self._queue:
                    self._queue.popleft().refuse(_unknown)

    def _take(self) -> list[_Waiting]:
        """The next flush: repeats folded, sorted by (tenant, dedupe id) so that flushes lock rows in one order."""
        limits = self._committer.limits
        batch: list[_Waiting] = []
        firsts: dict[tuple[int, UUID], _Waiting] = {}
        size = 0
        while self._queue and len(batch) < limits.events and size < limits.bytes:
            waiting = self._queue.popleft()
            if waiting.answer.cancelled():
                continue
            if waiting.event.dedupe_id is not None:
                key = waiting.event.tenant_id, waiting.event.dedupe_id
                first = firsts.setdefault(key, waiting)
                if first is not waiting:
                    first.folded.append(waiting)
                    continue
            size += len(waiting.event.payload)
            batch.append(waiting)
        batch.sort(key=lambda waiting: waiting.order)
        return batch

    async def _flush(self, batch: list[_Waiting]) -> None:
        if not batch:
            return
        try:
            await self._commit(batch)
        except LinkLost:
            for waiting in batch:
                waiting.refuse(_unknown)
        except asyncpg.PostgresError as error:
            await self._split(batch, error)
        except Exception:
            for waiting in batch:
                waiting.refuse(_unknown)
            raise

    async def _split(self, batch: list[_Waiting], error: asyncpg.PostgresError) -> None:
        """After a clean failure: each tenant alone, then each event alone."""
        tenants = sorted({waiting.event.tenant_id for waiting in batch})
        if len(tenants) > 1:
            for tenant_id in tenants:
                await self._flush([waiting for waiting in batch if waiting.event.tenant_id == tenant_id])
            return
        self._committer.set_apart(tenants[0])
        if len(batch) > 1:
            for waiting in batch:
                await self._flush([waiting])
            return
        if isinstance(error, asyncpg.DataError):
            batch[0].refuse(lambda: UnstorableText("The database cannot hold this body."))
        else:
            batch[0].refuse(_busy)

    async def _commit(self, batch: list[_Waiting]) -> None:
        events = [waiting.event for waiting in batch]
        rows = await self._link.run(
            "accept",
            [event.tenant_id for event in events],
            [event.event_id for event in events],
            [event.trace_id for event in events],
            [event.type for event in events],
            [event.source for event in events],
            [event.payload for event in events],
            [event.headers for event in events],
            [event.received_at for event in events],
            [event.dedupe_id for event in events],
            [event.dedupe_source for event in events],
            [event.dedupe_key for event in events],
            [event.body_hash for event in events],
            [len(waiting.folded) for waiting in batch],
        )
        self._settle(batch, rows)

    def _settle(self, batch: list[_Waiting], rows: list[asyncpg.Record]) -> None:
        *others, (stored_count, verdict, *_) = rows
        if verdict != "stored" or stored_count + len(others) != len(batch):
            raise RuntimeError(f"accept_v1 accounts for {stored_count} + {len(others)} of {len(batch)} events")
        not_stored = {row["ord"]: row for row in others}
        rung: set[int] = set()
        for ord_, waiting in enumerate(batch, start=1):
            event = waiting.event
            row = not_stored.get(ord_)
            if row is None:
                waiting.settle(Stored(event.event_id, event.trace_id), event.body_hash)
                rung.add(event.tenant_id)
            elif row["verdict"] == "repeat":
                first_trace = row["trace_id"] or event.trace_id  # the first event may have gone with its retention
                waiting.settle(Stored(row["event_id"], first_trace, True), row["body_hash"])
            else:
                waiting.refuse(workspace_suspended)
        if rung:
            self._committer.stored(rung)


@dataclass(frozen=True)
class FlushLimits:
    events: int
    bytes: int


class GroupCommit:
    """Takes events, answers when they are stored."""

    def __init__(
        self,
        make_link: Callable[[], Link],
        *,
        on_stored: Callable[[set[int]], None],
        limits: FlushLimits,
        max_waiting_events: int,
        max_waiting_bytes: int,
    ):
        self._make_link = make_link
        self._on_stored = on_stored
        self.limits = limits
        self._max_events = max_waiting_events
        self._max_bytes = max_waiting_bytes
        self._main = Lane(self, make_link())
        self._apart: dict[int, tuple[Lane, float]] = {}  # tenant -> its lane, until when (monotonic)
        self._waiting_events = 0
        self._waiting_bytes = 0

    async def put(self, event: NewEvent) -> Stored:
        """Store `event`. Raises a Refusal: overloaded, unknown outcome, suspended workspace."""
        size = len(event.payload)
        if self._waiting_events >= self._max_events or self._waiting_bytes + size > self._max_bytes:
            raise retry_later(Overloaded, "Too many events are waiting to be stored. Repeat the request.", seconds=2)
        self._waiting_events += 1
        self._waiting_bytes += size
        try:
            waiting = _Waiting(event, asyncio.get_running_loop().create_future())
            self._lane(event.tenant_id).put(waiting)
            return await waiting.answer
        finally:
            self._waiting_events -= 1
            self._waiting_bytes -= size

    async def finish(self) -> None:
        """Answer everything that was taken, then close the connections."""
        lanes = [self._main, *(lane for lane, _ in self._apart.values())]
        await asyncio.gather(*(lane.finish() for lane in lanes))

    def set_apart(self, tenant_id: int) -> None:
        """Give a tenant whose flush failed a lane of its own for a while."""
        until = time.monotonic() + APART_SECONDS
        if tenant_id in self._apart:
            self._apart[tenant_id] = (self._apart[tenant_id][0], until)
        else:
            self._apart[tenant_id] = (Lane(self, self._make_link()), until)

    def stored(self, tenants: set[int]) -> None:
        self._on_stored(tenants)

    def _lane(self, tenant_id: int) -> Lane:
        if tenant_id not in self._apart:
            return self._main
        lane, until = self._apart[tenant_id]
        if time.monotonic() < until or not lane.is_idle:
            return lane
        del self._apart[tenant_id]
        closing = asyncio.get_running_loop().create_task(lane.finish())
        closing.add_done_callback(lambda _: None)
        return self._main


def workspace_suspended() -> Refusal:
    return WorkspaceSuspended("This workspace is suspended and takes no events. Its owner can contact support.")


def _unknown() -> Refusal:
    return retry_later(
        StorageUnavailable,
        "The database was lost meanwhile. Repeat the request with the same dedupe key: it is stored at most once.",
        seconds=1,
    )


def _busy() -> Refusal:
    return retry_later(StorageUnavailable, "The workspace is busy. Nothing was stored; repeat the request.", seconds=1)
