"""Where a message broker wakes the workers: one process hears the database's bell and calls workers by message.

A message says only that there may be work; the outbox says what. One that is lost, late or doubled loses nothing: while
work waits, the ringer calls again each second, and a worker who finds nothing is done at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from django.db import DatabaseError

from automate.execution.recycling import Recycled
from automate.outbox.store import OutboxStore
from automate.worker.bell import Bell
from automate.worker.duties import Duties
from automate.worker.pulse import Pulse

logger = logging.getLogger("automate.worker")

IDLE_SECONDS = 1.0
THREADS = 4  # asking and calling, tending, the audit chain, keeping house
JOBS_A_CALL = 200  # of these, a worker is busy for about a second
MAX_CALLS = 16  # at once: a fleet has no more processes idle


class Ringer:
    """`call(n)`, once a turn, asks n workers for a slice of work each; it blocks. CallFailed: the broker is away.

    `leads` says whether this process is the one that calls; others stand by. Both are called in threads.
    """

    def __init__(
        self,
        store: OutboxStore,
        call: Callable[[int], None],
        *,
        leads: Callable[[], bool] = lambda: True,
        on_ready: Callable[[], None] = lambda: None,
    ):
        self._store = store
        self._call = call
        self._leads = leads
        self._on_ready = on_ready
        self._stopping = False
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="automate-ringer")
        self._recycled = Recycled()
        self.pulse = Pulse()

    async def run(self) -> None:
        """Go on until `stop` is called."""
        self._wake = asyncio.Event()
        bell = Bell(asyncio.get_running_loop(), self._wake.set)
        duties: list[asyncio.Task[None]] = []
        try:
            bell.start()
            self._on_ready()
            while not self._stopping:
                with suppress(DatabaseError):  # the next turn asks again
                    if await self._in_thread(self._leads):
                        duties = duties or self._duties().start()
                        await self._in_thread(self._call_for_what_waits)
                    self.pulse.database_answered()
                self.pulse.beat()
                await self._sleep()
        finally:
            bell.stop()
            for duty in duties:
                duty.cancel()
            await asyncio.gather(*duties, return_exceptions=True)
            self._threads.shutdown(wait=True)

    def stop(self) -> None:
        """Safe in a signal handler of the loop."""
        self._stopping = True
        self.pulse.is_stopping = True
        self._wake.set()

    def _duties(self) -> Duties:
        return Duties(self._store, self._in_thread, self.pulse, self._wake.set)

    def _call_for_what_waits(self) -> None:
        due = self._store.standing().due
        try:
            self._call(min(MAX_CALLS, -(-due // JOBS_A_CALL)))
        except CallFailed as error:
            logger.warning("The broker is away; workers are called again in a second.", extra={"error": str(error)})

    async def _in_thread(self, function: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._recycled, function)

    async def _sleep(self) -> None:
        """Until the bell rings, something falls due, or a second has passed."""
        due = None
        with suppress(DatabaseError):
            due = await self._in_thread(self._store.next_due_seconds)
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._wake.wait(), IDLE_SECONDS if not due else min(IDLE_SECONDS, due))
        self._wake.clear()


class CallFailed(Exception):
    """No worker was called: the broker does not answer."""
