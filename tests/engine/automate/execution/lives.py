"""Workers whose every life can be cut short at a named point, over the real store: what proofs about runs are made of.

A *life* is one worker's memory. It passes points, each with a name: before and after every claim, load, write and
answer in the database, before and after the effect of every call. Killed at one, it passes none again: nothing of it is
written any more, and what it held comes back when its lease runs out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.db import connections

from automate.execution.engine import ExecutionEngine
from automate.execution.threads import ConnectorThreads
from automate.models import ExecutionRun, OutboxJob, RunWait, StepRun
from automate.outbox.store import Claim, Writes
from automate.runtime import emit_event
from automate.services.deadletters import settle
from automate.services.waits import answer_approval
from automate_connectors import registry
from automate_connectors.adapters.base import ConnectorAdapter
from automate_connectors.models import ActionSpec, ConnectorError
from automate_tenants.context import tenant_scope
from automate_tenants.dispatch.store import DispatchStore
from tests.engine.automate.execution.conftest import Bench
from tests.support import dispatch

UnitName = tuple[UUID, str, int]  # run, step, item
FINAL = frozenset({"succeeded", "failed", "cancelled"})
RECORDED = frozenset({"succeeded", "skipped", "unknown", "cancelled"})  # and failed, when no retry follows


class Killed(BaseException):
    """The worker is gone. No `except Exception` sees it."""


class HandClock:
    """The engine's clock: the real one, moved by hand."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def now(self) -> datetime:
        return datetime.now(timezone.utc) + self.shift


@dataclass
class Life:
    """Points passed so far, and where the life ends: at the `kill_at`-th, or its lease is lost at the `lose_at`-th."""

    kill_at: int | None = None
    lose_at: int | None = None
    stop_at: int | None = None  # told to stop, politely
    passed: list[str] = field(default_factory=list)
    is_over: bool = False
    is_stopping: bool = False

    def pass_(self, name: str, lose: Callable[[], None] = lambda: None) -> None:
        if self.is_over:
            raise Killed(name)
        number = len(self.passed)
        self.passed.append(name)
        if number == self.stop_at:
            self.is_stopping = True
        if number == self.lose_at:
            lose()
        if number == self.kill_at:
            self.is_over = True
            raise Killed(name)


