"""What is noted while a dry run goes on, and the path made of it at the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from automate.definitions import Plan
from automate.definitions.steps import COMPENSATE
from automate.dryrun.answers import Answer
from automate.dryrun.report import DryStep
from automate.execution.progress import RunProgress
from automate.execution.schedule import Unit
from automate.jsontext import loads


class Trace:
    """Notes by unit, in the order in which the units began."""

    def __init__(self) -> None:
        self.begun = 0  # attempts
        self._notes: dict[Unit, dict[str, Any]] = {}

    def begin(self, unit: Unit) -> None:
        self.begun += 1
        self._notes.setdefault(unit, {})

    def needs(self, unit: Unit, path: str) -> None:
        self._notes[unit]["needs"] = path

    def denied(self, unit: Unit, denied: list[dict[str, str]]) -> None:
        self._notes[unit]["denied"] = denied

    def waits(self, unit: Unit, waits: dict[str, Any]) -> None:
        self._notes[unit]["waits"] = waits

    def request(self, unit: Unit, request: dict[str, Any]) -> None:
        self._notes[unit]["request"] = request

    def answered(self, unit: Unit, answer: Answer, *, same_request: bool | None = None) -> None:
        is_recorded = answer.source == "recorded"
        self._notes[unit].update(
            output_from=answer.source,
            recorded_run_id=answer.run_id,
            same_request=same_request if is_recorded else None,
        )

    def path(self, run: RunProgress) -> list[DryStep]:
        """Every step of the plan, those of handlers and compensations where they ran; items after their fan-out."""
        rows = run.latest_rows()
        steps = []
        for step_id in _order(run.plan):
            units = sorted(unit for unit in {*rows, *self._notes} if unit.step == step_id)
            if Unit(step_id) not in units and (units or _is_certain(run.plan, step_id)):
                units.insert(0, Unit(step_id))
            steps += [self._step(run, unit, rows) for unit in units]
        assumed = _assumed(run.plan, {step.step for step in steps if step.status == "unknown"})
        for step in steps:
            step.is_assumed = step.step in assumed and step.status != "not_run"
        return steps

    def _step(self, run: RunProgress, unit: Unit, rows: dict[Unit, Any]) -> DryStep:
        definition, row = run.plan.by_id[unit.step], rows.get(unit)
        told = DryStep(unit.step, unit.item, _kind(run.plan, unit.step), definition.connector, definition.action)
        if row is not None:
            told.status, told.attempts = row.status, row.attempt
            told.input, told.output, told.error = (
                loads(text) if text else None for text in (row.input, row.output, row.error)
            )
            told.logs = loads(row.logs)
        if not unit.item and unit.step in run.results.lists:
            told.items = len(run.results.lists[unit.step])
        for name, value in self._notes.get(unit, {}).items():
            setattr(told, name, value)
        if told.needs is not None and told.status == "succeeded":
            told.status, told.output_from = "unknown", "unknown"
        return told


def _order(plan: Plan) -> Iterator[str]:
    for step in (*plan.steps, *plan.finally_steps):
        yield step.id
        yield from (handler.id for handler in step.handler)
        if step.compensate is not None:
            yield step.compensate.id


def _is_certain(plan: Plan, step_id: str) -> bool:
    """Whether it is shown where it did not run, too."""
    return step_id in plan.need_counts or step_id in plan.finally_ids


def _kind(plan: Plan, step_id: str) -> str:
    if step_id in plan.handled_by:
        return "handler"
    if step_id.endswith(COMPENSATE):
        return "compensation"
    return "finally" if step_id in plan.finally_ids else "step"


def _assumed(plan: Plan, unknown: set[str]) -> set[str]:
    """What follows an unknown step: all that needs it, their handlers and compensations, and every finally step."""
    found, waiting = set(), list(unknown)
    while waiting:
        step_id = waiting.pop()
        below = [*plan.followers.get(step_id, ()), *(one for one, of in plan.handled_by.items() if of == step_id)]
        below += [plan.undo_of[step_id]] if step_id in plan.undo_of else []
        waiting += [one for one in below if one not in found]
        found.update(below)
    return found | (set(plan.finally_ids) if unknown else set())
