"""Egress for code without an event loop: one loop in a background thread per process, shared by every caller."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import TimeoutError as FutureTimeout  # its own class before Python 3.11
from typing import TYPE_CHECKING, Any, TypeVar

from automate_governance.egress.client import TOTAL_SECONDS, Egress, Options
from automate_governance.egress.errors import EgressTimeout
from automate_governance.egress.policy import EgressPolicy
from automate_governance.egress.reply import Reply

if TYPE_CHECKING:
    from typing import Unpack  # Python 3.11; only type checkers read it

_GRACE_SECONDS = 5.0  # the loop keeps the deadline itself; this only ends a wait for a loop that hangs

Answer = TypeVar("Answer")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_owner_pid = 0


def request_sync(
    method: str, url: str, *, policy: EgressPolicy, pool_key: str = "", **options: Unpack[Options]
) -> Reply:
    """As `egress.request`, and waits for the reply. Raises EgressError."""
    return exchange(Egress(policy, pool_key), method, url, **options)


def exchange(egress: Egress, method: str, url: str, **options: Unpack[Options]) -> Reply:
    """`egress.request`, waited for. An `egress` with a client of its own must not have been used on another loop."""
    call = egress.request(method, url, **options)
    future = asyncio.run_coroutine_threadsafe(call, _running_loop())
    try:
        return future.result(min(options.get("timeout_seconds", TOTAL_SECONDS), TOTAL_SECONDS) + _GRACE_SECONDS)
    except FutureTimeout as error:
        future.cancel()
        raise EgressTimeout("The call did not end in time.", in_doubt=True) from error


def run(work: Coroutine[Any, Any, Answer]) -> Answer:
    """`work` on the background loop, waited for; it keeps its own deadline. Not to be called on that loop."""
    future = asyncio.run_coroutine_threadsafe(work, _running_loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def _running_loop() -> asyncio.AbstractEventLoop:
    """This process's background loop; a forked child starts its own, because threads do not survive a fork."""
    global _loop, _owner_pid
    with _lock:
        if _loop is None or _owner_pid != os.getpid():
            _loop, _owner_pid = asyncio.new_event_loop(), os.getpid()
            threading.Thread(target=_loop.run_forever, name="egress", daemon=True).start()
        return _loop
