"""The worker's event loop: uvloop where it is installed, else the standard one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any


def run(main: Coroutine[Any, Any, None]) -> None:
    """`asyncio.run` on the quickest loop there is; before Python 3.11 a loop cannot be chosen without global state."""
    if sys.version_info >= (3, 11):
        with asyncio.Runner(loop_factory=_uvloop()) as runner:
            runner.run(main)
    else:
        asyncio.run(main)


def _uvloop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
