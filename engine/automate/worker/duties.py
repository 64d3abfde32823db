"""What is done beside claiming: due times, expired leases, the audit chain, usage, notices, old rows.

Every worker does them; with a broker the one ringer does, and the workers only work. Each may be done by several
processes at once: what two find, one does.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from typing import Any

from django.db import DatabaseError

from automate import host
from automate.outbox.store import OutboxStore
from automate.worker.pulse import Pulse

logger = logging.getLogger("automate.worker")

TEND_SECONDS = 1.0
AUDIT_SECONDS = 0.5
NOTIFY_SECONDS = 5.0
USAGE_SECONDS = 5.0
HOUSE_EVERY_SECONDS = 60.0
HOUSE_SECONDS = 5.0  # of each minute: then it goes on in the next one

InDatabase = Callable[[Callable[[], Any]], Awaitable[Any]]


class Duties:
    """Loops that go on until they are cancelled. `in_database` runs a function in a thread that has a connection.

    `wake` is called when something has become ready; `look`, when given, comes before each round of tending.
    """

    def __init__(
        self,
        store: OutboxStore,
        in_database: InDatabase,
        pulse: Pulse,
        wake: Callable[[], None],
        *,
        every_seconds: float = TEND_SECONDS,
        look: Callable[[], Awaitable[None]] | None = None,
    ):
        self._store = store
        self._in_database = in_database
        self._pulse = pulse
        self._wake = wake
        self._every_seconds = every_seconds
        self._look = look

    def start(self) -> list[asyncio.Task[None]]:
        """Begin all of them; whoever called cancels them."""
        loops = (self._beat, self._tend, self._keep_house, self._chain_audit, self._count_usage, self._notify)
        return [asyncio.ensure_future(loop()) for loop in loops]

    async def _beat(self) -> None:
        while True:
            self._pulse.beat()
            await asyncio.sleep(TEND_SECONDS)

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(self._every_seconds)
            try:
                if self._look is not None:
                    await self._look()
                if await self._in_database(self._store.tend):
                    self._wake()
                self._pulse.database_answered()
            except DatabaseError:
                logger.debug("Housekeeping waits for the database.")

    async def _chain_audit(self) -> None:
        """Audit entries get their place in the chain within a second."""
        while True:
            await asyncio.sleep(AUDIT_SECONDS)
            await self._try("The audit chain", lambda: host.current().chain_audit(now=_now()))

    async def _count_usage(self) -> None:
        """What was counted beside the work becomes the usage that people see, and its limits hold."""
        while True:
            await asyncio.sleep(USAGE_SECONDS)
            await self._try("Usage", lambda: host.current().count_usage(now=_now()))

    async def _notify(self) -> None:
        """What happened reaches the people whom it concerns."""
        while True:
            await asyncio.sleep(NOTIFY_SECONDS)
            await self._try("Notifying members", self._notify_for_a_while)

    async def _keep_house(self) -> None:
        """Old rows go a little at a time, beside the work."""
        while True:
            await asyncio.sleep(HOUSE_EVERY_SECONDS)
            await self._try("Housekeeping", self._keep_house_for_a_while)

    async def _try(self, what: str, duty: Callable[[], Any]) -> None:
        try:
            await self._in_database(duty)
        except DatabaseError:
            logger.debug("%s waits for the database.", what)
        except Exception:
            logger.exception("%s failed; it is tried again.", what)

    def _notify_for_a_while(self) -> None:
        host.current().notify_members(now=_now(), go_on=self._for_a_while())

    def _keep_house_for_a_while(self) -> None:
        host.current().keep_house(now=_now(), go_on=self._for_a_while())

    def _for_a_while(self) -> Callable[[], bool]:
        """Yes for HOUSE_SECONDS, and no once the process is stopping."""
        until = time.monotonic() + HOUSE_SECONDS
        return lambda: not self._pulse.is_stopping and time.monotonic() < until


def _now() -> datetime:
    return datetime.now(timezone.utc)
