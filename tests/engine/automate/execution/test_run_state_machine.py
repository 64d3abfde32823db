"""Random runs under random misfortune, against a model of a few lines: what a run does, however its workers fare.

Graphs of every kind of step, runs that start others, deadlines; workers killed and their leases lost at random points,
stopped politely, clocks that jump by an hour, people who answer, cancel and settle at random moments, and retry what
has ended. `make fuzz` plays twenty times as many, AUTOMATE_PROOF_EXAMPLES=500 that many.
"""

from __future__ import annotations

import os
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from django.db.models import Q
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from automate.models import ExecutionRun, OutboxJob, RunWait
from automate.services.retries import retry_run
from automate.services.runs import cancel_run
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench
from tests.engine.automate.execution.lives import FINAL, World
from tests.support.examples import examples

EXAMPLES = int(os.environ.get("AUTOMATE_PROOF_EXAMPLES", str(examples(12))))
MOST_CRASHES = 3  # of one job in a row: five bury it
TURNS = 60  # until a run that is left in peace must have ended
HOUR = timedelta(hours=1)
GRACE = HOUR  # past a deadline, for taking back and for finally steps

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


CHILDREN: dict[str, list[dict[str, Any]]] = {
    "good": [played("made", "write", "busy")],
    "bad": [played("made", "keyed", "ok"), played("refused", "read", "refuse")],
    "slow": [core("rest", "wait", seconds=1800), played("made", "keyed", "lost")],
}


