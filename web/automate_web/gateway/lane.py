"""Lanes: a queue of events, one connection, and the one task that flushes it.

The main lane serves every tenant. When a flush fails cleanly (a lock not had in 50 ms, a row the server refuses) it
commits each tenant alone; a tenant that fails alone is handed to a lane of its own, where each event is tried alone.
So one held row costs the others two lock timeouts, once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from automate.ingest.refusal import Refusal, UnstorableText
from automate_web.gateway.denials import Denial
from automate_web.gateway.link import Link, LinkDown, LinkLost
from automate_web.gateway.waiting import Stored, Waiting, away, busy, unknown, workspace_suspended

log = logging.getLogger("automate.gateway")

MAX_LOCK_TIMEOUTS = 8  # in one flush of events tried alone; then the rest is told to come back


@dataclass(frozen=True)
class FlushLimits:
    """Of one transaction."""

    events: int
    bytes: int


class Lane:
    """`on_stored` hears which tenants have new events, after their commit; `on_denied` what a rate refused."""

    def __init__(
        self,
        link: Link,
        *,
        limits: FlushLimits,
        on_stored: Callable[[set[int]], None],
        on_denied: Callable[[Denial], None],
    ):
        self._link = link
        self._limits = limits
        self._on_stored = on_stored
        self._on_denied = on_denied
        self._queue: deque[Waiting] = deque()
        self._task: asyncio.Task[None] | None = None

    def put(self, waiting: Waiting) -> None:
        self._queue.append(waiting)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._drain())

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def is_idle(self) -> bool:
        return self._task is None

    async def finish(self) -> None:
        """Wait until everything queued is answered, then close."""
        while self._task is not None:
            await asyncio.wait({self._task})
        await self._link.close()

    async def _drain(self) -> None:
        try:
            while self._queue:
                if batch := self._take():
                    await self._flush(batch)
        finally:
            self._task = None

    def _take(self) -> list[Waiting]:
        """The next flush: repeats folded, in lock order."""
        batch: list[Waiting] = []
        firsts: dict[tuple[int, UUID], Waiting] = {}
        size = 0
        while self._queue and len(batch) < self._limits.events and size < self._limits.bytes:
            waiting = self._queue.popleft()
            if waiting.is_abandoned or self._passed_on(waiting):
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

    def _passed_on(self, waiting: Waiting) -> bool:
        """Whether another lane took it."""
        return False

    async def _flush(self, batch: list[Waiting]) -> None:
        """Answer everyone in `batch`, somehow."""
        if (error := await self._try(batch)) is not None:
            await self._after_failure(batch, error)

    async def _try(self, batch: list[Waiting]) -> asyncpg.PostgresError | None:
        """Commit `batch` and answer it; or the clean failure, with nothing stored and nobody answered."""
        try:
            rows = await self._accept(batch)
            self._settle(batch, rows)
        except LinkDown:
            _refuse(batch, away)
        except LinkLost:
            _refuse(batch, unknown)
        except asyncpg.PostgresError as error:
            return error
        except Exception:
            log.exception("a flush of %s events failed", len(batch))
            _refuse(batch, unknown)
        return None

    async def _after_failure(self, batch: list[Waiting], error: asyncpg.PostgresError) -> None:
        """Each event alone. A held table fails them all, so that only so many lock timeouts are waited for."""
        timeouts = 0
        for waiting in batch:
            failure: asyncpg.PostgresError | None = error
            if timeouts < MAX_LOCK_TIMEOUTS and len(batch) > 1:
                failure = await self._try([waiting])
            timeouts += isinstance(failure, asyncpg.LockNotAvailableError)
            if isinstance(failure, asyncpg.DataError):
                waiting.refuse(lambda: UnstorableText("The database cannot hold this body."))
            elif failure is not None:
                waiting.refuse(busy)

    async def _accept(self, batch: list[Waiting]) -> list[asyncpg.Record]:
        events = [waiting.event for waiting in batch]
        return await self._link.run(
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
            [sum(1 for _ in waiting.everyone()) - 1 for waiting in batch],
            [event.endpoint_id for event in events],
        )

    def _settle(self, batch: list[Waiting], rows: list[asyncpg.Record]) -> None:
        *others, (stored_count, verdict, *_) = rows
        limited = {row["ord"]: row for row in others if row["verdict"] == "limited"}
        not_stored = {row["ord"]: row for row in others if row["verdict"] != "limited"}
        unanswered = self._refuse_limited(batch, limited)
        if verdict != "stored" or stored_count + len(not_stored) != len(unanswered):
            raise RuntimeError(f"accept accounts for {stored_count} + {len(not_stored)} of {len(unanswered)} events")
        for ord_, waiting in unanswered:
            event, row = waiting.event, not_stored.get(ord_)
            if row is None:
                waiting.settle(Stored(event.event_id, event.trace_id), event.body_hash)
            elif row["verdict"] == "repeat":
                first_trace = row["trace_id"] or event.trace_id  # the first event may have gone with its retention
                waiting.settle(Stored(row["event_id"], first_trace, True), row["body_hash"])
            else:
                waiting.refuse(workspace_suspended)
        if stored_count:
            self._on_stored({waiting.event.tenant_id for _, waiting in unanswered})

    def _refuse_limited(self, batch: list[Waiting], limited: dict[int, asyncpg.Record]) -> list[tuple[int, Waiting]]:
        """Refuse what the rates did not let in; the events that are left, with their places."""
        left = []
        for ord_, waiting in enumerate(batch, start=1):
            row, weight = limited.get(ord_), sum(1 for _ in waiting.everyone())
            if row is not None:
                denial = Denial.of(waiting.event, row)
                waiting.refuse_latest(row["refused"], denial.refusal)
                self._on_denied(denial)
            if row is None or row["refused"] < weight:
                left.append((ord_, waiting))
        return left


class MainLane(Lane):
    """Every tenant's lane. `lane_apart` is the lane of a tenant that has one now; `set_apart` gives it one."""

    def __init__(
        self,
        link: Link,
        *,
        limits: FlushLimits,
        on_stored: Callable[[set[int]], None],
        on_denied: Callable[[Denial], None],
        lane_apart: Callable[[int], Lane | None],
        set_apart: Callable[[int], Lane],
    ):
        super().__init__(link, limits=limits, on_stored=on_stored, on_denied=on_denied)
        self._lane_apart = lane_apart
        self._set_apart = set_apart

    def _passed_on(self, waiting: Waiting) -> bool:
        lane = self._lane_apart(waiting.event.tenant_id)
        if lane is not None:
            lane.put(waiting)
        return lane is not None

    async def _after_failure(self, batch: list[Waiting], error: asyncpg.PostgresError) -> None:
        """Each tenant alone; one that fails alone goes to a lane of its own."""
        tenants = sorted({waiting.event.tenant_id for waiting in batch})
        for tenant_id in tenants:
            theirs = [waiting for waiting in batch if waiting.event.tenant_id == tenant_id]
            if len(tenants) == 1 or await self._try(theirs) is not None:
                lane = self._set_apart(tenant_id)
                for waiting in theirs:
                    lane.put(waiting)


def _refuse(batch: Iterable[Waiting], make: Callable[[], Refusal]) -> None:
    for waiting in batch:
        waiting.refuse(make)
