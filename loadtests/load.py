"""A load client that costs little: raw sockets, kept open, one request under way on each.

Closed loop: every connection sends again as soon as it is answered, for `seconds`. Open loop: `rate` requests a second,
whatever the answers do, so that a slow answer delays no later request's clock.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import urllib.request
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import uvloop

from loadtests.payload import body


@dataclass(frozen=True)
class Target:
    """Where to post, with which headers."""

    name: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sent:
    """One request: times are seconds since the epoch, `status` 0 is a broken connection."""

    seq: int
    status: int
    began_at: float
    ended_at: float


class _Connection:
    def __init__(self, target: Target):
        parts = urlsplit(target.url)
        assert parts.hostname and parts.port
        self._address = parts.hostname, parts.port
        lines = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in target.headers.items()]
        self._head = "\r\n".join(lines).encode() + b"\r\nContent-Length: "

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(*self._address)

    async def send(self, seq: int) -> Sent:
        content = body(seq)
        began_at = time.time()
        try:
            self._writer.write(self._head + b"%d\r\n\r\n" % len(content) + content)
            head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            await self._reader.readexactly(length)
            return Sent(seq, int(head[9:12]), began_at, time.time())
        except (OSError, asyncio.IncompleteReadError):
            await self.open()
            return Sent(seq, 0, began_at, time.time())


def closed_loop(
    target: Target, *, connections: int, seconds: float, first: int, limit: int | None = None
) -> list[Sent]:
    """As many requests as `connections` can get answered in `seconds`, at most `limit`, numbered from `first`."""

    async def run() -> list[Sent]:
        numbers = iter(itertools.count(first) if limit is None else range(first, first + limit))
        sent = list[Sent]()
        lanes = [_Connection(target) for _ in range(connections)]
        await asyncio.gather(*(lane.open() for lane in lanes))
        until = time.time() + seconds

        async def drive(lane: _Connection) -> None:
            for number in numbers:
                sent.append(await lane.send(number))
                if time.time() >= until:
                    break

        await asyncio.gather(*(drive(lane) for lane in lanes))
        return sent

    return uvloop.run(run())


def open_loop(target: Target, *, rate: float, seconds: float, first: int, connections: int = 16) -> list[Sent]:
    """`rate` requests a second for `seconds`, numbered from `first`."""

    async def run() -> list[Sent]:
        free: asyncio.Queue[_Connection] = asyncio.Queue()
        for _ in range(connections):
            lane = _Connection(target)
            await lane.open()
            free.put_nowait(lane)

        async def one(seq: int) -> Sent:
            lane = await free.get()
            try:
                return await lane.send(seq)
            finally:
                free.put_nowait(lane)

        began_at, tasks = time.time(), list[asyncio.Task[Sent]]()
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, began_at + number / rate - time.time()))
            tasks.append(asyncio.create_task(one(first + number)))
        return list(await asyncio.gather(*tasks))

    return uvloop.run(run())


def arrivals(sink_url: str, path: str = "arrivals") -> dict[int, tuple[float, int]]:
    """What the sink has seen: {seq: (first arrival, count)}."""
    with urllib.request.urlopen(f"{sink_url}/{path}", timeout=60) as answer:
        return {int(seq): (first, int(count)) for seq, (first, count) in json.load(answer).items()}


def drained(sink_url: str, sent: list[Sent], *, stall_seconds: float = 15.0) -> dict[int, tuple[float, int]]:
    """The sink's arrivals once every accepted request is there, or nothing has come for `stall_seconds`."""
    wanted = {one.seq for one in sent if one.status == 202}
    seen, changed_at = arrivals(sink_url), time.monotonic()
    while not wanted <= seen.keys() and time.monotonic() - changed_at < stall_seconds:
        time.sleep(0.1)
        now = arrivals(sink_url)
        if len(now) != len(seen):
            changed_at = time.monotonic()
        seen = now
    return seen


def percentile(values: list[float], share: float) -> float:
    """In the unit of `values`; nan of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")
