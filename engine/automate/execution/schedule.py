"""The order of a run: which steps and items may start now, what waits, what follows a failure, and how the run ends.

Pure: no clock, no database, no connector. Four phases, one direction:

main      steps start when what they need has ended; an error that nothing catches, a cancel or the deadline stops it
undo      after a failure, succeeded steps with a compensation are taken back, the latest to end first: by the numbers
          that ends are given as they come, for clocks may jump
finally   the finally steps, one after the other, whatever became of the others
ended     the verdict stands

A *unit* is what has attempts of its own: a step (item 0), or one item of a fan-out (items count from 1). A unit whose
effect is unknown blocks what needs it; when nothing else is left to do, the run is held for a person.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from automate.definitions import Plan, StepDefinition


class Unit(NamedTuple):
    step: str
    item: int = 0


@dataclass
class Fan:
    """A fan-out under way."""

    size: int
    started: int = 0  # items begin in their order
    active: int = 0
    is_stopped: bool = False
    statuses: dict[int, str] = field(default_factory=dict)  # item → how it ended


class Schedule:
    """One run's order. Whoever does the work takes units, and says what became of each."""

    def __init__(self, plan: Plan):
        self._plan = plan
        self.statuses: dict[str, str] = {}  # step → how it ended
        self.phase = "main"
        self.stopped: str | None = None  # "failed" or "cancelled", once the run can no longer succeed
        self.failed_step: str | None = None
        self._missing = dict(plan.need_counts)
        self._queue: deque[Unit] = deque(map(Unit, plan.roots))
        self._fans: dict[str, Fan] = {}
        self._running: set[Unit] = set()
        self._later: dict[Unit, datetime | None] = {}  # waits until then; None: until somebody says so
        self._ended: list[tuple[int, Unit]] = []  # succeeded units with a compensation, by the number of their end
        self._end_number = 0  # the latest given
        self._undo: list[Unit] = []
        self._chains: dict[str, list[StepDefinition]] = {}  # failed step → handler steps still to run
        self._finally = list(plan.finally_steps)
        self._dropped: list[Unit] = []

    # -- what to do next -------------------------------------------------------------------------------------------

    def take(self, now: datetime | None) -> list[Unit]:
        """Units to start, and those that waited until `now` (None: none of these); they are running from here on."""
        taken = [] if now is None else [unit for unit, at in self._later.items() if at is not None and at <= now]
        for unit in taken:
            del self._later[unit]
        taken += self._queue
        self._queue.clear()
        for step_id, fan in self._fans.items():
            room = self._concurrency(step_id) - fan.active
            while room > 0 and fan.started < fan.size and not fan.is_stopped:
                fan.started, fan.active, room = fan.started + 1, fan.active + 1, room - 1
                taken.append(Unit(step_id, fan.started))
        self._running.update(taken)
        return taken

    def take_dropped(self) -> list[Unit]:
        """Units that waited when the run was stopped: they will not go on."""
        dropped, self._dropped = self._dropped, []
        return dropped

    @property
    def next_at(self) -> datetime | None:
        """When the first of the waiting units goes on by itself."""
        return min((until for until in self._later.values() if until is not None), default=None)

    def has_ready(self, now: datetime) -> bool:
        """Whether `take` would give something."""
        if self._queue or ((at := self.next_at) is not None and at <= now):
            return True
        return any(
            fan.started < fan.size and not fan.is_stopped and fan.active < self._concurrency(step_id)
            for step_id, fan in self._fans.items()
        )

    @property
    def verdict(self) -> str | None:
        """succeeded, failed, cancelled, or held; None while something can still go on."""
        if self._running or self._later or self._queue or self._has_items:
            return None
        if self.phase != "ended":
            return "held" if self._has_unknown else None
        return self.stopped or "succeeded"

    @property
    def _has_items(self) -> bool:
        return any(fan.started < fan.size and not fan.is_stopped for fan in self._fans.values())

    @property
    def _has_unknown(self) -> bool:
        return "unknown" in self.statuses.values()

    # -- what became of it -----------------------------------------------------------------------------------------

    def skip(self, step_id: str) -> None:
        """Its `when` was false."""
        self._running.discard(Unit(step_id))
        self._settle(step_id, "skipped")

    def fan_out(self, step_id: str, size: int, *, begun: int = 0) -> list[Unit]:
        """The step has become `size` items. Returns the first `begun` of them: those are running already."""
        self._running.discard(Unit(step_id))
        items = [Unit(step_id, item) for item in range(1, begun + 1)]
        self._fans[step_id] = Fan(size, started=begun, active=begun)
        self._running.update(items)
        self._close_fan(step_id)
        return items

    def end_number(self, unit: Unit) -> int | None:
        """A number for the unit's end, above those before, to be kept with it; None for what cannot be taken back."""
        if self._step(unit).compensate is None:
            return None
        self._end_number += 1
        return self._end_number

    def succeed(self, unit: Unit, number: int | None = None) -> None:
        """`number`: that of its end, where it has one."""
        self._running.discard(unit)
        self._later.pop(unit, None)
        if number is not None:
            self._end_number = max(self._end_number, number)
            self._ended.append((number, unit))
        self._finish(unit, "succeeded")

    def fail(self, unit: Unit) -> None:
        """For good."""
        self._running.discard(unit)
        self._later.pop(unit, None)
        self._finish(unit, "failed")

    def doubt(self, unit: Unit) -> None:
        """Nobody knows whether it happened: a person says, or nobody."""
        self._running.discard(unit)
        self._finish(unit, "unknown")

    def wait(self, unit: Unit, until: datetime | None) -> None:
        """It goes on later: a retry, a timer, or when it is woken."""
        self._running.discard(unit)
        if self.stopped and self.phase == "main" and not self._is_handler(unit.step):
            self._drop(unit)
            if unit.step in self._fans:
                self._close_fan(unit.step)
            self._go_on()
        else:
            self._later[unit] = until

    def wake(self, unit: Unit, now: datetime) -> None:
        """What it waits for has come."""
        if unit in self._later:
            self._later[unit] = now

    def give_back(self, unit: Unit) -> None:
        """It was taken and not begun: it comes first the next time."""
        self._running.discard(unit)
        self._queue.appendleft(unit)

    def stop(self, status: str) -> bool:
        """No further step of the main phase starts, and what waits is dropped; False when it has stopped before."""
        if self.stopped is not None or self.phase != "main":
            return False
        self.stopped = status
        waiting, self._queue = self._queue, deque()
        for unit in waiting:
            if self._is_handler(unit.step):
                self._queue.append(unit)
            elif unit.item and unit.step in self._fans:
                self._fans[unit.step].active -= 1
        for fan in self._fans.values():
            fan.is_stopped = True
        for unit in list(self._later):
            if not self._is_handler(unit.step):
                del self._later[unit]
                self._drop(unit)
        for step_id in list(self._fans):
            self._close_fan(step_id)
        self._go_on()
        return True

    def abort(self) -> None:
        """The end at once, whatever phase it is in: the time for undoing and finally has passed as well."""
        self.stop("failed")
        self.stopped = self.stopped or "failed"
        self._undo, self._finally, self._chains = [], [], {}
        self._queue.clear()
        for unit in list(self._later):
            del self._later[unit]
            self._drop(unit)
        self._go_on()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _finish(self, unit: Unit, status: str) -> None:
        if not unit.item or unit.step not in self._fans:
            self._settle(unit.step, status)
            return
        fan = self._fans[unit.step]
        fan.active -= 1
        fan.statuses[unit.item] = status
        if status == "failed" and self._on_item_error(unit.step) == "fail":
            fan.is_stopped = True
        self._close_fan(unit.step)

    def _close_fan(self, step_id: str) -> None:
        fan = self._fans[step_id]
        if fan.active or (fan.started < fan.size and not fan.is_stopped):
            return
        del self._fans[step_id]
        ends = set(fan.statuses.values())
        failed = "failed" in ends and self._on_item_error(step_id) == "fail"
        status = "unknown" if "unknown" in ends else "failed" if failed else "succeeded"
        if status == "succeeded" and (len(fan.statuses) < fan.size or "cancelled" in ends):
            status = "cancelled"
        self._settle(step_id, status)

    def _settle(self, step_id: str, status: str) -> None:
        """The step as a whole has ended."""
        self.statuses[step_id] = status
        step = self._plan.by_id[step_id]
        if status == "failed" and step.handler:
            self._chains[step_id] = list(step.handler)
            self._next_handler(step_id)
        elif step_id in self._plan.handled_by:
            self._handler_ended(step, status)
        elif status == "failed" and step.on_error == "fail" and self.phase == "main":
            self._fail_run(step_id)
        elif status != "unknown":
            self._release(step_id)
        if step_id in self._plan.finally_ids and status == "failed" and step.on_error == "fail":
            self.stopped = self.stopped or "failed"
            self.failed_step = self.failed_step or step_id
        self._go_on()

    def _handler_ended(self, step: StepDefinition, status: str) -> None:
        failed_step = self._plan.handled_by[step.id]
        if status == "unknown":
            return
        if status == "failed" and step.on_error == "fail":
            self._chains.pop(failed_step, None)
            self._fail_run(failed_step)
        else:
            self._next_handler(failed_step)

    def _next_handler(self, failed_step: str) -> None:
        chain = self._chains.get(failed_step)
        if chain:
            self._queue.append(Unit(chain.pop(0).id))
            return
        self._chains.pop(failed_step, None)
        if self._plan.by_id[failed_step].on_error == "continue":
            self._release(failed_step)
        else:
            self._fail_run(failed_step)

    def _fail_run(self, step_id: str) -> None:
        if self.stop("failed"):
            self.failed_step = step_id

    def _release(self, step_id: str) -> None:
        """What needs the step is one need nearer to its start."""
        for follower in self._plan.followers.get(step_id, ()):
            self._missing[follower] -= 1
            if not self._missing[follower] and self.stopped is None:
                self._queue.append(Unit(follower))

    def _go_on(self) -> None:
        """The next phase, when nothing of this one is left. An unknown effect keeps the phase open."""
        if self._running or self._later or self._queue or self._chains or self._has_items or self.phase == "ended":
            return
        if self._has_unknown and self.stopped != "cancelled":
            return
        if self.phase == "main":
            self.phase = "undo"
            if self.stopped == "failed":
                self._undo = [unit for _, unit in sorted(self._ended)]
        if self.phase == "undo":
            if self._undo:
                unit = self._undo.pop()
                self._queue.append(Unit(self._plan.undo_of[unit.step], unit.item))
                return
            self.phase = "finally"
        if self._finally:
            self._queue.append(Unit(self._finally.pop(0).id))
            return
        self.phase = "ended"

    def _drop(self, unit: Unit) -> None:
        self._dropped.append(unit)
        if unit.item and unit.step in self._fans:
            fan = self._fans[unit.step]
            fan.active -= 1
            fan.statuses[unit.item] = "cancelled"
        elif not unit.item:
            self.statuses[unit.step] = "cancelled"

    def _step(self, unit: Unit) -> StepDefinition:
        return self._plan.by_id[unit.step]

    def _is_handler(self, step_id: str) -> bool:
        return step_id in self._plan.handled_by

    def _concurrency(self, step_id: str) -> int:
        foreach = self._plan.by_id[step_id].foreach
        return foreach.concurrency if foreach is not None else 1

    def _on_item_error(self, step_id: str) -> str:
        foreach = self._plan.by_id[step_id].foreach
        return foreach.on_item_error if foreach is not None else "fail"
