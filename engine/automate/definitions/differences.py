"""What differs between two JSON values, place by place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from automate.definitions.canonical import canonical, same
from automate.definitions.problem import pointer


@dataclass(frozen=True)
class Change:
    """One value that is there, gone, or another one.

    `path` is a JSON pointer into the newer document; for what is "removed", into the older one.
    """

    kind: Literal["added", "removed", "changed"]
    path: str
    before: Any = None
    after: Any = None


def differences(before: Any, after: Any, path: str = "", path_before: str | None = None) -> Iterator[Change]:
    """The changes from `before` to `after`, which stand at `path_before` and `path` of their documents.

    Objects are compared key by key; of lists what was put in or taken out is told, not all that moved up.

    >>> list(differences({"a": [1, 2, 3]}, {"a": [1, 3], "b": 0}))
    [Change(kind='removed', path='/a/1', before=2, after=None), Change(kind='added', path='/b', before=None, after=0)]
    """
    path_before = path if path_before is None else path_before
    if same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _of_objects(before, after, path, path_before)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(before, after, path, path_before)
    else:
        yield Change("changed", path, before, after)


def _of_objects(before: dict[str, Any], after: dict[str, Any], path: str, path_before: str) -> Iterator[Change]:
    for key in sorted(before.keys() | after.keys()):
        below = pointer(key)
        if key not in after:
            yield Change("removed", path_before + below, before=before[key])
        elif key not in before:
            yield Change("added", path + below, after=after[key])
        else:
            yield from differences(before[key], after[key], path + below, path_before + below)


def _of_lists(before: list[Any], after: list[Any], path: str, path_before: str) -> Iterator[Change]:
    texts_before, texts = [_text(item) for item in before], [_text(item) for item in after]
    matcher = SequenceMatcher(None, texts_before, texts, autojunk=False)
    for _tag, start_before, end_before, start, end in matcher.get_opcodes():
        pairs = min(end_before - start_before, end - start)
        for offset in range(pairs):
            at, at_before = start + offset, start_before + offset
            yield from differences(before[at_before], after[at], path + pointer(at), path_before + pointer(at_before))
        for at_before in range(start_before + pairs, end_before):
            yield Change("removed", path_before + pointer(at_before), before=before[at_before])
        for at in range(start + pairs, end):
            yield Change("added", path + pointer(at), after=after[at])


def _text(value: Any) -> str:
    return json.dumps(canonical(value))
