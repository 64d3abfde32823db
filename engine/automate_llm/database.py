"""Database work beside an event loop: a few threads, each with a connection of its own, in the caller's scope.

A reservation must commit before the call is sent and whatever the caller's transaction becomes; so it never runs on the
caller's own connection.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from django.db import close_old_connections

from automate_llm.host import Scope

Answer = TypeVar("Answer")
THREADS = 4  # a reservation takes a few milliseconds, a call seconds

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_owner_pid = 0


def submit(scope: Scope, work: Callable[[], Answer]) -> Future[Answer]:
    """Start `work` in a database thread; it runs to its end even when nobody waits for it any more.

    What is to be masked where it is submitted, and its trace, hold there too: kept prompts are redacted in that thread.
    """
    return _threads().submit(copy_context().run, _run, scope, work)


async def in_database(scope: Scope, work: Callable[[], Answer]) -> Answer:
    """`work`, done in a database thread inside `scope`."""
    return await finished(submit(scope, work))


async def finished(started: Future[Answer]) -> Answer:
    """The answer of work that was submitted. Whoever is cancelled while waiting does not cancel the work."""
    return await asyncio.shield(asyncio.wrap_future(started))


def _run(scope: Scope, work: Callable[[], Answer]) -> Answer:
    close_old_connections()
    try:
        with scope():
            return work()
    finally:
        close_old_connections()


def _threads() -> ThreadPoolExecutor:
    """This process's threads; a forked child starts its own, because threads do not survive a fork."""
    global _pool, _owner_pid
    with _lock:
        if _pool is None or _owner_pid != os.getpid():
            _pool, _owner_pid = ThreadPoolExecutor(THREADS, thread_name_prefix="automate-llm-db"), os.getpid()
        return _pool
