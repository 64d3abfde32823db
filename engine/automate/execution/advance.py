"""Advancing a run: whatever may start does, side by side, until the run ends, waits, or is told to stop.

Which units those are is the schedule's business (`schedule`), what one of them does the attempt's (`attempt`). A run
with one thing to do at a time costs no task of its own.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any, Protocol

from automate.definitions import StepDefinition
from automate.execution import inputs, outcome
from automate.execution.hands import Hands
from automate.execution.outcome import Failed
from automate.execution.progress import RunProgress
from automate.execution.record import record
from automate.execution.results import NOT_RUN
from automate.execution.schedule import Unit
from automate.jsontext import dumps
from automate_governance.clock import Clock
from automate_governance.errors import NormalizedError
from automate_governance.redaction.current import masking_emails

ENDING_GRACE = timedelta(hours=1)  # past its deadline, for taking back and for finally steps
LOOK_SECONDS = 5.0  # a run with work under way looks at least this often whether it was cancelled


class Attempting(Protocol):
    """Makes attempts of steps: really (`attempt.Attempts`), or to see what would be done (`automate.dryrun`)."""

    async def make(self, run: RunProgress, unit: Unit, hands: Hands) -> None:
        """Start the unit, or go on with it. Afterwards it has ended, or it waits."""

    async def answer_for_crash(self, run: RunProgress, unit: Unit, hands: Hands) -> None:
        """An attempt was running when its worker stopped."""

    async def look_again(self, run: RunProgress, unit: Unit, hands: Hands) -> None:
        """The run was resumed, and this unit waits."""


class Advancer:
    """Runs steps. One instance serves every run of a worker."""

    def __init__(self, *, attempts: Attempting, clock: Clock):
        self._clock = clock
        self._attempts = attempts

    async def advance(self, run: RunProgress, hands: Hands) -> None:
        """Take `run` as far as it goes now. Afterwards it is final, waiting, held, or queued (told to stop)."""
        policy = await hands.guard.policy_of(run.workflow_id, run.version_id)
        with masking_emails(policy.mask_emails is not None):
            await self._advance(run, hands)

    async def _advance(self, run: RunProgress, hands: Hands) -> None:
        run.begin(self._clock.now())
        tasks: set[asyncio.Task[None]] = set()
        try:
            await self._pick_up(run, hands)
            while True:
                self._heed(run)
                units = [] if hands.must_stop() else run.schedule.take(self._clock.now())
                if len(units) == 1 and not tasks:
                    await self._work(run, units[0], hands)
                    continue
                tasks |= {asyncio.ensure_future(self._work(run, unit, hands)) for unit in units}
                if not tasks:
                    break
                ended, tasks = await asyncio.wait(tasks, timeout=self._pause(run), return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
        self._conclude(run)

    async def _pick_up(self, run: RunProgress, hands: Hands) -> None:
        """What a worker before left in the middle, and answers that came meanwhile."""
        for unit in run.interrupted:
            await self._attempts.answer_for_crash(run, unit, hands)
        run.interrupted = []
        for unit in list(run.waits):
            await self._attempts.look_again(run, unit, hands)
        self._close(run)

    async def _work(self, run: RunProgress, unit: Unit, hands: Hands) -> None:
        if unit.item or unit in run.live or self._enter(run, unit):
            await self._attempts.make(run, unit, hands)
        self._close(run)

    def _enter(self, run: RunProgress, unit: Unit) -> bool:
        """Ask a step's `when`, make its list. False when there is nothing to attempt: skipped, fanned out, failed."""
        step, now = run.plan.by_id[unit.step], self._clock.now()
        if step.when is None and step.foreach is None:
            return True
        try:
            if not run.attempts.get(unit) and not self._is_wanted(run, step):
                run.skip(step, now=now)
                return False
            if step.foreach is None:
                return True
            items = inputs.items_of(run, step)
            plain = dumps(items)
            run.results.check(plain)
        except NormalizedError as error:
            self._refuse(run, unit, error)
            return False
        shown = dumps({"items": run.redacted(items)})
        run.fan_out(step, items, shown=shown, plain=plain, now=now)
        return False

    def _is_wanted(self, run: RunProgress, step: StepDefinition) -> bool:
        return inputs.is_wanted(run, step)

    def _refuse(self, run: RunProgress, unit: Unit, error: NormalizedError) -> None:
        """Its `when` or its list cannot be worked out."""
        now = self._clock.now()
        run.begin_attempt(unit, run.plan.by_id[unit.step], shown_input=None, now=now)
        record(run, unit, Failed(outcome.describe(error)), now=now)

    # -- the run as a whole ----------------------------------------------------------------------------------------

    def _heed(self, run: RunProgress) -> None:
        """A wish to stop it, and the deadline."""
        now = self._clock.now()
        if run.cancel_requested_at is not None:
            run.stop("cancelled", _stopped("cancelled", "cancelled", "The run was cancelled."))
        if run.deadline_at is not None and now >= run.deadline_at:
            message = f"The run took longer than its {run.plan.deadline_seconds:,.0f} s."
            if now >= run.deadline_at + ENDING_GRACE:
                run.schedule.abort()
            run.stop("failed", _stopped("failed", "deadline_exceeded", message))
        self._close(run)

    def _close(self, run: RunProgress) -> None:
        """After every change: fan-outs that ended, what was dropped, and why the run stopped, if it did."""
        if dropped := run.schedule.take_dropped():
            now = self._clock.now()
            for unit in dropped:
                run.drop(unit, now=now)
        if run.results.lists:
            run.fan_in(now=self._clock.now())
        failed_step = run.schedule.failed_step
        if run.error is None and run.schedule.stopped and failed_step is not None:
            error = run.results.context.get(failed_step, NOT_RUN)["error"] or {}
            run.error = {**error, "step": failed_step, "stopped": run.schedule.stopped}

    def _pause(self, run: RunProgress) -> float:
        """Seconds until something else may be due."""
        due = run.schedule.next_at
        if due is None:
            return LOOK_SECONDS
        return min(LOOK_SECONDS, max(0.0, (due - self._clock.now()).total_seconds()))

    def _conclude(self, run: RunProgress) -> None:
        now = self._clock.now()
        verdict = run.schedule.verdict
        if verdict is None:
            if run.schedule.has_ready(now):
                run.put_back()
            else:
                run.wait(max(0.0, (self._next_look(run) - now).total_seconds()))
        elif verdict == "held":
            run.end("held", now=now, error=_unknown(run))
        else:
            error = {key: value for key, value in (run.error or {}).items() if key != "stopped"}
            run.end(verdict, now=now, error=error or None if verdict != "succeeded" else None)

    def _next_look(self, run: RunProgress) -> datetime:
        assert run.deadline_at is not None  # `begin` has set it
        end = run.deadline_at + (ENDING_GRACE if run.schedule.stopped else timedelta())
        return min(run.schedule.next_at or end, end)


def _stopped(status: str, code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message, "details": {}, "retryable": False, "stopped": status}


def _unknown(run: RunProgress) -> dict[str, Any]:
    """The error of the first step whose effect nobody knows; and what stopped the run, if something did."""
    step_id = next(step_id for step_id, status in run.schedule.statuses.items() if status == "unknown")
    error = run.results.context.get(step_id, NOT_RUN)["error"] or {}
    stopped = {"stopped": run.schedule.stopped} if run.schedule.stopped else {}
    return {**error, "step": step_id, **stopped}