class PlayedAdapter(ConnectorAdapter):
    """An outside system that plays what `params.does` says, and keeps what happened there.

    ok: it happens · busy: refused the first time, a repeat is safe · refuse: refused for good · lost: it happens, and
    the first reply is lost. Receivers of `keyed` honour keys, those of `write` do not.
    """

    code = "played"
    name = "Played, for proofs"
    actions: ClassVar = {
        "read": ActionSpec(effect="read", open_inputs=True),
        "keyed": ActionSpec(effect="write", idempotency="native", open_inputs=True),
        "write": ActionSpec(effect="write", idempotency="none", open_inputs=True),
    }
    world: ClassVar[World]

    def execute(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> Any:
        raise NotImplementedError("on the event loop only, so that the order of calls is always the same")

    async def aexecute(self, action: str, params: dict[str, Any], context: dict[str, Any]) -> Any:
        return await self.world.called(action, str(params.get("does", "ok")), context)


class LivingStore:
    """The real store; every question and every write is a point of the present life."""

    def __init__(self, world: World):
        self._store = DispatchStore()
        self._world = world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def claim_batch(self, **how: Any) -> Claim | None:
        self._pass("before claim")
        claim = self._store.claim_batch(**how)
        self._pass("after claim")
        return claim

    def load_runs(self, claim: Claim, run_ids: Sequence[UUID]) -> Any:
        self._pass("before load")
        found = self._store.load_runs(claim, run_ids)
        self._pass("after load")
        return found

    @contextmanager
    def entered(self, scope: Hashable) -> Iterator[None]:
        self._pass("before inside")
        with self._store.entered(scope):
            yield
        self._pass("after inside")

    def write(self, claim: Claim, writes: Writes, *, final: bool, seconds: float) -> bool:
        name = "final" if final else "write"
        self._pass(f"before {name}")
        is_written = self._store.write(claim, writes, final=final, seconds=seconds)
        if is_written:
            self._world.note(writes)
        self._pass(f"after {name}")
        return is_written

    def _pass(self, name: str) -> None:
        self._world.life.pass_(name, self._world.take_leases)


class World:
    """One workspace, its workers one after another, the system they call, the people who answer, and the clock."""

    def __init__(self, bench: Bench):
        self.bench = bench
        self.clock = HandClock()
        self.life = Life()
        self.recorded: set[UnitName] = set()  # units whose result is committed
        self.calls: list[UnitName] = []
        self.keys: dict[UnitName, set[str]] = {}
        self.effects: Counter[UnitName] = Counter()  # what happened, once for each key where keys are honoured
        self.order: list[UnitName] = []  # of effects
        self.honoured: set[str] = set()
        self.wrongs: list[str] = []
        self._seen: Counter[UnitName] = Counter()
        self._threads = ConnectorThreads(1)
        self._database = ThreadPoolExecutor(1)
        registry.register(PlayedAdapter)
        PlayedAdapter.world = self

    def close(self) -> None:
        self._database.submit(connections.close_all).result()
        self._database.shutdown()
        self._threads.shutdown()

    # -- workers -----------------------------------------------------------------------------------------------------

    def live(self, **ends: Any) -> Life:
        """A worker from its start until nothing is due, or until it dies; then its leases run out."""
        life = self.life = Life(**ends)
        try:
            asyncio.run(self._work(life))
        except Killed:
            self.take_leases()
        else:
            if life.is_over:
                self.take_leases()
        life.is_over = True
        return life

    async def _work(self, life: Life) -> None:
        store = LivingStore(self)
        engine = ExecutionEngine(
            store,
            connectors=self._threads,
            database=self._database,
            clock=self.clock,
            must_stop=lambda: life.is_stopping,
        )
        while not life.is_stopping:
            claim = await engine.in_database(lambda: store.claim_batch(limit=10, worker="proof", lease_seconds=30.0))
            if claim is None:
                return
            await engine.in_database(partial(store.confirm, claim))
            await (await engine.open(claim)).process()

    def take_leases(self) -> None:
        """Every lease has run out; what it held is due again."""
        dispatch.end_leases()
        with tenant_scope(self.bench.ref):
            past = datetime.now(timezone.utc) - timedelta(seconds=1)
            OutboxJob.objects.filter(status="PENDING", attempts__gt=0).update(available_at=past)
        self.bench.make_due_jobs()

    def crashes(self) -> int:
        """The most crashes in a row that some job has: five bury it."""
        with tenant_scope(self.bench.ref):
            return max(OutboxJob.objects.values_list("attempts", flat=True), default=0)

    # -- what is called, and what is recorded --------------------------------------------------------------------------

    async def called(self, action: str, does: str, context: dict[str, Any]) -> Any:
        unit = (UUID(context["run_id"]), context["step_id"], context["item"])
        if unit in self.recorded:
            self.wrongs.append(f"{unit} was called although its result is recorded")
        await self._pass("before effect")
        key = context["idempotency_key"]
        self.calls.append(unit)
        self.keys.setdefault(unit, set()).add(key)
        self._seen[unit] += 1
        is_first = self._seen[unit] == 1
        if does == "refuse" or (does == "busy" and is_first):
            raise ConnectorError("No.", code="refused", retryable=does == "busy")
        if action == "write" or (action == "keyed" and key not in self.honoured):
            self.effects[unit] += 1
            self.order.append(unit)
            self.honoured.add(key)
        await self._pass("after effect")
        if does == "lost" and is_first:
            raise ConnectorError("The reply was lost.", code="lost", in_doubt=True)
        return {"item": context["item"]}

    async def _pass(self, name: str) -> None:
        lost: list[str] = []
        self.life.pass_(name, lambda: lost.append(name))
        if lost:
            await asyncio.get_running_loop().run_in_executor(self._database, self.take_leases)

    def note(self, writes: Writes) -> None:
        """The write is committed."""
        for row in writes.steps:
            if row.status in RECORDED or (row.status == "failed" and row.retry_at is None):
                self.recorded.add((row.run_id, row.step_id, row.item))

    # -- time, people, events ------------------------------------------------------------------------------------------

    def pass_time(self, span: timedelta) -> None:
        """For everybody: the engine and the database."""
        self.clock.shift += span
        with tenant_scope(self.bench.ref):
            for job in OutboxJob.objects.filter(status="PENDING"):
                job.available_at -= span
                job.save(update_fields=["available_at"])
        self.bench.make_due_jobs()

    def seconds_to_next(self) -> float | None:
        """Until a job falls due; None when nothing will happen by itself."""
        with tenant_scope(self.bench.ref):
            due = OutboxJob.objects.filter(status="PENDING").order_by("available_at").first()
        return None if due is None else max(0.0, (due.available_at - datetime.now(timezone.utc)).total_seconds())

    def open_waits(self, kind: str) -> list[RunWait]:
        with tenant_scope(self.bench.ref):
            return list(RunWait.objects.filter(kind=kind, status="open").order_by("id"))

    def approve(self, wait: RunWait, *, yes: bool) -> None:
        with tenant_scope(self.bench.ref):
            answer_approval(wait_id=wait.id, approved=yes, actor="user:1", now=self.clock.now())
        self.bench.make_due_jobs()

    def emit(self, event_type: str, payload: dict[str, Any]) -> UUID:
        with tenant_scope(self.bench.ref):
            return UUID(emit_event(event_type, payload))

    def settle(self, attempt: StepRun, *, happened: bool) -> None:
        """A person says what became of an attempt in doubt."""
        unit = (attempt.run_id, attempt.step_id, attempt.item)
        verdict: Any = "happened" if happened else "did_not_happen"
        with tenant_scope(self.bench.ref):
            settle(run_id=unit[0], step_id=unit[1], item=unit[2], verdict=verdict, actor="user:1", now=self.clock.now())
        if not happened:
            self.recorded.discard(unit)
            self.effects[unit] = 0  # the person has seen to it that it did not
        self.bench.make_due_jobs()

    # -- what is stored ------------------------------------------------------------------------------------------------

    def runs(self) -> list[ExecutionRun]:
        with tenant_scope(self.bench.ref):
            return list(ExecutionRun.objects.order_by("created_at", "id"))

    def attempts(self, run_id: UUID | None = None) -> list[StepRun]:
        with tenant_scope(self.bench.ref):
            found = StepRun.objects.all() if run_id is None else StepRun.objects.filter(run_id=run_id)
            return list(found.order_by("position", "step_id", "item", "round", "attempt"))

    def latest(self, run_id: UUID) -> dict[tuple[str, int], StepRun]:
        return {(row.step_id, row.item): row for row in self.attempts(run_id)}