@st.composite
def main_step(draw: st.DrawFn, number: int, paid: str) -> dict[str, Any]:
    step_id = f"s{number}"
    kind = draw(st.sampled_from(["call", "call", "call", "fan", "wait", "event", "approve", "child"]))
    action = draw(st.sampled_from(["read", "keyed", "write"]))
    if kind == "wait":
        step = core(step_id, "wait", seconds=draw(st.sampled_from([1, 1800])))
    elif kind == "event":
        step = core(step_id, "wait_for_event", event_type=paid)
    elif kind == "approve":
        step = core(step_id, "approve", message=draw(st.sampled_from(["yes", "no"])))
    elif kind == "child":
        child = draw(st.sampled_from(sorted(CHILDREN)))
        step = core(step_id, "run_workflow", workflow=f"{child}-{paid}", wait=draw(st.booleans()))
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
    deadline = draw(st.sampled_from([{}, {}, {"deadline_seconds": 3000}]))
    return {"steps": steps, "options": {"finally": ends, **deadline}}


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
    if step["params"].get("workflow", "").startswith("bad-") and step["params"]["wait"]:
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
        self.latest_clock = self.world.clock.now()  # that a worker of the run has seen
        self.retry_from = ""
        self.kept: set[tuple[str, int]] | None = None  # of a retry: what it takes over

    @initialize(data=st.data())
    def publish(self, data: st.DataObject) -> None:
        number = next(numbers)
        self.paid = f"proof-paid-{number}"
        self.plan = data.draw(graph(self.paid), label="workflow")
        self.retry_from = data.draw(st.sampled_from(["", "", "failed", "start"]), label="retry")
        trigger = {"type": "event", "event_type": f"proof.order.{number}"}
        started = {step["params"].get("workflow", "").partition("-")[0] for step in self.plan["steps"]}
        for name in sorted(started & set(CHILDREN)):
            self.bench.publish(*CHILDREN[name], slug=f"{name}-{self.paid}", trigger={"type": "manual"})
        self.bench.publish(*self.plan["steps"], slug=f"proof-{number}", trigger=trigger, **self.plan["options"])
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
        for run in self.unfinished():
            if run.status == "held":
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
            children = ExecutionRun.objects.filter(parent_run_id=run.id).exclude(status__in=FINAL)
            assert all(child.cancel_requested_at for child in children)
        self.bench.make_due_jobs()
        self.is_cancelled = True

    @precondition(lambda self: self.retry_from and self.kept is None)
    @rule()
    def somebody_retries(self) -> None:
        run = self.run()
        if run is not None and not self.unfinished():
            self.check_end(run)
            self.retry(run)

    # -- what must hold ----------------------------------------------------------------------------------------------

    def run(self) -> ExecutionRun | None:
        """The workflow's run: the latest, where somebody has retried it."""
        with tenant_scope(self.bench.ref):
            return ExecutionRun.objects.filter(event_id=self.event_id).order_by("-attempt").first()

    def unfinished(self) -> list[ExecutionRun]:
        """It and the runs that it started, as far as they have not ended."""
        with tenant_scope(self.bench.ref):
            own = ExecutionRun.objects.filter(event_id=self.event_id)
            whole = Q(event_id=self.event_id) | Q(parent_run_id__in=own.values("id"))
            return list(ExecutionRun.objects.filter(whole).exclude(status__in=FINAL))

    def check(self) -> None:
        world = self.world
        self.latest_clock = max(self.latest_clock, world.clock.now())
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
                run = self.end()
                if self.retry_from and self.kept is None:
                    self.retry(run)
                    self.end()
        finally:
            self.world.close()

    def end(self) -> ExecutionRun:
        """Left in peace, with people who answer, the run ends as the model says."""
        for _ in range(TURNS):
            self.world.live()
            self.check()
            run = self.run()
            assert run is not None
            if not self.unfinished():
                break
            self.people_answer()
            self.people_settle()
            if self.world.open_waits("event"):
                self.an_event_comes()
            if (seconds := self.world.seconds_to_next()) is not None:
                self.world.pass_time(timedelta(seconds=seconds + 1))
        assert not self.unfinished()
        self.check_end(run)
        self.check_children(run)
        self.check_kept(run)
        self.revive(run)
        return run

    def retry(self, run: ExecutionRun) -> None:
        """A person repeats the ended run: the retry is a run like any other, and takes over only what stands."""
        self.world.clock.shift = timedelta()  # nothing waits: the clock may go right again
        stands = {unit for unit, row in self.world.latest(run.id).items() if row.status in ("succeeded", "skipped")}
        with tenant_scope(self.bench.ref):
            made = retry_run(run_id=run.id, from_step=self.retry_from, actor="user:1", now=self.world.clock.now())
        rows = self.world.latest(made.id).items()
        self.kept = {unit for unit, row in rows if row.status in ("succeeded", "skipped")}
        assert self.kept <= stands
        assert not self.kept or self.retry_from == "failed"
        self.bench.make_due_jobs()
        self.is_cancelled = False
        self.latest_clock = self.world.clock.now()

    def check_kept(self, run: ExecutionRun) -> None:
        """What a retry has taken over was not called again."""
        called = {(step_id, item) for run_id, step_id, item in self.world.calls if run_id == run.id}
        assert (run.retry_of is None) == (self.kept is None)
        assert not called & (self.kept or set())

    def check_end(self, run: ExecutionRun) -> None:
        expected = verdict_of(self.plan["steps"])
        if run.status != expected:
            assert (self.is_cancelled and run.status == "cancelled") or self.is_too_late(run)
        assert (run.error is None) == (run.status == "succeeded")
        latest = self.world.latest(run.id)
        for step in self.plan["options"]["finally"] if not self.is_past_grace(run) else ():
            assert latest[step["id"], 0].status == ("failed" if step["params"]["does"] == "refuse" else "succeeded")
        assert not [unit for unit, row in latest.items() if row.status in ("running", "waiting", "unknown")] or (
            run.status == "cancelled"
        )
        for (run_id, step_id, item), number in self.world.effects.items():
            assert number <= 1, (run_id, step_id, item)
        self.check_undone(run, latest)

    def is_too_late(self, run: ExecutionRun) -> bool:
        """It failed because its deadline, or with it a child's, had passed."""
        assert run.error is not None
        is_told = run.error["code"] in ("deadline_exceeded", "child_failed")
        return run.status == "failed" and is_told and self.latest_clock >= run.deadline_at

    def is_past_grace(self, run: ExecutionRun) -> bool:
        """Past this, nothing more is taken back or tidied up."""
        return bool(self.latest_clock >= run.deadline_at + GRACE)

    def check_children(self, run: ExecutionRun) -> None:
        """Each step started one child at most, and a step that waited ended as its child did."""
        with tenant_scope(self.bench.ref):
            children = list(ExecutionRun.objects.filter(parent_run_id=run.id))
        latest = self.world.latest(run.id)
        assert len({child.parent_step_id for child in children}) == len(children)
        waits = {step["id"]: step["params"].get("wait") for step in self.plan["steps"]}
        for child in children:
            step = latest[child.parent_step_id, 0]
            if not waits[child.parent_step_id]:
                assert step.status == "succeeded"
            elif step.status != "cancelled":
                assert step.status == ("succeeded" if child.status == "succeeded" else "failed")
            slug = next(one for one in self.plan["steps"] if one["id"] == child.parent_step_id)["params"]["workflow"]
            if child.status != ("failed" if slug.startswith("bad-") else "succeeded"):  # its parent's end stopped it
                code = (child.error or {}).get("code")
                is_late = code == "deadline_exceeded" and self.latest_clock >= child.deadline_at
                assert run.status in ("cancelled", "failed") or is_late

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
        assert set(undone) == wanted or (self.is_past_grace(run) and set(undone) < wanted)
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
