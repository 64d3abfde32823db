"""What the gateway remembers of routes and keys, and for how long: a revoked key is believed no longer than that."""

from __future__ import annotations

import asyncio

from automate_web.gateway.config import GatewayConfig
from automate_web.gateway.routes import Lookup

SECONDS = 2.0


class Table:
    """One row, read as often as somebody asks; its reads are counted."""

    def __init__(self) -> None:
        self.value: str | None = "valid"
        self.reads = 0

    async def read(self, hash_: bytes) -> str | None:
        self.reads += 1
        return self.value


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_was_revoked_is_believed_for_two_seconds_and_no_longer() -> None:
    async def go() -> None:
        table, clock = Table(), Clock()
        lookup = Lookup(table.read, seconds=SECONDS, limit=10, clock=clock)
        assert await lookup.get(b"x") == "valid"
        table.value = None

        clock.now += SECONDS / 2 - 0.001
        assert lookup.known(b"x") == (True, "valid")
        assert table.reads == 1
        clock.now += SECONDS / 2 + 0.001

        assert lookup.known(b"x") == (False, None)
        assert await lookup.get(b"x") is None

    asyncio.run(go())


def test_what_is_in_use_is_read_again_before_it_is_too_old_and_traffic_does_not_wait() -> None:
    async def go() -> None:
        table, clock = Table(), Clock()
        lookup = Lookup(table.read, seconds=SECONDS, limit=10, clock=clock)
        await lookup.get(b"x")
        table.value = "changed"
        clock.now += SECONDS / 2

        assert lookup.known(b"x") == (True, "valid")  # and begins to read
        while table.reads < 2:
            await asyncio.sleep(0)
        await asyncio.sleep(0)

        assert lookup.known(b"x") == (True, "changed")
        assert table.reads == 2

    asyncio.run(go())


def test_a_change_while_the_answer_travels_is_not_remembered_for_longer() -> None:
    """The age counts from before the question."""

    async def go() -> None:
        clock, asked, answer = Clock(), asyncio.Event(), asyncio.Event()

        async def slowly(hash_: bytes) -> str:
            asked.set()
            await answer.wait()
            return "valid"

        lookup = Lookup(slowly, seconds=SECONDS, limit=10, clock=clock)
        reading = asyncio.ensure_future(lookup.get(b"x"))
        await asked.wait()
        clock.now += 5
        answer.set()

        assert await reading == "valid"
        assert lookup.known(b"x") == (False, None)

    asyncio.run(go())


def test_the_least_recently_used_is_forgotten_first() -> None:
    async def go() -> None:
        table = Table()
        lookup = Lookup(table.read, seconds=SECONDS, limit=2, clock=Clock())
        for hash_ in (b"a", b"b", b"c"):
            await lookup.get(hash_)

        assert [lookup.known(hash_)[0] for hash_ in (b"a", b"b", b"c")] == [False, True, True]

    asyncio.run(go())


def test_a_gateway_believes_for_two_seconds() -> None:
    """Docs promise five for a revoked key: two, and the answer of a database that is slow."""
    assert GatewayConfig.__dataclass_fields__["route_seconds"].default == SECONDS
