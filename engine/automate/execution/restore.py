"""A recorded run's order again, from its latest attempts: what was recorded is told to a new schedule.

What stopped the run is told after everything that ended well, and failures that stop it come last: so whatever was
recorded beside them still counts, whichever order it has in the database.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from automate.definitions import Plan
from automate.execution.schedule import Schedule, Unit

_NO_TIME = datetime.min.replace(tzinfo=timezone.utc)


@dataclass(frozen=True)
class Fact:
    """What the latest attempt of a unit says."""

    status: str
    ended_at: datetime | None = None
    retry_at: datetime | None = None
    ended_seq: int | None = None  # None also where an earlier release wrote it

    @property
    def is_failure(self) -> bool:
        """For good."""
        return self.status == "failed" and self.retry_at is None


def restore(
    plan: Plan, facts: Mapping[Unit, Fact], *, sizes: Mapping[str, int], stopped: str | None = None
) -> tuple[Schedule, list[Unit]]:
    """The schedule, and the units whose worker stopped in the middle: those are running until somebody judges them.

    `sizes`: fan-outs that have begun, with their items. `stopped`: how the run was stopped, if it was.
    """
    schedule = Schedule(plan)
    numbers = _end_numbers(plan, facts)
    begun: dict[str, int] = {}  # items that have a place or had one, whatever `concurrency` leaves room for now
    for unit in facts:
        begun[unit.step] = max(begun.get(unit.step, 0), unit.item)
    fresh: list[Unit] = []
    interrupted: list[Unit] = []
    before_stop: list[Unit] = []
    after_stop: list[Unit] = []
    while True:
        taken = deque(schedule.take(None))
        told = 0
        while taken:
            unit = taken.popleft()
            fact = facts.get(unit)
            late = _stops(plan, unit) if fact is not None and fact.is_failure else ""
            told += fact is not None and not late
            if fact is None:
                fresh.append(unit)
            elif not unit.item and unit.step in sizes:
                taken += schedule.fan_out(unit.step, sizes[unit.step], begun=begun[unit.step])
                told += bool(late)
            elif late:
                (after_stop if late == "run" else before_stop).append(unit)
            elif fact.status == "running":
                interrupted.append(unit)
            else:
                _tell(schedule, unit, fact, numbers.get(unit))
        if told:
            continue
        if before_stop:
            schedule.fail(before_stop.pop())
            continue
        for unit in reversed(fresh):
            schedule.give_back(unit)
        fresh = []
        if stopped:
            schedule.stop(stopped)
            stopped = None
        elif after_stop:
            schedule.fail(after_stop.pop(0))
        else:
            return schedule, interrupted


def _stops(plan: Plan, unit: Unit) -> str:
    """What a failure of the unit stops: "run", "fan" (the items still to come), or nothing."""
    step = plan.by_id[unit.step]
    if unit.item and step.foreach is not None:
        if step.foreach.on_item_error == "continue":
            return ""
        return "run" if step.on_error == "fail" else "fan"
    return "run" if step.on_error == "fail" else ""


def _end_numbers(plan: Plan, facts: Mapping[Unit, Fact]) -> dict[Unit, int]:
    """Of the units that could be taken back. Ends that have no number came before all others, by their time."""
    ended = {
        unit: fact
        for unit, fact in facts.items()
        if fact.status == "succeeded" and plan.by_id[unit.step].compensate is not None
    }
    early = [unit for unit, fact in ended.items() if fact.ended_seq is None]
    early.sort(key=lambda unit: ended[unit].ended_at or _NO_TIME)
    numbers = {unit: number for number, unit in enumerate(early, -len(early))}
    return numbers | {unit: fact.ended_seq for unit, fact in ended.items() if fact.ended_seq is not None}


def _tell(schedule: Schedule, unit: Unit, fact: Fact, number: int | None) -> None:
    if fact.status == "succeeded":
        schedule.succeed(unit, number)
    elif fact.status == "skipped":
        schedule.skip(unit.step)
    elif fact.status == "unknown":
        schedule.doubt(unit)
    elif fact.is_failure:
        schedule.fail(unit)
    else:
        schedule.wait(unit, fact.retry_at)
