"""A claimed batch from match to record.

Quick batches are written once, at the end: event, decisions, runs, steps and jobs in one transaction. A batch that
takes longer, or that is about to have an effect which must not be repeated, is written in parts: what is done is
recorded and leaves the lease, what goes on stays in it with a job of its own. When a lease is lost, nothing more is
written and every run in hand is dropped: another worker has them, and recorded results are final.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from django.db import DatabaseError

from automate import host, metrics
from automate.execution import ticks, waiting
from automate.execution.advance import Advancer
from automate.execution.family import answer_of, take_waits
from automate.execution.flow import quotas
from automate.execution.flow.gate import Entered, Gate
from automate.execution.flow.loops import stop_loops
from automate.execution.flow.spec import parse_flow
from automate.execution.hands import Hands
from automate.execution.match import RuleEngine
from automate.execution.progress import RunProgress
from automate.execution.resume import new_run, resume
from automate.execution.states import FINAL_RUN
from automate.ingest.hops import is_fresh
from automate.outbox.store import Claim, EventData, Hops, Job, OutboxStore, RunSnapshot, Writes
from automate.policy.guard import Guard
from automate.triggers import completion
from automate_governance.clock import Clock
from automate_governance.redaction.current import masking_emails

Answer = TypeVar("Answer")

FIRST_WRITE_SECONDS = 0.25  # a batch younger than this is not written in parts
NEXT_WRITE_SECONDS = 1.0


class InDatabase(Protocol):
    """Runs a blocking call in a database thread."""

    def __call__(self, work: Callable[[], Answer], /) -> Awaitable[Answer]: ...


class Batch:
    """One claim being worked on. `process` returns when all of it is recorded or lost."""

    def __init__(
        self,
        claim: Claim,
        *,
        store: OutboxStore,
        rules: RuleEngine,
        advancer: Advancer,
        guard: Guard,
        clock: Clock,
        data_key: bytes,
        in_database: InDatabase,
        must_stop: Callable[[], bool],
        on_slow: Callable[[], None],
    ):
        self.claim = claim
        self.is_lost = False
        self._store = store
        self._rules = rules
        self._max_runs = guard.policy.limit("max_concurrent_runs")
        self._is_counted = quotas.counting(guard.policy)
        self._gate = Gate(
            store,
            rules,
            clock,
            max_runs=self._max_runs.value if self._max_runs else None,
            is_counted=self._is_counted,
        )
        self._advancer = advancer
        self._guard = guard
        self._clock = clock
        self._data_key = data_key
        self._in_database = in_database
        self._must_stop = must_stop
        self.config_token = claim.config_token  # of the configuration that was looked at last
        self._halted: Collection[UUID] | None = rules.halted
        self._writes = Writes()
        self._runs: list[RunProgress] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._waiting_for_write: list[asyncio.Future[None]] = []
        self._charged_at = self._looked_at = time.monotonic()
        self._fault: BaseException | None = None
        self._on_slow = on_slow  # called when the batch outlives its first write: others may start beside it

    async def process(self) -> None:
        """Raises what broke the batch (the database away, a fault of the engine); its lease then runs out by itself."""
        try:
            await self._process()
        except BaseException:
            self.lose()
            raise
        if self._fault is not None:
            raise self._fault

    async def _process(self) -> None:
        await self._begin()
        for run in [run for run in self._runs if not run.is_final and run.status != "held"]:
            task = asyncio.ensure_future(self._advance(run))
            self._tasks.add(task)
            task.add_done_callback(self._note_end)
        for job in self.claim.jobs:
            if job.kind == "tick":
                task = asyncio.ensure_future(self._tick(job))
                self._tasks.add(task)
                task.add_done_callback(self._note_end)
        pause = FIRST_WRITE_SECONDS
        while self._tasks and not self.is_lost:
            await self._wait(pause)
            if self._tasks or self._waiting_for_write:
                self._on_slow()
                await self._write_some()
                pause = NEXT_WRITE_SECONDS
            if self._tasks and time.monotonic() - self._looked_at > self.claim.lease_seconds / 3:
                await self._look_for_cancels()
        if not self.is_lost:
            await self._write_rest()

    def halt(self, workflows: Collection[UUID] | None = None) -> None:
        """A kill switch is on, of these workflows (None: of all): their runs stop at the next step and are queued."""
        self._halted = workflows

    def _stops(self, workflow_id: UUID) -> bool:
        return self._must_stop() or self._halted is None or workflow_id in self._halted

    @property
    def size(self) -> int:
        """Runs in hand."""
        return len(self._tasks)

    def lose(self) -> None:
        """The lease is gone: drop everything in hand and write nothing more."""
        self.is_lost = True
        for task in self._tasks:
            task.cancel()
        for future in self._waiting_for_write:
            if not future.done():
                future.cancel()
        self._changed.set()

    # -- what is in the batch --------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        wanted = [job.run_id for job in self.claim.jobs if job.run_id is not None]
        followed = [
            job.event.id for job in self.claim.jobs if job.event and not is_fresh(job.event.trace_id, job.event.id)
        ]
        hops = await self._in_store(lambda: self._store.hops(self.claim, followed)) if followed else {}
        for job in self.claim.jobs:
            if job.event is not None:
                self._match(job, job.event, hops.get(job.event.id))
        if wanted:
            await self._load(wanted)

    def _match(self, job: Job, event: EventData, hops: Hops | None) -> None:
        """Decide about one event. After a crash its runs get jobs of their own, so that one cannot take the others
        down.
        """
        now = self._clock.now()
        if hops is not None:
            event = replace(event, hops=hops.hops)
        decisions, matched = stop_loops(event, *self._rules.decide(event, now=now), hops)
        admitted = self._gate.admit(job, event, decisions, matched)
        self._writes.offered.append(event)
        self._writes.decisions += admitted.decisions
        self._writes.places += admitted.places
        self._writes.buffered += admitted.buffered
        self._writes.done_jobs.append(job.id)
        queued = admitted.queued
        if job.attempts == 1:
            self._runs += [new_run(event, candidate, now=now) for candidate in admitted.at_once]
        else:
            queued = [*queued, *admitted.at_once]
        for candidate in queued:
            run = new_run(event, candidate, now=now)
            self._collect(run, goes_on=False)
            self._writes.due_runs.append((run.id, 0.0))

    async def _load(self, run_ids: list[UUID]) -> None:
        snapshots = await self._in_store(lambda: self._store.load_runs(self.claim, run_ids))
        live = [one for one in snapshots if one.status not in FINAL_RUN]  # somebody has decided about one that was held
        live = await self._within_quotas(live)
        if self._gate.concerns(live):
            entered = await self._in_store(lambda: self._gate.enter(self.claim, live))
        else:
            entered = Entered(live)
        for run_id, kind in entered.capped.items():
            self._guard.note("waited", self._capped(kind), run_id=run_id)
        for snapshot in entered.go_on:
            run = resume(snapshot, data_key=self._data_key)
            if (ending := entered.ended.get(run.id)) is not None:
                status, error = ending
                with masking_emails(self._guard.masks_emails_somewhere):  # a key may be made of an address
                    run.end(status, now=self._clock.now(), error=run.redacted(error))
            self._runs.append(run)

    async def _within_quotas(self, runs: list[RunSnapshot]) -> list[RunSnapshot]:
        """Those of the runs that may go on today; the others' jobs are due when more may begin."""
        counted = [run for run in runs if self._is_counted(run.options) and run.workflow_id not in self._rules.halted]
        if not counted:
            return runs
        now = self._clock.now()
        jobs = {job.run_id: job.id for job in self.claim.jobs if job.run_id is not None}
        asks = [
            ask
            for run in counted  # one that is halted begins when it is resumed
            if (ask := self._ask_quota(run, jobs[run.id], now)) is not None
        ]
        if not asks:
            return runs
        refused = await self._in_tenant(lambda: quotas.begin(asks, now=now))
        until = {run.id: run.deadline_at for run in runs}
        for run_id, refusal in refused.items():
            deadline = until[run_id]
            left = (deadline - now).total_seconds() if deadline is not None else refusal.seconds
            self._writes.due_runs.append((run_id, min(refusal.seconds, left)))
            self._writes.unaware.append(run_id)
            self._guard.note("waited", refusal.blocked, run_id=run_id)
        return [run for run in runs if run.id not in refused]

    def _ask_quota(self, run: RunSnapshot, place: int, now: datetime) -> quotas.Ask | None:
        queues = self._gate.queues(parse_flow(run.options), run.workflow_id, run.options)
        return quotas.ask_for(run, self._guard.policy, place=place, now=now, asks_more=queues)

    def _capped(self, kind: str) -> dict[str, Any]:
        """Why a run does not go on yet, for what policy blocked."""
        layer = "workflow" if kind == "flow" or self._max_runs is None else self._max_runs.layer
        subject = "runs of a workflow" if kind == "flow" else "runs"
        details = {"rule": "max_concurrent_runs", "layer": layer, "subject": subject}
        return {"code": "concurrency_limited", "details": details}

    async def _advance(self, run: RunProgress) -> None:
        hands = Hands(
            self.claim.scope,
            self._guard,
            self._make_durable,
            lambda: self._stops(run.workflow_id),
            self._in_tenant,
            self._data_key,
            self.claim.is_overdue,
        )
        await self._advancer.advance(run, hands)

    async def _tick(self, job: Job) -> None:
        """A timer's job: what is due is done in a transaction of its own, safe to repeat."""
        now = self._clock.now()
        await self._in_tenant(lambda: ticks.process(job.id, now=now))

    async def _in_tenant(self, work: Callable[[], Answer], /) -> Answer:
        """Run blocking work in a database thread, where the ORM is about this claim's tenant."""

        def inside() -> Answer:
            with self._store.entered(self.claim.scope):
                return work()

        return await self._in_database(inside)

    async def _in_store(self, work: Callable[[], Answer], /) -> Answer:
        """Run a statement about several runs in a database thread. What it logs is masked as the strictest of them
        says; its rows are redacted already.
        """

        def masked() -> Answer:
            with masking_emails(self._guard.masks_emails_somewhere):
                return work()

        return await self._in_database(masked)

    async def _look_for_cancels(self) -> None:
        """Runs that take long are asked to stop while they run; they see it at their next step."""
        self._looked_at = time.monotonic()
        by_id = {run.id: run for run in self._runs if run.cancel_requested_at is None}
        for run_id in await self._in_tenant(lambda: waiting.cancel_requests(by_id)):
            by_id[run_id].cancel_requested_at = self._clock.now()

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fault = error
            self.lose()
        if not self._tasks or self.is_lost:
            self._changed.set()

    # -- writing ---------------------------------------------------------------------------------------------------

    async def _make_durable(self) -> None:
        """Return once everything up to now is committed. Callers at the same moment share one write."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting_for_write.append(future)
        self._changed.set()
        await future

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except asyncio.TimeoutError:
            return
        await asyncio.sleep(0)  # whoever is about to ask for a write, may
        self._changed.clear()

    async def _write_some(self) -> None:
        waiting, self._waiting_for_write = self._waiting_for_write, []
        writes = self._collect_all(final=False)
        if writes and not await self._write(writes, final=False):
            self.lose()
        for future in waiting:
            if not future.done():
                if self.is_lost:
                    future.cancel()
                else:
                    future.set_result(None)

    async def _write_rest(self) -> None:
        writes = self._collect_all(final=True)
        if not await self._write_until_recorded(writes):
            self.is_lost = True

    async def _write(self, writes: Writes, *, final: bool) -> bool:
        now = time.monotonic()
        seconds, self._charged_at = now - self._charged_at, now
        written = await self._in_store(lambda: self._store.write(self.claim, writes, final=final, seconds=seconds))
        if written:
            metrics.note_recorded(writes.runs, writes.steps)
        if written and writes.denials:
            await self._in_tenant(host.current().audit_written)
        return written

    async def _write_until_recorded(self, writes: Writes) -> bool:
        """The final write, again and again while the database is away: the lease tells whether an earlier try
        arrived.
        """
        give_up_at = time.monotonic() + self.claim.lease_seconds
        while True:
            try:
                return await self._write(writes, final=True)
            except DatabaseError:
                if time.monotonic() > give_up_at:
                    raise
                await asyncio.sleep(0.5)

    def _collect_all(self, *, final: bool) -> Writes:
        for run in list(self._runs):
            ended = run.is_final or run.status in {"waiting", "held", "queued"}
            if run.changed or ended:
                self._collect(run, goes_on=not ended)
            if ended:
                self._runs.remove(run)
                self._let_go(run)
        writes, self._writes = self._writes, Writes()
        return writes

    def _collect(self, run: RunProgress, *, goes_on: bool) -> None:
        row, steps, state = run.take_rows(now=self._clock.now(), data_key=self._data_key)
        self._writes.runs.append(row)
        self._writes.steps += steps
        if state is not None:
            self._writes.states.append(state)
        if goes_on:
            self._writes.held_runs.append(run.id)
        take_waits(run, self._writes)

    def _let_go(self, run: RunProgress) -> None:
        """The run has ended, or goes on later: its job, whoever listens for its end, the parent that waits for it."""
        if run.wake_seconds is not None:
            self._writes.due_runs.append((run.id, run.wake_seconds))
            self._writes.open_waits += [wait.id for wait in run.waits.values()]
            if run.cancel_requested_at is None:
                self._writes.unaware.append(run.id)
        else:
            self._writes.done_runs.append(run.id)
        if not run.is_final:
            return
        if (slug := self._rules.heard_as(run.workflow_id, run.status)) is not None:
            self._writes.events.append(completion.event_of(run.ended(), slug, now=self._clock.now()))
        if run.parent is not None:
            self._writes.answers.append(answer_of(run, run.parent, now=self._clock.now(), data_key=self._data_key))
