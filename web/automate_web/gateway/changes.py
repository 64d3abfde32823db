"""Changes: one poller per process tells its live streams what changed in their workspaces.

Nobody listening: no query. Somebody: one statement for all of their tenants together, every 0.8 s while nothing
happens, sooner after this process itself stored an event or wrote a refusal, and every 0.3 s while things keep
changing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from automate_web.gateway.link import Link, LinkLost

IDLE_SECONDS = 0.8
BUSY_SECONDS = 0.3
HINT_SECONDS = 0.05  # after a hint: time for the worker to claim and finish a short run
RETRY_SECONDS = 1.0
RECENT_SECONDS = 30.0  # how long a new event or run may take to become visible and still be told


@dataclass
class News:
    """What changed since a stream was last told."""

    events: int = 0
    runs: set[str] = field(default_factory=set)
    refusals: int = 0

    def add(self, other: News) -> None:
        self.events += other.events
        self.runs |= other.runs
        self.refusals += other.refusals

    def __bool__(self) -> bool:
        return bool(self.events or self.runs or self.refusals)


class Subscription:
    """One stream's unread news; news that are not read yet are added up, so a slow reader costs no memory."""

    def __init__(self, tenant_id: int):
        self.tenant_id = tenant_id
        self._unread = News()
        self._arrived = asyncio.Event()
        self.has_begun = asyncio.Event()  # the tenant was looked at: from here on every change is told

    def tell(self, news: News) -> None:
        self._unread.add(news)
        self._arrived.set()

    async def next(self) -> News:
        """The news since the last call, as soon as there are any."""
        await self._arrived.wait()
        self._arrived.clear()
        news, self._unread = self._unread, News()
        return news


class View:
    """What the poller has seen of one tenant; the first look tells nothing."""

    def __init__(self) -> None:
        self._events: set[str] | None = None
        self._runs: dict[str, str] = {}
        self._refusal = 0

    def compare(self, rows: Iterable[tuple[str, str | None, str]]) -> News:
        """What `rows` (kind, id, mark) show that the rows before did not."""
        events: set[str] = set()
        runs: dict[str, str] = {}
        refusal = 0
        for kind, id_, mark in rows:
            if id_ is None:
                continue
            if kind == "event":
                events.add(id_)
            elif kind == "run":
                runs[id_] = mark
            else:
                refusal = int(id_)
        news = News()
        if self._events is not None:
            news.events = len(events - self._events)
            news.runs = {run for run, mark in runs.items() if self._runs.get(run) != mark}
            news.runs |= {run for run, mark in self._runs.items() if run not in runs and not _is_final(mark)}
            news.refusals = max(0, refusal - self._refusal)
        self._events, self._runs, self._refusal = events, runs, refusal
        return news


def _is_final(mark: str) -> bool:
    """A final run leaves the view by growing old; an unfinished one only by finishing."""
    return mark.split(" ", 1)[0] in {"succeeded", "failed", "cancelled"}


class Changes:
    """The poller."""

    def __init__(self, link: Link):
        self._link = link
        self._subscriptions: dict[int, set[Subscription]] = {}
        self._views: dict[int, View] = {}
        self._task: asyncio.Task[None] | None = None
        self._hinted = asyncio.Event()
        self.queries = 0  # made so far

    def subscribe(self, tenant_id: int) -> Subscription:
        subscription = Subscription(tenant_id)
        self._subscriptions.setdefault(tenant_id, set()).add(subscription)
        self._hinted.set()  # the first look is the one that later ones are compared with
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        listeners = self._subscriptions.get(subscription.tenant_id, set())
        listeners.discard(subscription)
        if not listeners:
            self._subscriptions.pop(subscription.tenant_id, None)
            self._views.pop(subscription.tenant_id, None)

    def hint(self, tenants: set[int]) -> None:
        """Something was just written for these tenants: look soon."""
        if not self._hinted.is_set() and not tenants.isdisjoint(self._subscriptions):
            self._hinted.set()

    async def finish(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._link.close()

    async def _run(self) -> None:
        try:
            pause = 0.0
            while self._subscriptions:
                await self._wait(pause)
                try:
                    pause = BUSY_SECONDS if await self._look() else IDLE_SECONDS
                except (LinkLost, asyncpg.PostgresError):
                    pause = RETRY_SECONDS
        finally:
            self._task = None

    async def _wait(self, seconds: float) -> None:
        """Until `seconds` have passed, or shortly after a hint."""
        try:
            async with asyncio.timeout(seconds):
                await self._hinted.wait()
            await asyncio.sleep(min(seconds, HINT_SECONDS))
        except TimeoutError:
            pass
        self._hinted.clear()

    async def _look(self) -> bool:
        """One query for every tenant that somebody listens to; whether anything changed."""
        tenants = sorted(self._subscriptions)
        self.queries += 1
        rows = await self._link.run("changes", tenants, recent_id(RECENT_SECONDS))
        by_tenant: dict[int, list[tuple[Any, ...]]] = {tenant_id: [] for tenant_id in tenants}
        for row in rows:
            by_tenant[row["tenant_id"]].append((row["kind"], row["id"], row["mark"]))
        found = False
        for tenant_id, seen in by_tenant.items():
            listeners = self._subscriptions.get(tenant_id)
            if not listeners or not seen:  # left meanwhile, or the tenant is being migrated
                continue
            news = self._views.setdefault(tenant_id, View()).compare(seen)
            for subscription in listeners:
                subscription.has_begun.set()
                if news:
                    subscription.tell(news)
            found = found or bool(news)
        return found


def recent_id(seconds: float) -> UUID:
    """The smallest id made within the last `seconds`: its first 48 bits are the millisecond."""
    return UUID(int=int((time.time() - seconds) * 1000) << 80)
