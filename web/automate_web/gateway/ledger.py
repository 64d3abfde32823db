"""Ledger: facts that are worth keeping but never worth waiting for. Gathered in memory, written in the background.

Refusals: a count for each (endpoint, code, minute), the newest 100 samples of each endpoint, redacted, and their
episodes for the audit log. Requests that were taken: a count for each (endpoint, five minutes), and samples of those
that made no event. Keys: the minute and address of their latest use. While the database is away the newest of them
wait, within bounds; with the process they are lost.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import orjson

from automate.ingest.refusal import Refusal
from automate_web.gateway.episodes import Episodes
from automate_web.gateway.http import Request
from automate_web.gateway.link import Link, LinkLost
from automate_web.gateway.routes import Route
from automate_web.gateway.samples import KEPT_SAMPLES, Answered, Refused, Sample, Samples, address, refused_sample
from automate_web.gateway.taken import Taken
from automate_web.gateway.waiting import Stored

MAX_COUNTERS = 20_000
WRITE_SECONDS = 0.25  # a refused attempt shows on the start page within 1 s
RETRY_SECONDS = 1.0

S = TypeVar("S", bound=Sample)


class Ledger:
    """One connection, and one task while there is something to write.

    `on_written` hears whose samples are new, `on_opened` that refusal episodes are to be told of.
    """

    def __init__(self, link: Link, *, on_written: Callable[[set[int]], None], on_opened: Callable[[], None]):
        self._link = link
        self._on_written = on_written
        self._on_opened = on_opened
        self._counts: Counter[tuple[int, UUID, str, datetime]] = Counter()
        self._refused: Samples[Refused] = Samples()
        self._answered: Samples[Answered] = Samples()
        self._episodes = Episodes()
        self._taken = Taken(limit=MAX_COUNTERS)
        self._used_keys: dict[int, str | None] = {}  # from which address
        self._touched: dict[int, int] = {}  # key -> the minute already written
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def refused(self, route: Route, refusal: Refusal, request: Request) -> None:
        """Note that a request to a known endpoint was refused."""
        now = datetime.now(UTC)
        counter = (route.tenant_id, route.endpoint_id, refusal.code, now.replace(second=0, microsecond=0))
        if counter in self._counts or len(self._counts) < MAX_COUNTERS:
            self._counts[counter] += 1
        sample = refused_sample(route, refusal, request, now, self._refused.content(request))
        self._episodes.note(sample)
        self._refused.add(sample)
        self._wake()

    def taken(self, route: Route, request: Request, stored: Stored) -> None:
        """Note that a request was answered 202."""
        self._taken.note(route.tenant_id, route.endpoint_id, is_duplicate=stored.is_duplicate)
        if stored.is_duplicate:
            self._answer(route, request, "duplicate", stored)
        self._wake()

    def tried(self, route: Route, request: Request) -> None:
        """Note that a test key passed every check; nothing was stored, and it counts as nothing taken."""
        self._answer(route, request, "test", None)
        self._wake()

    def challenged(self, route: Route, request: Request) -> None:
        """Note that a sender asked whether somebody is here, and was answered."""
        self._answer(route, request, "challenge", None)
        self._wake()

    def used(self, key_id: int, ip: str | None) -> None:
        """Note that an API key was used."""
        minute = int(time.time()) // 60
        if self._touched.get(key_id) != minute:
            if len(self._touched) > MAX_COUNTERS:
                self._touched.clear()
            self._touched[key_id] = minute
            self._used_keys[key_id] = address(ip)
            self._wake()

    async def finish(self) -> None:
        self._closing.set()
        if self._task is not None:
            await asyncio.wait({self._task})
        await self._link.close()

    def _answer(self, route: Route, request: Request, verdict: str, stored: Stored | None) -> None:
        self._answered.add(
            Answered(
                tenant_id=route.tenant_id,
                endpoint_id=route.endpoint_id,
                trace_id=UUID(hex=request.trace_id),
                ip=address(request.ip),
                received_at=datetime.now(UTC),
                masks_emails=route.masks_emails,
                content=self._answered.content(request),
                verdict=verdict,
                event_id=stored.event_id if stored is not None else None,
                body_differs=stored is not None and stored.body_differs,
            )
        )

    def _wake(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def _has_news(self) -> bool:
        return bool(self._counts or self._refused or self._answered or self._episodes or self._used_keys or self._taken)

    async def _run(self) -> None:
        try:
            while self._has_news():
                await self._pause(WRITE_SECONDS)
                try:
                    await self._write()
                except (LinkLost, asyncpg.PostgresError):
                    if self._closing.is_set():
                        return
                    await self._pause(RETRY_SECONDS)
        finally:
            self._task = None

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return

    async def _write(self) -> None:
        """Each part is taken out of memory once it is written; a lost connection may count a request twice."""
        if self._used_keys:
            keys, self._used_keys = dict(sorted(self._used_keys.items())), {}
            try:
                await self._link.run("touch_keys", list(keys), list(keys.values()))
            except BaseException:
                self._used_keys = keys | self._used_keys
                raise
        if self._counts:
            counts = sorted(self._counts.items(), key=lambda item: str(item[0]))
            columns = zip(*((*counter, count) for counter, count in counts), strict=True)
            await self._link.run("count_refusals", *map(list, columns))
            self._counts.subtract(dict(counts))
            self._counts = +self._counts
        if self._refused:
            await self._write_samples(self._refused, self._keep_refused)
        if self._answered:
            await self._write_samples(self._answered, self._keep_answered)
        if self._taken.is_due or self._closing.is_set():
            await self._taken.write(self._link)
        if self._episodes and await self._episodes.write(self._link):
            self._on_opened()

    async def _write_samples(self, samples: Samples[S], keep: Callable[[list[S]], Awaitable[None]]) -> None:
        taken = samples.take()
        try:
            await keep(taken)
        except BaseException:
            samples.put_back(taken)
            raise
        self._on_written({sample.tenant_id for sample in taken})

    async def _keep_refused(self, samples: list[Refused]) -> None:
        shown = await asyncio.to_thread(_shown_refusals, samples)
        await self._link.run("keep_refusals", *shown)
        await self._link.run("trim_refusals", *_endpoints(samples), KEPT_SAMPLES)

    async def _keep_answered(self, samples: list[Answered]) -> None:
        headers = await asyncio.to_thread(lambda: [sample.headers() for sample in samples])
        await self._link.run(
            "keep_requests",
            [sample.tenant_id for sample in samples],
            [sample.endpoint_id for sample in samples],
            [sample.verdict for sample in samples],
            [sample.event_id for sample in samples],
            [sample.body_differs for sample in samples],
            [sample.trace_id for sample in samples],
            [sample.ip for sample in samples],
            headers,
            [sample.received_at for sample in samples],
        )
        await self._link.run("trim_requests", *_endpoints(samples), KEPT_SAMPLES)


def _shown_refusals(samples: list[Refused]) -> list[list[Any]]:
    """The columns of `keep_refusals`, redacted: some 0.2 ms for each sample, so not on the event loop."""
    return [
        [sample.tenant_id for sample in samples],
        [sample.endpoint_id for sample in samples],
        [sample.code for sample in samples],
        [sample.shown(sample.message)[:500] for sample in samples],
        [orjson.dumps(sample.shown(sample.details)).decode() for sample in samples],
        [sample.trace_id for sample in samples],
        [sample.ip for sample in samples],
        [sample.received_at for sample in samples],
        [sample.headers() for sample in samples],
        [sample.body() for sample in samples],
    ]


def _endpoints(samples: Sequence[Sample]) -> tuple[list[int], list[UUID]]:
    found = sorted({(sample.tenant_id, sample.endpoint_id) for sample in samples})
    return [tenant_id for tenant_id, _ in found], [endpoint_id for _, endpoint_id in found]
