"""Threads for connectors that are not asynchronous: one that overruns its limit does not take the place of others.

A call's time counts from when it begins to run, not from when it was queued: one that never began has done nothing.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

MAX_STUCK = 64  # threads that overran and have not come back; past that their places stay taken


class ConnectorThreads:
    """At most `limit` calls run at once, those that were given up not counted."""

    def __init__(self, limit: int):
        self._places = asyncio.Semaphore(limit)
        self._pool = ThreadPoolExecutor(limit + MAX_STUCK, thread_name_prefix="automate-connector")
        self._stuck = 0

    async def call(self, work: Callable[[], Any], seconds: float) -> Any:
        """What `work` returns or raises. Raises asyncio.TimeoutError `seconds` after it began; it may still go on then,
        and what it answers is dropped.
        """
        await self._places.acquire()
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._pool, partial(contextvars.copy_context().run, work))
        try:
            done, _ = await asyncio.wait({future}, timeout=seconds)
        except asyncio.CancelledError:
            self._give_up(future)
            raise
        if done:
            self._places.release()
            return future.result()
        self._give_up(future)
        raise asyncio.TimeoutError

    def shutdown(self, *, wait: bool = True, cancel_futures: bool = False) -> None:
        self._pool.shutdown(wait=wait, cancel_futures=cancel_futures)

    def _give_up(self, future: asyncio.Future[Any]) -> None:
        """Its place is free again at once, as long as not too many threads are lost this way."""
        is_freed = self._stuck < MAX_STUCK
        self._stuck += 1
        if is_freed:
            self._places.release()

        def come_back(late: asyncio.Future[Any]) -> None:
            self._stuck -= 1
            if not is_freed:
                self._places.release()
            if not late.cancelled():
                late.exception()  # asked for, so that nobody complains that it was not

        future.add_done_callback(come_back)
