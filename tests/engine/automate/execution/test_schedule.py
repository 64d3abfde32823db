"""The order of a run, with plain values: what may start, what a failure stops, how it ends, how it is restored."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from automate.definitions import Plan, parse_plan
from automate.execution.restore import Fact, restore
from automate.execution.schedule import Schedule, Unit

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)


def step(step_id: str, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "connector": "core", "action": "log", **more}


def plan(*steps: dict[str, Any], **options: Any) -> Plan:
    return parse_plan(list(steps), options)


def fan(step_id: str, *, concurrency: int = 2, on_item_error: str = "fail", **more: Any) -> dict[str, Any]:
    return step(step_id, foreach={"items": [], "concurrency": concurrency, "on_item_error": on_item_error}, **more)


def names(units: list[Unit]) -> list[str]:
    return [f"{unit.step}.{unit.item}" if unit.item else unit.step for unit in units]


def succeed(schedule: Schedule, unit: Unit) -> None:
    schedule.succeed(unit, schedule.end_number(unit))


UNDO = {"compensate": {"connector": "core", "action": "log"}}


def test_steps_follow_one_another_unless_they_say_otherwise() -> None:
    schedule = Schedule(plan(step("a"), step("b")))

    assert names(schedule.take(NOW)) == ["a"]
    assert schedule.take(NOW) == []
    succeed(schedule, Unit("a"))
    assert names(schedule.take(NOW)) == ["b"]
    succeed(schedule, Unit("b"))
    assert schedule.verdict == "succeeded"


def test_branches_start_together_and_a_join_waits_for_all() -> None:
    schedule = Schedule(plan(step("a"), step("b", needs=["a"]), step("c", needs=["a"]), step("d", needs=["b", "c"])))
    schedule.take(NOW)
    succeed(schedule, Unit("a"))

    assert names(schedule.take(NOW)) == ["b", "c"]
    succeed(schedule, Unit("c"))
    assert schedule.take(NOW) == []
    schedule.skip("b")
    assert names(schedule.take(NOW)) == ["d"]


def test_a_fan_out_keeps_to_its_concurrency() -> None:
    schedule = Schedule(plan(fan("a"), step("b")))
    schedule.take(NOW)
    schedule.fan_out("a", 3)

    assert names(schedule.take(NOW)) == ["a.1", "a.2"]
    succeed(schedule, Unit("a", 2))
    assert names(schedule.take(NOW)) == ["a.3"]
    succeed(schedule, Unit("a", 3))
    assert schedule.take(NOW) == []
    succeed(schedule, Unit("a", 1))
    assert names(schedule.take(NOW)) == ["b"]


def test_an_empty_fan_out_has_ended() -> None:
    schedule = Schedule(plan(fan("a")))
    schedule.take(NOW)
    schedule.fan_out("a", 0)

    assert schedule.verdict == "succeeded"


@pytest.mark.parametrize(("on_item_error", "then"), [("fail", []), ("continue", ["a.3"])])
def test_an_item_that_fails(on_item_error: str, then: list[str]) -> None:
    schedule = Schedule(plan(fan("a", on_item_error=on_item_error), step("b")))
    schedule.take(NOW)
    schedule.fan_out("a", 3)
    schedule.take(NOW)
    schedule.fail(Unit("a", 1))

    assert names(schedule.take(NOW)) == then
    for unit in (Unit("a", 2), Unit("a", 3))[: 1 + len(then)]:
        succeed(schedule, unit)
    assert names(schedule.take(NOW)) == (["b"] if then else [])
    assert schedule.verdict == (None if then else "failed")


def test_a_failure_takes_back_what_was_done_latest_first_and_then_runs_finally() -> None:
    both = plan(
        step("a", needs=[], **UNDO), step("b", needs=[], **UNDO), step("c", needs=["a", "b"]),
        step("never"), **{"finally": [step("end"), step("end2")]},
    )  # fmt: skip
    schedule = Schedule(both)
    schedule.take(NOW)
    succeed(schedule, Unit("b"))
    succeed(schedule, Unit("a"))
    schedule.take(NOW)
    schedule.fail(Unit("c"))

    order = []
    while units := schedule.take(NOW):
        order += names(units)
        for unit in units:
            schedule.fail(unit) if unit.step == "end" else succeed(schedule, unit)
    assert order == ["a.compensate", "b.compensate", "end", "end2"]
    assert (schedule.verdict, schedule.failed_step) == ("failed", "c")


def test_a_failing_finally_step_fails_a_run_that_had_succeeded() -> None:
    schedule = Schedule(plan(step("a"), **{"finally": [step("end")]}))
    schedule.take(NOW)
    succeed(schedule, Unit("a"))
    schedule.take(NOW)
    schedule.fail(Unit("end"))

    assert (schedule.verdict, schedule.failed_step) == ("failed", "end")


@pytest.mark.parametrize(("then", "verdict"), [("continue", "succeeded"), ("fail", "failed")])
def test_handler_steps_run_and_then_it_goes_on_or_fails(then: str, verdict: str) -> None:
    handler = {"steps": [step("h1"), step("h2")], "then": then}
    schedule = Schedule(plan(step("a", on_error=handler), step("b")))
    schedule.take(NOW)
    schedule.fail(Unit("a"))

    order = []
    while units := schedule.take(NOW):
        order += names(units)
        for unit in units:
            succeed(schedule, unit)
    assert order == (["h1", "h2", "b"] if then == "continue" else ["h1", "h2"])
    assert schedule.verdict == verdict


def test_an_unknown_effect_blocks_what_needs_it_and_holds_the_run_at_the_end() -> None:
    schedule = Schedule(plan(step("a", needs=[]), step("b", needs=[]), step("c", needs=["a", "b"])))
    schedule.take(NOW)
    schedule.doubt(Unit("a"))
    assert schedule.verdict is None
    succeed(schedule, Unit("b"))

    assert schedule.take(NOW) == []
    assert schedule.verdict == "held"


def test_a_cancel_drops_what_waits_lets_the_rest_end_and_runs_finally() -> None:
    schedule = Schedule(
        plan(step("a", needs=[]), step("b", needs=[]), step("c", needs=["a"]), **{"finally": [step("end")]})
    )
    schedule.take(NOW)
    schedule.wait(Unit("b"), None)

    assert schedule.stop("cancelled")
    assert not schedule.stop("failed")

    assert schedule.take_dropped() == [Unit("b")]
    assert schedule.take(NOW) == []
    succeed(schedule, Unit("a"))
    assert names(schedule.take(NOW)) == ["end"]
    succeed(schedule, Unit("end"))
    assert schedule.verdict == "cancelled"


def test_what_waits_goes_on_when_its_time_has_come_or_it_is_woken() -> None:
    schedule = Schedule(plan(step("a", needs=[]), step("b", needs=[])))
    schedule.take(NOW)
    later = NOW + timedelta(hours=1)
    schedule.wait(Unit("a"), later)
    schedule.wait(Unit("b"), None)

    assert (schedule.take(NOW), schedule.next_at, schedule.verdict) == ([], later, None)
    schedule.wake(Unit("b"), NOW)
    assert schedule.take(NOW) == [Unit("b")]
    assert schedule.take(later) == [Unit("a")]


def test_the_end_at_once_leaves_nothing_to_do() -> None:
    schedule = Schedule(plan(step("a", **UNDO), step("b"), **{"finally": [step("end")]}))
    schedule.take(NOW)
    succeed(schedule, Unit("a"))
    schedule.take(NOW)
    schedule.fail(Unit("b"))
    assert names(schedule.take(NOW)) == ["a.compensate"]
    schedule.wait(Unit("a.compensate"), None)

    schedule.abort()

    assert schedule.take_dropped() == [Unit("a.compensate")]
    assert (schedule.take(NOW), schedule.verdict) == ([], "failed")


def test_a_failure_beside_a_longer_branch_is_restored_with_all_that_was_done() -> None:
    """The failing branch is told last, so the other one's steps and their compensations still count."""
    both = plan(
        step("a", needs=[]), step("b", needs=[], **UNDO), step("c", needs=["b"], **UNDO), step("d", needs=["a", "c"])
    )
    facts = {
        Unit("a"): Fact("failed", NOW + timedelta(seconds=3)),
        Unit("b"): Fact("succeeded", NOW),
        Unit("c"): Fact("succeeded", NOW + timedelta(seconds=2)),
        Unit("c.compensate"): Fact("succeeded", NOW + timedelta(seconds=4)),
    }

    schedule, interrupted = restore(both, facts, sizes={}, stopped="failed")

    assert names(schedule.take(NOW)) == ["b.compensate"]
    assert interrupted == []


