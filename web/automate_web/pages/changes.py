"""What differs between two definitions, as a page shows it: part by part, each field with its old and new value."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from automate.definitions.differences import Change
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
    prefixes = tuple(path for path in (change.path, change.path_before) if path)
    return Section(f"Step {change.id}", change.kind, KINDS[change.kind], _fields(change.changes, *prefixes))


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
