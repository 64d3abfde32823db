"""Ledger: facts that are worth keeping but never worth waiting for. Gathered in memory, written in the background.

Refusals: a count for each (endpoint, code, minute), the newest 100 samples of each endpoint, redacted, and their
episodes for the audit log. Keys: the minute of their latest use. While the database is away the newest of them wait,
within bounds; with the process they are lost.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import orjson

from automate.ingest.refusal import Refusal
from automate_web.gateway.episodes import Episodes, Sample
from automate_web.gateway.http import Request
from automate_web.gateway.link import Link, LinkLost
from automate_web.gateway.routes import Route

KEPT_SAMPLES = 100  # of each endpoint
MAX_ENDPOINTS = 1000  # with samples in memory at once
MAX_COUNTERS = 20_000
WRITE_SECONDS = 0.25  # a refused attempt shows on the start page within 1 s
RETRY_SECONDS = 1.0


class Ledger:
    """One connection, and one task while there is something to write.

    `on_written` hears whose samples are new, `on_opened` that refusal episodes are to be told of.
    """

    def __init__(self, link: Link, *, on_written: Callable[[set[int]], None], on_opened: Callable[[], None]):
        self._link = link
        self._on_written = on_written
        self._on_opened = on_opened
        self._counts: Counter[tuple[int, UUID, str, datetime]] = Counter()
        self._samples: dict[UUID, deque[Sample]] = {}
        self._episodes = Episodes()
        self._used_keys: set[int] = set()
        self._touched: dict[int, datetime] = {}  # key -> the minute already written
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def refused(self, route: Route, refusal: Refusal, request: Request) -> None:
        """Note that a request to a known endpoint was refused."""
        now = datetime.now(UTC)
        counter = (route.tenant_id, route.endpoint_id, refusal.code, now.replace(second=0, microsecond=0))
        if counter in self._counts or len(self._counts) < MAX_COUNTERS:
            self._counts[counter] += 1
        sample = _sample(route, refusal, request, now)
        self._episodes.note(sample)
        samples = self._samples.get(route.endpoint_id)
        if samples is None and len(self._samples) < MAX_ENDPOINTS:
            samples = self._samples[route.endpoint_id] = deque(maxlen=KEPT_SAMPLES)
        if samples is not None:
            samples.append(sample)
        self._wake()

    def used(self, key_id: int) -> None:
        """Note that an API key was used."""
        minute = datetime.now(UTC).replace(second=0, microsecond=0)
        if self._touched.get(key_id) != minute:
            if len(self._touched) > MAX_COUNTERS:
                self._touched.clear()
            self._touched[key_id] = minute
            self._used_keys.add(key_id)
            self._wake()

    async def finish(self) -> None:
        self._closing.set()
        if self._task is not None:
            await asyncio.wait({self._task})
        await self._link.close()

    def _wake(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._counts or self._samples or self._episodes or self._used_keys:
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
        """Each part is taken out of memory once it is written; a lost connection may count a refusal twice."""
        if self._used_keys:
            keys = sorted(self._used_keys)
            await self._link.run("touch_keys", keys)
            self._used_keys.difference_update(keys)
        if self._counts:
            counts = sorted(self._counts.items(), key=lambda item: str(item[0]))
            columns = zip(*((*counter, count) for counter, count in counts), strict=True)
            await self._link.run("count_refusals", *map(list, columns))
            self._counts.subtract(dict(counts))
            self._counts = +self._counts
        if self._samples:
            samples, self._samples = self._samples, {}
            try:
                await self._keep([sample for queue in samples.values() for sample in queue])
            except BaseException:
                for endpoint_id, queue in samples.items():
                    queue.extend(self._samples.get(endpoint_id, ()))
                    self._samples[endpoint_id] = queue
                raise
        if self._episodes and await self._episodes.write(self._link):
            self._on_opened()

    async def _keep(self, samples: list[Sample]) -> None:
        await self._link.run(
            "keep_refusals",
            [sample.tenant_id for sample in samples],
            [sample.endpoint_id for sample in samples],
            [sample.code for sample in samples],
            [sample.shown(sample.message)[:500] for sample in samples],
            [orjson.dumps(sample.shown(sample.details)).decode() for sample in samples],
            [sample.trace_id for sample in samples],
            [sample.ip for sample in samples],
            [sample.received_at for sample in samples],
        )
        self._on_written({sample.tenant_id for sample in samples})
        endpoints = sorted({(sample.tenant_id, sample.endpoint_id) for sample in samples})
        await self._link.run("trim_refusals", [t for t, _ in endpoints], [e for _, e in endpoints], KEPT_SAMPLES)


def _sample(route: Route, refusal: Refusal, request: Request, now: datetime) -> Sample:
    fields = request.fields
    seen = {
        "method": request.method[:20],
        "content_type": fields.get("content-type", "")[:100],
        "user_agent": fields.get("user-agent", "")[:200],
        "content_length": fields.get("content-length", "")[:20],
    }
    return Sample(
        tenant_id=route.tenant_id,
        endpoint_id=route.endpoint_id,
        code=refusal.code,
        message=refusal.message,
        details={**refusal.details, "request": {name: value for name, value in seen.items() if value}},
        trace_id=UUID(hex=request.trace_id),
        ip=_address(request.ip),
        received_at=now,
        masks_emails=route.masks_emails,
    )


def _address(text: str | None) -> str | None:
    try:
        return str(ipaddress.ip_address(text)) if text else None
    except ValueError:
        return None
