"""What differs between two versions, in terms of what a version is made of: its trigger, its rule, its steps."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from automate.definitions.differences import Change, differences
from automate.models import WorkflowVersion

_APART = frozenset({"$schema", "slug", "note", "trigger", "rule", "steps"})  # the rest is compared together


@dataclass(frozen=True)
class StepChange:
    """One step that differs; steps are known by their id.

    `path` is where it stands in the newer version, `path_before` in the older one; None where it is not in that one. A
    step that is "moved" runs in another order; it may have `changes` too. One that is "added" or "removed" has one
    change: the whole step.
    """

    id: str
    kind: Literal["added", "removed", "changed", "moved"]
    path_before: str | None
    path: str | None
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class VersionDiff:
    """What differs between two versions. Paths are JSON pointers into their definitions."""

    trigger: tuple[Change, ...]
    rule: tuple[Change, ...]
    steps: tuple[StepChange, ...]
    options: tuple[Change, ...] = ()  # of name, finally, deadline_seconds and the like

    @property
    def is_empty(self) -> bool:
        """They say the same; notes and dates are not compared."""
        return not (self.trigger or self.rule or self.steps or self.options)

    def as_dict(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)


def diff(version_a: WorkflowVersion, version_b: WorkflowVersion) -> VersionDiff:
    """What changed from `version_a` to `version_b`, in the order of the newer one; removed steps come last."""
    return diff_definitions(version_a.parts, version_b.parts)


def diff_definitions(before: dict[str, Any], after: dict[str, Any]) -> VersionDiff:
    """The same for two definitions, such as a version and a file. An unfinished draft's steps may lack ids.

    Slugs and notes are not compared: they change nothing of what runs.
    """
    return VersionDiff(
        trigger=tuple(differences(before.get("trigger"), after.get("trigger"), "/trigger")),
        rule=tuple(differences(before.get("rule"), after.get("rule"), "/rule")),
        steps=tuple(_steps(_with_ids(before.get("steps")), _with_ids(after.get("steps")))),
        options=tuple(differences(_rest(before), _rest(after))),
    )


def _rest(definition: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in definition.items() if name not in _APART}


def _with_ids(steps: Any) -> list[dict[str, Any]]:
    """The steps of a definition; one of a draft that has no id yet is known by its place."""
    listed = steps if isinstance(steps, list) else []
    return [
        {**step, "id": step["id"] if isinstance(step.get("id"), str) else f"#{place}"}
        for place, step in enumerate(listed)
        if isinstance(step, dict)
    ]


def _steps(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[StepChange]:
    places_before = {step["id"]: place for place, step in enumerate(before)}
    places = {step["id"]: place for place, step in enumerate(after)}
    kept_before, kept = [i for i in places_before if i in places], [i for i in places if i in places_before]
    blocks = SequenceMatcher(None, kept_before, kept, autojunk=False).get_matching_blocks()
    in_order = {step_id for block in blocks for step_id in kept[block.b : block.b + block.size]}
    found = []
    for step_id, place in places.items():
        path = f"/steps/{place}"
        if step_id not in places_before:
            found.append(StepChange(step_id, "added", None, path, (Change("added", path, after=after[place]),)))
            continue
        path_before = f"/steps/{places_before[step_id]}"
        changes = tuple(differences(before[places_before[step_id]], after[place], path, path_before))
        if step_id not in in_order or changes:
            kind: Literal["changed", "moved"] = "changed" if step_id in in_order else "moved"
            found.append(StepChange(step_id, kind, path_before, path, changes))
    gone = [step_id for step_id in places_before if step_id not in places]
    return found + [_gone(step_id, places_before[step_id], before) for step_id in gone]


def _gone(step_id: str, place: int, before: list[dict[str, Any]]) -> StepChange:
    path = f"/steps/{place}"
    return StepChange(step_id, "removed", path, None, (Change("removed", path, before=before[place]),))
