"""Group commit: events that arrive while a flush is under way form the next one. No timer.

An event is answered after its own commit and never before. Events with one dedupe key in one flush are folded in
memory: the first is stored, the others are told its ids. A tenant whose flush fails keeps a lane of its own for 30 s,
so it delays nobody else. When the connection is lost the outcome is unknown, and every event of the flush is answered
"repeat".
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from automate.ingest.refusal import Overloaded, Refusal, retry_later
from automate_web.gateway.denials import Denial
from automate_web.gateway.lane import FlushLimits, Lane, MainLane
from automate_web.gateway.link import Link
from automate_web.gateway.waiting import NewEvent, Stored, Waiting

APART_SECONDS = 30.0
MAX_APART_EVENTS = 500  # waiting in one tenant's own lane: a broken tenant must not use up the room of all


class GroupCommit:
    """Takes events, answers when they are stored. `on_stored` hears which tenants have work, after the commit."""

    def __init__(
        self,
        make_link: Callable[[], Link],
        *,
        on_stored: Callable[[set[int]], None],
        on_denied: Callable[[Denial], None],
        limits: FlushLimits,
        max_waiting_events: int,
        max_waiting_bytes: int,
    ):
        self._make_link = make_link
        self._on_stored = on_stored
        self._on_denied = on_denied
        self._limits = limits
        self._max_events = max_waiting_events
        self._max_bytes = max_waiting_bytes
        self._apart: dict[int, tuple[Lane, float]] = {}  # tenant -> its lane, until when (monotonic)
        self._closing: set[asyncio.Task[None]] = set()
        self._waiting_events = 0
        self._waiting_bytes = 0
        self._main = MainLane(
            make_link(),
            limits=limits,
            on_stored=on_stored,
            on_denied=on_denied,
            lane_apart=self._lane_apart,
            set_apart=self._set_apart,
        )

    async def put(self, event: NewEvent) -> Stored:
        """Store `event`. Raises a Refusal: overloaded, unknown outcome, suspended workspace."""
        size = len(event.payload)
        if self._waiting_events >= self._max_events or self._waiting_bytes + size > self._max_bytes:
            raise _overloaded()
        lane = self._lane_apart(event.tenant_id) or self._main
        if lane is not self._main and len(lane) >= MAX_APART_EVENTS:
            raise _overloaded()
        self._waiting_events += 1
        self._waiting_bytes += size
        try:
            waiting = Waiting(event, asyncio.get_running_loop().create_future())
            lane.put(waiting)
            return await waiting.answer
        finally:
            self._waiting_events -= 1
            self._waiting_bytes -= size

    async def finish(self) -> None:
        """Answer everything that was taken, then close the connections."""
        await self._main.finish()  # first: it may hand over to the others
        await asyncio.gather(*(lane.finish() for lane, _ in self._apart.values()), *self._closing)

    def _lane_apart(self, tenant_id: int) -> Lane | None:
        """The tenant's own lane while it has one; after 30 s without trouble, and once empty, it is closed."""
        if tenant_id not in self._apart:
            return None
        lane, until = self._apart[tenant_id]
        if time.monotonic() < until or not lane.is_idle:
            return lane
        del self._apart[tenant_id]
        closing = asyncio.get_running_loop().create_task(lane.finish())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        return None

    def _set_apart(self, tenant_id: int) -> Lane:
        lane = self._lane_apart(tenant_id)
        if lane is None:
            lane = Lane(self._make_link(), limits=self._limits, on_stored=self._on_stored, on_denied=self._on_denied)
        self._apart[tenant_id] = (lane, time.monotonic() + APART_SECONDS)
        return lane


def _overloaded() -> Refusal:
    return retry_later(Overloaded, "Too many events are waiting to be stored. Repeat the request.", seconds=2)
