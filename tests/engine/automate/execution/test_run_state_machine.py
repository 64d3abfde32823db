"""Random runs under random misfortune, against a model of a few lines: what a run does, however its workers fare.

Graphs of every kind of step; workers killed and their leases lost at random points, stopped politely, clocks that jump
by an hour, people who answer, cancel and settle at random moments. Set AUTOMATE_PROOF_EXAMPLES=500 for a long session.
"""

from __future__ import annotations

import os
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from automate.models import ExecutionRun, OutboxJob, RunWait
from automate.services.runs import cancel_run
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench
from tests.engine.automate.execution.lives import FINAL, World

EXAMPLES = int(os.environ.get("AUTOMATE_PROOF_EXAMPLES", "12"))
MOST_CRASHES = 3  # of one job in a row: five bury it
TURNS = 60  # until a run that is left in peace must have ended
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.timeout(max(240, EXAMPLES * 10))
numbers = count(1)

DOES = st.sampled_from(["ok", "ok", "ok", "busy", "lost", "refuse"])
PATIENT = {"attempts": 10, "base_seconds": 1, "cap_seconds": 60}


def played(step_id: str, action: str, does: str, **more: Any) -> dict[str, Any]:
    return {
        "id": step_id, "connector": "played", "action": action, "params": {"does": does}, "retry": PATIENT, **more
    }  # fmt: skip


def core(step_id: str, action: str, **params: Any) -> dict[str, Any]:
    return {"id": step_id, "connector": "core", "action": action, "params": params}


@st.composite
def main_step(draw: st.DrawFn, number: int, paid: str) -> dict[str, Any]:
    step_id = f"s{number}"
    kind = draw(st.sampled_from(["call", "call", "call", "fan", "wait", "event", "approve"]))
    action = draw(st.sampled_from(["read", "keyed", "write"]))
    if kind == "wait":
        step = core(step_id, "wait", seconds=draw(st.sampled_from([1, 1800])))
    elif kind == "event":
        step = core(step_id, "wait_for_event", event_type=paid)
    elif kind == "approve":
        step = core(step_id, "approve", message=draw(st.sampled_from(["yes", "no"])))
    else:
        step = played(step_id, action, draw(DOES))
    if kind == "fan":
        items = draw(st.lists(DOES, max_size=3))
        error = draw(st.sampled_from(["fail", "continue"]))
        step["params"] = {"does": "{{ item }}"}
        step["foreach"] = {"items": items, "concurrency": draw(st.integers(1, 2)), "on_item_error": error}
    if number and draw(st.booleans()):
        step["needs"] = [f"s{n}" for n in draw(st.sets(st.integers(0, number - 1), max_size=2))]
    if draw(st.integers(0, 4)) == 0:
        step["when"] = {"==": [{"var": "payload.go"}, 0]}
    if kind in ("call", "fan"):
        then = draw(st.sampled_from(["fail", "fail", "continue", "handle"]))
        handler = [played(f"h{number}", "keyed", draw(DOES))]
        step["on_error"] = then if then != "handle" else {"steps": handler, "then": "continue"}
        if draw(st.booleans()):
            undo = {"connector": "played", "action": draw(st.sampled_from(["keyed", "write"])), "retry": PATIENT}
            step["compensate"] = {**undo, "params": {"does": draw(st.sampled_from(["ok", "busy"]))}}
    return step


@st.composite
def graph(draw: st.DrawFn, paid: str) -> dict[str, Any]:
    steps = [draw(main_step(number, paid)) for number in range(draw(st.integers(1, 5)))]
    ends = [played(f"end{n}", "keyed", draw(DOES), on_error="continue") for n in range(draw(st.integers(0, 2)))]
    return {"steps": steps, "finally": ends}


def verdict_of(steps: list[dict[str, Any]]) -> str:
    """The model: what becomes of a run that nobody stops. A failure that nothing catches fails it, wherever it is."""
    status: dict[str, str] = {}
    for number, step in enumerate(steps):
        needs = step.get("needs", [f"s{number - 1}"] if number else [])
        if any(status[need] in ("never", "failed") for need in needs):
            status[step["id"]] = "never"
        elif "when" in step:
            status[step["id"]] = "skipped"
        else:
            status[step["id"]] = ended(step)
    return "failed" if "failed" in status.values() else "succeeded"


