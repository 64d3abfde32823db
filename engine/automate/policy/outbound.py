"""The line at the door: outbound rates held in the database, so that all workflows and workers share them.

Questions that come at the same moment are asked together, in one transaction that locks the rates in one order and
reads the database's clock once it has them. A call that may be made is counted before it is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from automate.models import OutboundPace
from automate.policy.effective import HostRate
from automate.policy.pace import Pace
from automate.policy.window import WINDOW_MS
from automate_llm.rows import insert_missing

KEPT = timedelta(hours=1)  # an unused rate's row


class Ask(NamedTuple):
    """One rate that a call counts against."""

    key: str
    per_minute: int
    layer: str
    pattern: str

    @classmethod
    def of(cls, rate: HostRate) -> Ask:
        return cls(f"{rate.layer}:{rate.key}:{rate.pattern}"[:300], rate.per_minute, rate.layer, rate.pattern)


@dataclass
class _Waiting:
    rates: Sequence[Ask]
    ticket: str
    answer: asyncio.Future[int]


class Line:
    """Gathers questions of one event loop. `run` runs a blocking call inside the workspace."""

    def __init__(self, run: Callable[[Callable[[], Any]], Awaitable[Any]], *, window_ms: int = WINDOW_MS):
        self._run = run
        self._window_ms = window_ms
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}

    async def ask(self, rates: Sequence[Ask], ticket: str) -> int:
        """See `ask`. Questions asked while another is under way form the next one."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(rates, ticket, loop.create_future())
        if loop in self._waiting:
            self._waiting[loop].append(waiting)
        else:
            self._waiting[loop] = [waiting]
            task = loop.create_task(self._drain(loop))
            self._tasks.add(task)  # the loop itself keeps no reference
            task.add_done_callback(self._tasks.discard)
        return await waiting.answer

    async def _drain(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            while batch := self._waiting[loop]:
                self._waiting[loop] = []
                await self._answer(batch)
        finally:
            del self._waiting[loop]

    async def _answer(self, batch: list[_Waiting]) -> None:
        questions = [(waiting.rates, waiting.ticket) for waiting in batch]
        try:
            waits = await self._run(lambda: ask(questions, window_ms=self._window_ms))
        except Exception as error:  # each caller's step fails with it; none goes out uncounted
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
            return
        for waiting, wait in zip(batch, waits, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(wait)


def ask(questions: Sequence[tuple[Sequence[Ask], str]], *, window_ms: int = WINDOW_MS) -> list[int]:
    """For each call (its rates, its ticket): 0 when it may be made now, and is counted; else ms until its turn.

    All of a call's rates must have room at once. Exact by the database's clock, in any number of processes.
    """
    limits = {rate.key: rate.per_minute for rates, _ in questions for rate in rates}
    with transaction.atomic():
        missing = [OutboundPace(key=key, updated_at=timezone.now()) for key in sorted(limits)]
        insert_missing(OutboundPace, missing, same="updated_at")  # which is written below
        rows = {row.key: row for row in OutboundPace.objects.select_for_update().filter(key__in=limits).order_by("key")}
        now = OutboundPace.objects.filter(pk=min(limits)).values_list(Now(), flat=True)[0]  # the locks are held by now
        now_ms = int(now.timestamp() * 1000)
        paces = {key: Pace.from_json(row.state) for key, row in rows.items()}
        for pace in paces.values():
            pace.tidy(now_ms=now_ms, window_ms=window_ms)
        waits = [_one(paces, rates, ticket, now_ms, window_ms) for rates, ticket in questions]
        for key, row in rows.items():
            row.state, row.updated_at = paces[key].as_json(), now
        OutboundPace.objects.bulk_update(rows.values(), ["state", "updated_at"])
    return waits


def _one(paces: dict[str, Pace], rates: Sequence[Ask], ticket: str, now_ms: int, window_ms: int) -> int:
    waits = {
        rate.key: paces[rate.key].wait_ms(ticket, now_ms=now_ms, limit=rate.per_minute, window_ms=window_ms)
        for rate in rates
    }
    wait = max(waits.values())
    for rate in rates:
        if wait == 0:
            paces[rate.key].let_through(ticket, now_ms=now_ms, limit=rate.per_minute)
        elif waits[rate.key]:
            paces[rate.key].keep_place(ticket, back_at_ms=now_ms + wait)
    return wait
