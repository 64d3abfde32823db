"""Every problem of a definition at once, each with the place where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from automate import rules, templating  # the packages, not their names: they import Problem from beside us
from automate.definitions.actions import find_action_problems
from automate.definitions.bounds import find_bound_problems
from automate.definitions.problem import Problem, pointer
from automate.definitions.secret_values import find_secret_problems
from automate.definitions.structure import find_structure_problems

MAX_PROBLEMS = 200  # told at once
RULE_ROOTS = ("payload", "event")


def find_problems(definition: Any) -> list[Problem]:
    """Everything that keeps `definition` from being published, in the order of the document, and warnings among it.

    A problem that `is_error` keeps it from being published; the others are told and do not. Parts that are well formed
    are checked in depth even where others are not.
    """
    if problems := find_bound_problems(definition):
        return problems
    if not isinstance(definition, dict):
        return [Problem("", "not_an_object", "A definition is a JSON object.")]
    problems = [
        problem
        for found in (find_structure_problems, _rule_problems, _step_problems, find_secret_problems)
        for problem in islice(found(definition), MAX_PROBLEMS)  # each stops looking there
    ]
    return _in_order(problems, definition)[:MAX_PROBLEMS]


def _rule_problems(definition: dict[str, Any]) -> Iterator[Problem]:
    rule = definition.get("rule")
    if isinstance(rule, dict):
        problems = rules.find_rule_problems(rule, known_roots=RULE_ROOTS)
        for problem in problems or rules.find_rule_warnings(rule):
            yield problem.below("/rule")


def _step_problems(definition: dict[str, Any]) -> Iterator[Problem]:
    steps = definition.get("steps")
    if not isinstance(steps, list):
        return
    before: dict[str, int] = {}  # step ids that stand before the one looked at, with their positions
    for position, step in enumerate(steps):
        if not isinstance(step, dict):
            continue
        here = pointer("steps", position)
        for problem in find_action_problems(step):
            yield problem.below(here)
        for problem in templating.find_template_problems(step.get("params"), known_steps=before):
            yield problem.below(here + "/params")
        step_id = step.get("id")
        if not isinstance(step_id, str):
            continue
        if step_id in before:
            message = f'"{step_id}" is the id of step {before[step_id] + 1} already; each step needs its own.'
            yield Problem(here + "/id", "duplicate_step", message)
        before.setdefault(step_id, position)


def _in_order(problems: list[Problem], definition: dict[str, Any]) -> list[Problem]:
    """Each once, as a reader meets them: by the order of the top-level fields, then by place."""
    fields = {name: index for index, name in enumerate(definition)}

    def place(problem: Problem) -> tuple[Any, ...]:
        field, *below = problem.path.split("/")[1:] or [""]
        return (fields.get(field, -1), *((0, int(p), "") if p.isdigit() else (1, 0, p) for p in below))

    return sorted(dict.fromkeys(problems), key=place)
