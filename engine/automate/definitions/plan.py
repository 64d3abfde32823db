"""A version as a graph: its steps, what each needs, what follows a failure, what runs at the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from automate.definitions.steps import StepDefinition, parse_chain, parse_steps

DEADLINE_SECONDS = 2_592_000.0  # 30 days


@dataclass(frozen=True)
class Plan:
    """What a run of a version does, and the graph looked at from every side. Shared by all runs of the version."""

    steps: tuple[StepDefinition, ...]
    finally_steps: tuple[StepDefinition, ...]
    deadline_seconds: float
    by_id: dict[str, StepDefinition]  # every step, those of handlers and compensations too
    roots: tuple[str, ...]  # steps that need none
    need_counts: dict[str, int]
    followers: dict[str, tuple[str, ...]]  # step → the steps that need it
    handled_by: dict[str, str]  # handler step → the step whose failure it handles
    undo_of: dict[str, str]  # step → its compensation
    finally_ids: frozenset[str]


def parse_plan(steps_json: list[dict[str, Any]], options: dict[str, Any]) -> Plan:
    """The plan of a published version, which `find_problems` let through."""
    steps = parse_steps(steps_json)
    end = max((step.position for step in _all(steps)), default=-1) + 1
    finally_steps = parse_chain(options.get("finally") or [], position=end)
    followers: dict[str, list[str]] = {}
    for step in steps:
        for needed in step.needs:
            followers.setdefault(needed, []).append(step.id)
    return Plan(
        steps=steps,
        finally_steps=finally_steps,
        deadline_seconds=float(options.get("deadline_seconds", DEADLINE_SECONDS)),
        by_id={step.id: step for step in _all((*steps, *finally_steps))},
        roots=tuple(step.id for step in steps if not step.needs),
        need_counts={step.id: len(step.needs) for step in steps},
        followers={step_id: tuple(ids) for step_id, ids in followers.items()},
        handled_by={handler.id: step.id for step in steps for handler in step.handler},
        undo_of={step.id: step.compensate.id for step in steps if step.compensate is not None},
        finally_ids=frozenset(step.id for step in finally_steps),
    )


def _all(steps: tuple[StepDefinition, ...]) -> Iterator[StepDefinition]:
    for step in steps:
        yield step
        yield from step.handler
        if step.compensate is not None:
            yield step.compensate
