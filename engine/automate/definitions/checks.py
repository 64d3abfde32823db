"""Every problem of a definition at once, each with the place where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from automate import rules  # the package, not its names: it imports Problem from beside us
from automate.definitions.bounds import find_bound_problems
from automate.definitions.flow_checks import find_flow_problems
from automate.definitions.graph import find_graph_problems
from automate.definitions.problem import Problem
from automate.definitions.rule_tests import find_test_problems
from automate.definitions.secret_values import find_secret_problems
from automate.definitions.step_checks import find_step_problems
from automate.definitions.structure import find_structure_problems
from automate.triggers import problems as trigger_problems

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
        for found in _CHECKS
        for problem in islice(found(definition), MAX_PROBLEMS)  # each stops looking there
    ]
    return _in_order(problems, definition)[:MAX_PROBLEMS]


def _trigger_problems(definition: dict[str, Any]) -> Iterator[Problem]:
    trigger = definition.get("trigger")
    if isinstance(trigger, dict):
        for problem in trigger_problems.find_trigger_problems(trigger, known_roots=RULE_ROOTS):
            yield problem.below("/trigger")


def _rule_problems(definition: dict[str, Any]) -> Iterator[Problem]:
    rule = definition.get("rule")
    if isinstance(rule, dict):
        problems = rules.find_rule_problems(rule, known_roots=RULE_ROOTS)
        for problem in problems or rules.find_rule_warnings(rule):
            yield problem.below("/rule")


_CHECKS = (
    find_structure_problems,
    _trigger_problems,
    _rule_problems,
    find_graph_problems,
    find_step_problems,
    find_secret_problems,
    find_flow_problems,
    find_test_problems,
)


def _is_index(part: str) -> bool:
    """Whether a pointer's part may be a place in a list; anything else is a name, "²" and a thousand digits too."""
    return part.isascii() and part.isdigit() and len(part) < 10


def _in_order(problems: list[Problem], definition: dict[str, Any]) -> list[Problem]:
    """Each once, as a reader meets them: by the order of the top-level fields, then by place."""
    fields = {name: index for index, name in enumerate(definition)}

    def place(problem: Problem) -> tuple[Any, ...]:
        field, *below = problem.path.split("/")[1:] or [""]
        return (fields.get(field, -1), *((0, int(p), "") if _is_index(p) else (1, 0, p) for p in below))

    return sorted(dict.fromkeys(problems), key=place)
