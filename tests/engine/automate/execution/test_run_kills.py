"""A worker killed, or its lease lost, at every point of the step loop: before and after claims, loads, writes, effects.

No step with a recorded result runs again; a receiver that honours keys sees every effect once; one that does not sees
it once, too, because whatever may have happened is named as unknown until a person has looked.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from automate import ids
from automate.models import ExecutionRun
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench
from tests.engine.automate.execution.lives import FINAL, World

pytestmark = pytest.mark.timeout(240)
PLACES = ("claim", "load", "inside", "write", "final", "effect")
ALL_POINTS = {f"{side} {place}" for place in PLACES for side in ("before", "after")}
MOST_POINTS = 100  # of one run: a bound, so that a run that never ends is a failure


def played(step_id: str, action: str, does: str = "ok", **more: Any) -> dict[str, Any]:
    return {"id": step_id, "connector": "played", "action": action, "params": {"does": does}, **more}


STEPS = [
    played("pay", "write", compensate={"connector": "played", "action": "keyed", "params": {}}),
    played("tell", "keyed", needs=[]),
    played("each", "write", needs=["pay", "tell"], foreach={"items": [1, 2], "concurrency": 1}),
    {"id": "paid", "connector": "core", "action": "wait_for_event", "params": {"event_type": "proof.paid"}},
    played("last", "keyed", "refuse"),
]
FINALLY = {"finally": [played("end", "keyed")]}
EFFECTS = [("pay", 0), ("tell", 0), ("each", 1), ("each", 2), ("pay.compensate", 0), ("end", 0)]


@pytest.fixture
def world(bench: Bench) -> Iterator[World]:
    world = World(bench)
    yield world
    world.close()


@pytest.mark.parametrize("end", ["kill_at", "lose_at"])
def test_at_every_point(world: World, bench: Bench, end: str) -> None:
    bench.publish(*STEPS, trigger={"type": "event", "event_type": "proof.order"}, **FINALLY)
    passed: set[str] = set()
    doubted: set[str] = set()
    for number in range(MOST_POINTS):
        names, run, doubts = one_run(world, end, number)
        passed.update(names)
        doubted.update(step_id for step_id, _ in doubts)
        check(world, run, doubts, where=names[number] if number < len(names) else "nowhere")
        if number >= len(names):
            break

    assert number < MOST_POINTS
    assert passed >= ALL_POINTS
    assert doubted == {"pay", "each"}  # only what must not be repeated was ever in doubt


def test_a_clock_that_goes_back_does_not_turn_the_order_of_compensation_round(world: World, bench: Bench) -> None:
    undo = {"connector": "played", "action": "keyed", "params": {}}
    approve = {"connector": "core", "action": "approve", "params": {"message": "Go on?"}}
    steps = [
        played("a", "write", compensate=undo),
        {"id": "one", **approve},
        played("b", "write", compensate=undo),
        {"id": "two", **approve},
        played("last", "keyed", "refuse"),
    ]
    bench.publish(*steps, trigger={"type": "event", "event_type": "proof.order"})
    event_id = world.emit("proof.order", {})
    for _ in range(2):
        world.live()
        world.clock.shift -= timedelta(hours=1)  # of the next worker
        [wait] = world.open_waits("approval")
        world.approve(wait, yes=True)
    world.live()

    run = run_of(world, event_id)
    assert run is not None
    assert run.status == "failed"
    latest = world.latest(run.id)
    assert latest["b", 0].ended_at < latest["a", 0].ended_at
    assert [step_id for _, step_id, _ in world.order] == ["a", "b", "b.compensate", "a.compensate"]


@pytest.mark.parametrize("hours", [1, -1])
def test_a_worker_whose_clock_is_wrong_misses_no_event_and_takes_no_early_one(
    world: World, bench: Bench, hours: int
) -> None:
    """What is awaited came after the run's own event, by the clock that both were received by."""
    waits = {"id": "paid", "connector": "core", "action": "wait_for_event", "params": {"event_type": "proof.order"}}
    bench.publish(waits, trigger={"type": "event", "event_type": "proof.order"})
    world.clock.shift += timedelta(hours=hours)
    first = world.emit("proof.order", {"n": 1})
    world.live()
    run = run_of(world, first)
    assert run is not None
    assert run.status == "waiting"  # not answered by its own event

    second = world.emit("proof.order", {"n": 2})
    world.live()

    run = run_of(world, first)
    assert run is not None
    assert (run.status, run.outputs["paid"]["event"]["id"]) == ("succeeded", str(second))


def one_run(world: World, end: str, number: int) -> tuple[list[str], ExecutionRun, set[tuple[str, int]]]:
    """A run whose worker ends at its `number`-th point: the points its workers passed, the run, what was in doubt."""
    event_id = world.emit("proof.order", {})
    names: list[str] = []
    doubts: set[tuple[str, int]] = set()
    for _ in range(12):
        ahead = number - len(names)
        life = world.live(**({end: ahead} if ahead >= 0 else {}))
        names += life.passed
        run = run_of(world, event_id)
        if run is None or run.status in FINAL:
            if run is not None:
                return names, run, doubts
        elif run.status == "held":
            unknown = [attempt for attempt in world.attempts(run.id) if attempt.status == "unknown"][-1]
            doubts.add((unknown.step_id, unknown.item))
            world.settle(unknown, happened=bool(world.effects[run.id, unknown.step_id, unknown.item]))
        elif world.open_waits("event"):
            world.emit("proof.paid", {})
    raise AssertionError(f"the run of {names[number]} does not end")


def run_of(world: World, event_id: UUID) -> ExecutionRun | None:
    with tenant_scope(world.bench.ref):
        return ExecutionRun.objects.filter(event_id=event_id).first()


def check(world: World, run: ExecutionRun, doubts: set[tuple[str, int]], *, where: str) -> None:
    assert world.wrongs == [], where
    assert (run.status, (run.error or {})["step"]) == ("failed", "last"), where
    seen = {(step_id, item): n for (run_id, step_id, item), n in world.effects.items() if run_id == run.id}
    assert seen == dict.fromkeys(EFFECTS, 1), where
    assert all(len(keys) == 1 for keys in world.keys.values()), where
    order = [step_id for run_id, step_id, _ in world.order if run_id == run.id]
    assert order[-2:] == ["pay.compensate", "end"], where
    latest = world.latest(run.id)
    units = [*EFFECTS, ("each", 0)]
    assert {unit: latest[unit].status for unit in units} == dict.fromkeys(units, "succeeded"), where
    assert run.id == ids.run_id(run.event_id, run.workflow_id)
