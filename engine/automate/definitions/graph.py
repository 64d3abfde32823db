"""The graph of a definition's steps: who needs whom, who ran before whom, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from automate.definitions.problem import Problem, did_you_mean, pointer
from automate.definitions.steps import with_needs

MAX_STEPS = 1_000  # handler and finally steps included


def well_formed(steps: Any) -> list[tuple[int, dict[str, Any]]]:
    """The steps that have an id and can be looked at further, with their positions; the first of each id."""
    if not isinstance(steps, list):
        return []
    found: dict[str, tuple[int, dict[str, Any]]] = {}
    for position, step in enumerate(steps):
        if isinstance(step, dict) and isinstance(step.get("id"), str):
            found.setdefault(step["id"], (position, step))
    return list(found.values())


def handler_steps(step: dict[str, Any]) -> Any:
    """What stands at `on_error.steps`; [] where there is no handler."""
    on_error = step.get("on_error")
    return on_error.get("steps", []) if isinstance(on_error, dict) else []


def find_graph_problems(definition: dict[str, Any]) -> Iterator[Problem]:
    """Needs that name no step, circles, ids used twice, too many steps."""
    yield from _id_problems(definition)
    steps = well_formed(definition.get("steps"))
    positions = {step["id"]: position for position, step in steps}
    for position, step in steps:
        for index, needed in enumerate(_said(step)):
            if needed not in positions:
                message = f'There is no step "{needed}".{did_you_mean(needed, positions)}'
                yield Problem(pointer("steps", position, "needs", index), "unknown_step", message)
    if circle := _circle(needs_of(definition)):
        path = " → ".join(f'"{step_id}"' for step_id in circle)
        here = pointer("steps", positions[circle[0]])
        written = "needs" in dict(steps)[positions[circle[0]]]
        message = f"These steps wait for one another: {path}."
        yield Problem(here + ("/needs" if written else ""), "circular_needs", message)


def needs_of(definition: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Step id → ids of the steps it needs; what names no step is left out."""
    steps = [step for _, step in well_formed(definition.get("steps"))]
    plain = [{"id": step["id"], **({"needs": _said(step)} if "needs" in step else {})} for step in steps]
    known = {step["id"] for step in steps}
    return {step["id"]: tuple(need for need in needs if need in known) for step, needs in with_needs(plain)}


def upstream(needs: dict[str, tuple[str, ...]]) -> dict[str, set[str]]:
    """Step id → every step that has ended before it starts. Steps in a circle, or behind one, have none.

    >>> sorted(upstream({"a": (), "b": ("a",), "c": ("b",)})["c"])
    ['a', 'b']
    """
    before: dict[str, set[str]] = {step_id: set() for step_id in needs}
    for step_id in _in_order(needs):
        for needed in needs[step_id]:
            before[step_id] |= before[needed]
            before[step_id].add(needed)
    return before


def _in_order(needs: dict[str, tuple[str, ...]]) -> list[str]:
    """Every step after all that it needs; those of a circle are left out."""
    followers: dict[str, list[str]] = {step_id: [] for step_id in needs}
    missing = {step_id: len(needed) for step_id, needed in needs.items()}
    for step_id, needed in needs.items():
        for one in needed:
            followers[one].append(step_id)
    ordered = [step_id for step_id, count in missing.items() if not count]
    for step_id in ordered:  # grows while it is read
        for follower in followers[step_id]:
            missing[follower] -= 1
            if not missing[follower]:
                ordered.append(follower)
    return ordered


def _circle(needs: dict[str, tuple[str, ...]]) -> list[str]:
    """One circle, first step last again; [] when there is none."""
    stuck = set(needs) - set(_in_order(needs))
    if not stuck:
        return []
    step_id = next(iter(one for one in needs if one in stuck))
    seen: list[str] = []
    while step_id not in seen:  # each stuck step needs another stuck one
        seen.append(step_id)
        step_id = next(need for need in needs[step_id] if need in stuck)
    circle = seen[seen.index(step_id) :]
    return [*circle, circle[0]]


def _id_problems(definition: dict[str, Any]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    total = 0
    for path, step in every_step(definition):
        total += 1
        step_id = step.get("id")
        if not isinstance(step_id, str):
            continue
        if step_id in first:
            message = f'"{step_id}" is the id of {first[step_id]} already; each step needs its own.'
            yield Problem(path + "/id", "duplicate_step", message)
        first.setdefault(step_id, _place(path))
    listed = definition.get("steps")
    if total > MAX_STEPS >= (len(listed) if isinstance(listed, list) else 0):  # else the form says so
        message = f"There are {total:,} steps, those of handlers and `finally` included; at most {MAX_STEPS:,} may be."
        yield Problem("/steps", "too_many_steps", message)


def every_step(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(pointer, step) of steps, handler steps and finally steps, in the order of the document."""
    for part in ("steps", "finally"):
        listed = definition.get(part)
        for position, step in enumerate(listed if isinstance(listed, list) else []):
            if not isinstance(step, dict):
                continue
            yield pointer(part, position), step
            below = handler_steps(step) if part == "steps" else []
            for index, handler in enumerate(below if isinstance(below, list) else []):
                if isinstance(handler, dict):
                    yield pointer(part, position, "on_error", "steps", index), handler


def _place(path: str) -> str:
    """
    >>> _place("/steps/3"), _place("/finally/0"), _place("/steps/0/on_error/steps/1")
    ('step 4', 'finally step 1', 'handler step 2 of step 1')
    """
    part, position, *handler = path.split("/")[1:]
    place = f"{'finally ' if part == 'finally' else ''}step {int(position) + 1}"
    return f"handler step {int(handler[-1]) + 1} of {place}" if handler else place


def _said(step: dict[str, Any]) -> list[str]:
    needs = step.get("needs")
    return [need for need in needs if isinstance(need, str)] if isinstance(needs, list) else []
