"""Problems of steps, each at its place: connectors and params, templates, `when`, and which steps they may read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from automate import rules, templating  # the packages, not their names: they import Problem from beside us
from automate.definitions.actions import find_action_problems
from automate.definitions.core_checks import find_core_problems
from automate.definitions.graph import handler_steps, needs_of, upstream, well_formed
from automate.definitions.problem import Problem, did_you_mean, pointer
from automate.templating.rendering import has_template

ROOTS = ("payload", "event", "steps", "run", "trace_id")  # names at the top of a context
STEP_PARTS = ("status", "output", "error")
ITEM_ROOTS = ("item", "index")
ERROR_ROOTS = ("error",)


def find_step_problems(definition: dict[str, Any]) -> Iterator[Problem]:
    """Of every step, handler and finally step, in the order of the document."""
    before = upstream(needs_of(definition))
    yield from _malformed_ids(definition)
    for position, step in well_formed(definition.get("steps")):
        here, known = pointer("steps", position), before[step["id"]]
        yield from _below(here, _problems(step, known))
        yield from _below(here, _compensation_problems(step, known))
        yield from _chain(handler_steps(step), {*known, step["id"]}, here + "/on_error/steps")
    every = {step["id"] for _, step in well_formed(definition.get("steps"))}
    every |= {
        one["id"] for _, step in well_formed(definition.get("steps")) for _, one in well_formed(handler_steps(step))
    }
    yield from _chain(definition.get("finally"), every, "/finally")


def _malformed_ids(definition: dict[str, Any]) -> Iterator[Problem]:
    """A step without a usable id, or with one that is taken, is looked at all the same, but reads no other step."""
    looked_at = {position for position, _ in well_formed(definition.get("steps"))}
    steps = definition.get("steps")
    for position, step in enumerate(steps if isinstance(steps, list) else []):
        if position not in looked_at and isinstance(step, dict):
            earlier = {one["id"] for place, one in well_formed(steps) if place < position}
            yield from _below(pointer("steps", position), _problems(step, earlier))


def _chain(steps: Any, known: set[str], path: str) -> Iterator[Problem]:
    """Handler and finally steps: each sees those before it, and the error."""
    for position, step in well_formed(steps):
        yield from _below(path + pointer(position), _problems(step, known, (*ROOTS, *ERROR_ROOTS)))
        known = {*known, step["id"]}


def _problems(step: dict[str, Any], known: Collection[str], roots: tuple[str, ...] = ROOTS) -> Iterator[Problem]:
    yield from find_action_problems(step)
    foreach = step.get("foreach")
    seen = roots
    if isinstance(foreach, dict):
        seen = (*roots, *ITEM_ROOTS)
        items = templating.find_template_problems(foreach.get("items"), known_steps=known, known_roots=roots)
        yield from _below("/foreach/items", items)
        yield from _list_problems(foreach.get("items"))
    params = step.get("params")
    found = templating.find_template_problems(params, known_steps=known, known_roots=seen)
    yield from _below("/params", found)
    yield from _below("/when", _rule_problems(step.get("when"), known, roots))
    yield from find_core_problems(step)


def _list_problems(items: Any) -> Iterator[Problem]:
    if isinstance(items, str) and not has_template(items):
        yield Problem("/foreach/items", "malformed", "This must be a list, or a template that gives one.")


def _compensation_problems(step: dict[str, Any], known: set[str]) -> Iterator[Problem]:
    undo = step.get("compensate")
    if isinstance(undo, dict):
        roots = (*ROOTS, *ERROR_ROOTS, *(ITEM_ROOTS if isinstance(step.get("foreach"), dict) else ()))
        yield from _below("/compensate", _problems(undo, {*known, step["id"]}, roots))


def _rule_problems(rule: Any, known: Collection[str], roots: tuple[str, ...]) -> Iterator[Problem]:
    if not isinstance(rule, dict):
        return
    problems = rules.find_rule_problems(rule, known_roots=roots)
    yield from problems or rules.find_rule_warnings(rule)
    for path, keys in rules.read_paths(rule):
        if len(keys) < 2 or keys[0] != "steps":
            continue
        if keys[1] not in known:
            hint = did_you_mean(str(keys[1]), known)
            yield Problem(path, "unknown_step", f'No step "{keys[1]}" has run before this one.{hint}')
        elif len(keys) > 2 and keys[2] not in STEP_PARTS:
            yield Problem(path, "unknown_name", f'A step has {", ".join(STEP_PARTS)}, and no "{keys[2]}".')


def _below(path: str, problems: Iterator[Problem] | list[Problem]) -> Iterator[Problem]:
    for problem in problems:
        yield problem.below(path)
