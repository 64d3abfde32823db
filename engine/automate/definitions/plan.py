"""A version as a graph: its steps, what each needs, what follows a failure, what runs at the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from automate.definitions.steps import StepDefinition, parse_chain, parse_steps

DEADLINE_SECONDS = 2_592_000.0  # 30 days


@dataclass(frozen=True)
class Plan:
    """What a run of a version does. `by_id` has every step, those of handlers and compensations too."""

    steps: tuple[StepDefinition, ...]
    finally_steps: tuple[StepDefinition, ...]
    deadline_seconds: float
    by_id: dict[str, StepDefinition]


def parse_plan(steps_json: list[dict[str, Any]], options: dict[str, Any]) -> Plan:
    """The plan of a published version, which `find_problems` let through."""
    steps = parse_steps(steps_json)
    end = max(step.position for step in _all(steps)) + 1
    finally_steps = parse_chain(options.get("finally") or [], position=end)
    by_id = {step.id: step for step in _all((*steps, *finally_steps))}
    return Plan(steps, finally_steps, float(options.get("deadline_seconds", DEADLINE_SECONDS)), by_id)


def _all(steps: tuple[StepDefinition, ...]) -> Iterator[StepDefinition]:
    for step in steps:
        yield step
        yield from step.handler
        if step.compensate is not None:
            yield step.compensate
