"""What differs between two definitions, as a page shows it: part by part, each field with its old and new value."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from automate.definitions.differences import Change
from automate.definitions.written import in_order
from automate.services import VersionDiff
from automate.services.version_diff import StepChange

LINE_CHARS = 72  # a longer value is written over several lines
KINDS = {
    "added": "New",
    "removed": "Removed",
    "changed": "Changed",
    "moved": "Runs in another order",
}


@dataclass(frozen=True)
class FieldChange:
    """One field; `before` or `after` is None where it was not, or is no more."""

    where: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Section:
    """The trigger, the rule, one step, or the settings of the whole workflow."""

    title: str
    kind: str
    word: str
    fields: list[FieldChange]


def sections(found: VersionDiff) -> list[Section]:
    """What differs, in the order in which a definition is read; empty where nothing does."""
    parts = [("Trigger", found.trigger, "/trigger"), ("Rule", found.rule, "/rule"), ("Settings", found.options, "")]
    shown = [
        Section(title, "changed", KINDS["changed"], _fields(changes, path)) for title, changes, path in parts if changes
    ]
    steps = [_step(change) for change in found.steps]
    settings = [section for section in shown if section.title == "Settings"]
    return [section for section in shown if section.title != "Settings"] + steps + settings


def _step(change: StepChange) -> Section:
    word, prefixes = KINDS[change.kind], tuple(path for path in (change.path, change.path_before) if path)
    if change.kind in {"added", "removed"}:
        (whole,) = change.changes
        return Section(f"Step {change.id}", change.kind, word, _each_field(whole))
    return Section(f"Step {change.id}", change.kind, word, _fields(change.changes, *prefixes))


def _each_field(whole: Change) -> list[FieldChange]:
    """The fields of a step that came or went, as they are written down."""
    is_new = whole.kind == "added"
    step = in_order(whole.after if is_new else whole.before)
    values = [(name, written(value)) for name, value in step.items() if name != "id"]
    return [FieldChange(name, None if is_new else value, value if is_new else None) for name, value in values]


def _fields(changes: Iterable[Change], *prefixes: str) -> list[FieldChange]:
    return [
        FieldChange(
            where=_where(change.path, prefixes),
            before=None if change.kind == "added" else written(change.before),
            after=None if change.kind == "removed" else written(change.after),
        )
        for change in changes
    ]


def _where(path: str, prefixes: Iterable[str]) -> str:
    """The place within its part, as people write it.

    >>> _where("/steps/2/params/lines/0", ("/steps/2",)), _where("/rule", ("/rule",)), _where("/a~1b", ("",))
    ('params.lines[0]', 'all of it', 'a/b')
    """
    inner = next((path[len(prefix) :] for prefix in prefixes if path == prefix or path.startswith(f"{prefix}/")), path)
    names = [name.replace("~1", "/").replace("~0", "~") for name in inner.split("/")[1:]]
    shown = "".join(f"[{name}]" if name.isdigit() else f".{name}" for name in names)
    return shown.removeprefix(".") or "all of it"


def written(value: Any) -> str:
    """A value as JSON, on one line while it is short.

    >>> written({"b": 1}), written("5")
    ('{"b": 1}', '"5"')
    """
    line = json.dumps(value, ensure_ascii=False)
    return line if len(line) <= LINE_CHARS else json.dumps(value, ensure_ascii=False, indent=2)
