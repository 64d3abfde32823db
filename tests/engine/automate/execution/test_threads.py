"""Threads for connectors that are not asynchronous: one that is stuck gives its place to the next call."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from automate.execution import threads as module
from automate.execution.threads import ConnectorThreads


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """Whoever waits for it is stuck until the test ends."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def one_place() -> Iterator[ConnectorThreads]:
    threads = ConnectorThreads(1)
    yield threads
    threads.shutdown(wait=False)


def test_a_stuck_call_is_given_up_and_its_place_is_free(one_place: ConnectorThreads, released: threading.Event) -> None:
    async def run() -> str:
        for _ in range(3):
            with pytest.raises(asyncio.TimeoutError):
                await one_place.call(released.wait, 0.01)
        answer: str = await one_place.call(lambda: "done", 10)
        return answer

    assert asyncio.run(run()) == "done"


def test_time_counts_from_the_beginning_of_a_call(one_place: ConnectorThreads) -> None:
    first, second = threading.Event(), threading.Event()

    async def run() -> tuple[bool, str]:
        begun = asyncio.ensure_future(one_place.call(lambda: first.wait(10), 10))
        queued = asyncio.ensure_future(one_place.call(lambda: second.is_set() or "came second", 0.5))
        await asyncio.sleep(0)
        assert not queued.done()
        first.set()
        return await begun, await queued

    assert asyncio.run(run()) == (True, "came second")


def test_past_so_many_stuck_ones_their_places_stay_taken_until_they_come_back(
    monkeypatch: pytest.MonkeyPatch, one_place: ConnectorThreads, released: threading.Event
) -> None:
    monkeypatch.setattr(module, "MAX_STUCK", 1)

    async def run() -> str:
        for _ in range(2):
            with pytest.raises(asyncio.TimeoutError):
                await one_place.call(released.wait, 0.01)
        waiting = asyncio.ensure_future(one_place.call(lambda: "done", 10))
        done, _ = await asyncio.wait({waiting}, timeout=0.05)
        assert not done
        released.set()
        answer: str = await waiting
        return answer

    assert asyncio.run(run()) == "done"


def test_what_a_late_call_raises_is_dropped(one_place: ConnectorThreads, released: threading.Event) -> None:
    def fail_late() -> None:
        released.wait()
        raise RuntimeError("nobody hears this")

    async def run() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await one_place.call(fail_late, 0.01)
        released.set()
        assert await one_place.call(lambda: 1, 10) == 1

    asyncio.run(run())
