"""Wait for a state, never for a time; and do several things at the same moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import pytest

T = TypeVar("T")
POLL_SECONDS = 0.02


class Eventually(Protocol):
    def __call__(self, state: Callable[[], T], *, seconds: float = 30.0) -> T: ...


class AtOnce(Protocol):
    def __call__(self, *calls: Callable[..., Any], **keywords: Any) -> list[Any]: ...


@pytest.fixture(scope="session")
def eventually() -> Eventually:
    """`eventually(lambda: ...)`: the first true answer. Fails after `seconds`, naming the last answer."""

    def wait(state: Callable[[], T], *, seconds: float = 30.0) -> T:
        pause, deadline = threading.Event(), time.monotonic() + seconds
        while not (answer := state()):
            if time.monotonic() > deadline:
                raise AssertionError(f"still {answer!r} after {seconds} s")
            pause.wait(POLL_SECONDS)
        return answer

    return wait


@pytest.fixture
def at_once() -> AtOnce:
    """`at_once(f, g, limit=10)`: call each in a thread with a database connection of its own, all at the same moment.

    Their answers, in order; the first exception is raised after all have ended. Needs `django_db(transaction=True)`
    where the calls use Django.
    """

    def run(*calls: Callable[..., Any], **keywords: Any) -> list[Any]:
        start = threading.Barrier(len(calls))

        def one(call: Callable[..., Any]) -> Any:
            from django.db import connections

            start.wait(timeout=60)
            try:
                return call(**keywords)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(len(calls)) as threads:
            return [future.result() for future in [threads.submit(one, call) for call in calls]]

    return run