def test_what_was_done_is_taken_back_by_the_order_of_its_ends_whatever_the_clock_said() -> None:
    three = plan(*(step(name, needs=[], **UNDO) for name in "abc"), step("last"))
    facts = {
        Unit("a"): Fact("succeeded", NOW, ended_seq=1),
        Unit("b"): Fact("succeeded", NOW - timedelta(hours=1), ended_seq=2),  # the clock went back
        Unit("c"): Fact("succeeded", NOW + timedelta(hours=1)),  # by an earlier release, that kept no numbers
        Unit("last"): Fact("failed", NOW, ended_seq=3),
    }

    schedule, _ = restore(three, facts, sizes={})

    taken = []
    while units := schedule.take(NOW):
        taken += names(units)
        succeed(schedule, units[0])
    assert taken == ["b.compensate", "a.compensate", "c.compensate"]


def test_an_interrupted_unit_is_running_until_somebody_judges_it() -> None:
    schedule, interrupted = restore(plan(step("a"), step("b")), {Unit("a"): Fact("running")}, sizes={})

    assert (interrupted, schedule.take(NOW), schedule.verdict) == ([Unit("a")], [], None)
    succeed(schedule, Unit("a"))
    assert names(schedule.take(NOW)) == ["b"]


def test_a_fan_out_is_restored_with_items_that_wait() -> None:
    later = NOW + timedelta(hours=1)
    facts = {
        Unit("a"): Fact("running"),
        Unit("a", 1): Fact("failed", NOW, retry_at=later),
        Unit("a", 2): Fact("succeeded", NOW),
        Unit("a", 3): Fact("succeeded", NOW),
    }

    schedule, interrupted = restore(plan(fan("a")), facts, sizes={"a": 5})

    assert (names(schedule.take(NOW)), interrupted, schedule.next_at) == (["a.4"], [], later)


def test_a_cancel_is_restored_before_a_failure_that_came_after_it() -> None:
    facts = {Unit("a"): Fact("failed", NOW)}

    schedule, _ = restore(plan(step("a", needs=[]), step("b", needs=[], **UNDO)), facts, sizes={}, stopped="cancelled")

    assert (schedule.take(NOW), schedule.verdict) == ([], "cancelled")


def test_what_an_item_gave_is_remembered_beside_an_earlier_one_that_is_tried_again() -> None:
    facts = {
        Unit("a"): Fact("running"),
        Unit("a", 1): Fact("failed", retry_at=NOW),  # was in doubt, so the next one began; a person says to repeat it
        Unit("a", 2): Fact("succeeded", NOW),
    }

    schedule, _ = restore(plan(fan("a", concurrency=1)), facts, sizes={"a": 3})

    assert names(schedule.take(NOW)) == ["a.1"]
    succeed(schedule, Unit("a", 1))
    assert names(schedule.take(NOW)) == ["a.3"]