def ended(step: dict[str, Any]) -> str:
    """How a step ends for the run: "failed" ends it. A failure after which it goes on counts as success."""
    if step["params"].get("message") == "no":
        return "failed"
    if (fan := step.get("foreach")) is not None:
        is_refused = "refuse" in fan["items"] and fan["on_item_error"] == "fail"
    else:
        is_refused = step["params"].get("does") == "refuse"
    if not is_refused:
        return "succeeded"
    on_error = step.get("on_error", "fail")
    if isinstance(on_error, dict):
        return "failed" if on_error["steps"][0]["params"]["does"] == "refuse" else "succeeded"
    return "failed" if on_error == "fail" else "succeeded"


class Runs(RuleBasedStateMachine):
    """One run of one random workflow at a time."""

    bench: Bench

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.bench)
        self.is_cancelled = False
        self.final: dict[UUID, str] = {}
        self.event_id: UUID | None = None

    @initialize(data=st.data())
    def publish(self, data: st.DataObject) -> None:
        number = next(numbers)
        self.paid = f"proof.paid.{number}"
        self.plan = data.draw(graph(self.paid), label="workflow")
        trigger = {"type": "event", "event_type": f"proof.order.{number}"}
        self.bench.publish(
            *self.plan["steps"], slug=f"proof-{number}", trigger=trigger, **{"finally": self.plan["finally"]}
        )
        self.event_id = self.world.emit(trigger["event_type"], {"go": 1})

    # -- what happens ------------------------------------------------------------------------------------------------

    @rule(points=st.integers(0, 25))
    def a_worker_is_killed(self, points: int) -> None:
        if self.world.crashes() < MOST_CRASHES:
            self.world.live(kill_at=points)
        self.check()

    @rule(points=st.integers(0, 25))
    def a_lease_is_lost(self, points: int) -> None:
        if self.world.crashes() < MOST_CRASHES:
            self.world.live(lose_at=points)
        self.check()

    @rule(points=st.integers(0, 25))
    def a_worker_is_stopped(self, points: int) -> None:
        self.world.live(stop_at=points)
        self.check()

    @rule()
    def a_worker_works(self) -> None:
        self.world.live()
        self.check()

    @rule(seconds=st.sampled_from([1.0, 60.0, 3600.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.pass_time(timedelta(seconds=seconds))

    @rule(span=st.sampled_from([HOUR, -HOUR]))
    def the_worker_s_clock_jumps(self, span: timedelta) -> None:
        self.world.clock.shift += span

    @rule()
    def people_answer(self) -> None:
        for wait in self.world.open_waits("approval"):
            self.world.approve(wait, yes=(wait.details or {})["message"] == "yes")

    @rule()
    def an_event_comes(self) -> None:
        self.world.emit(self.paid, {"sum": 1})

    @rule()
    def people_settle(self) -> None:
        run = self.run()
        if run is None or run.status != "held":
            return
        unknown = [attempt for attempt in self.world.attempts(run.id) if attempt.status == "unknown"][-1]
        unit = (run.id, unknown.step_id, unknown.item)
        self.world.settle(unknown, happened=bool(self.world.effects[unit]))

    @precondition(lambda self: not self.is_cancelled)
    @rule(chance=st.integers(0, 3))
    def somebody_cancels(self, chance: int) -> None:
        run = self.run()
        if chance or run is None or run.status in FINAL:
            return
        with tenant_scope(self.bench.ref):
            cancel_run(run_id=run.id, actor="user:1", now=self.world.clock.now())
        self.bench.make_due_jobs()
        self.is_cancelled = True

    # -- what must hold ----------------------------------------------------------------------------------------------

    def run(self) -> ExecutionRun | None:
        with tenant_scope(self.bench.ref):
            return ExecutionRun.objects.filter(event_id=self.event_id).first()

    def check(self) -> None:
        world = self.world
        assert world.wrongs == []
        assert all(len(keys) == 1 for keys in world.keys.values())
        run = self.run()
        if run is None:
            return
        before = self.final.get(run.id)
        assert before in (None, run.status)  # what has ended has ended
        if run.status in FINAL:
            self.final[run.id] = run.status
        elif run.status == "held":
            assert any(attempt.status == "unknown" for attempt in world.attempts(run.id))
        elif run.status == "waiting":
            self.check_waiting(run)

    def check_waiting(self, run: ExecutionRun) -> None:
        """It waits for something that has a name, and something will wake it."""
        with tenant_scope(self.bench.ref):
            is_awaited = RunWait.objects.filter(run_id=run.id, status__in=["open", "answered"]).exists()
            job = OutboxJob.objects.get(kind="run", run_id=run.id)
        timers = [attempt for attempt in self.world.latest(run.id).values() if attempt.retry_at is not None]
        assert is_awaited or timers
        assert job.status == "PENDING" or job.lease_id is not None

    def teardown(self) -> None:
        try:
            if self.event_id is not None:
                self.end()
        finally:
            self.world.close()

    def end(self) -> None:
        """Left in peace, with people who answer, the run ends as the model says."""
        for _ in range(TURNS):
            self.world.live()
            self.check()
            run = self.run()
            assert run is not None
            if run.status in FINAL:
                break
            self.people_answer()
            self.people_settle()
            if self.world.open_waits("event"):
                self.an_event_comes()
            if (seconds := self.world.seconds_to_next()) is not None:
                self.world.pass_time(timedelta(seconds=seconds + 1))
        assert run.status in FINAL
        self.check_end(run)
        self.revive(run)

    def check_end(self, run: ExecutionRun) -> None:
        expected = verdict_of(self.plan["steps"])
        assert run.status == expected or (self.is_cancelled and run.status == "cancelled")
        latest = self.world.latest(run.id)
        for step in self.plan["finally"]:
            assert latest[step["id"], 0].status == ("failed" if step["params"]["does"] == "refuse" else "succeeded")
        assert not [unit for unit, row in latest.items() if row.status in ("running", "waiting", "unknown")] or (
            run.status == "cancelled"
        )
        for (run_id, step_id, item), number in self.world.effects.items():
            assert number <= 1, (run_id, step_id, item)
        self.check_undone(run, latest)

    def check_undone(self, run: ExecutionRun, latest: dict[tuple[str, int], Any]) -> None:
        """A failed run takes back what had succeeded, each once, the latest to end first; any other run nothing."""
        ends: dict[tuple[str, int], Any] = {}
        undone: dict[tuple[str, int], Any] = {}
        for (step_id, item), row in latest.items():
            if step_id.endswith(".compensate"):
                undone[step_id.removesuffix(".compensate"), item] = row
            elif (step_id, item or 1) != (step_id, 0) and row.status == "succeeded":
                ends[step_id, item] = row
        wanted = set()
        if run.status == "failed":
            for step in self.plan["steps"]:
                if "compensate" in step:
                    units = {unit for unit in ends if unit[0] == step["id"]}
                    wanted |= {unit for unit in units if unit[1]} if "foreach" in step else units
        assert set(undone) == wanted
        happened = [(step_id, item) for run_id, step_id, item in self.world.order if run_id == run.id]
        taken_back = [(step_id.removesuffix(".compensate"), item) for step_id, item in happened if "." in step_id]
        assert [unit for unit in taken_back if unit in happened] == sorted(
            (unit for unit in taken_back if unit in happened), key=lambda unit: ends[unit].ended_seq, reverse=True
        )

    def revive(self, run: ExecutionRun) -> None:
        """Even a job armed by mistake does not bring it back."""
        calls = len(self.world.calls)
        with tenant_scope(self.bench.ref):
            OutboxJob.objects.filter(kind="run", run_id=run.id).update(status="PENDING")
        self.bench.make_due_jobs()
        self.world.live()
        assert len(self.world.calls) == calls
        again = self.run()
        assert again is not None
        assert again.status == run.status


def test_runs_under_misfortune(bench: Bench) -> None:
    machine = type("RunsHere", (Runs,), {"bench": bench})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=10,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
