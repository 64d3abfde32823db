"""Values as an explanation shows them: whole when they are small, cut with "…" where they are not."""

from __future__ import annotations

from typing import Any

TEXT = 1_000  # characters of one text
ELEMENTS = 100  # of one list or object
DEPTH = 6
CUT = "…"


def shown(value: Any, depth: int = DEPTH) -> Any:
    """A copy of `value`, cut.

    >>> shown([1] * 3), len(shown([1] * 1000)), shown({"a": "x" * 2000})["a"][-1]
    ([1, 1, 1], 101, '…')
    """
    if isinstance(value, str):
        return value if len(value) <= TEXT else value[:TEXT] + CUT
    if isinstance(value, list):
        if depth == 0 and value:
            return [CUT]
        cut = [shown(item, depth - 1) for item in value[:ELEMENTS]]
        return cut if len(value) <= ELEMENTS else [*cut, CUT]
    if isinstance(value, dict):
        if depth == 0 and value:
            return {CUT: CUT}
        kept = {key: shown(value[key], depth - 1) for key in list(value)[:ELEMENTS]}
        return kept if len(value) <= ELEMENTS else {**kept, CUT: CUT}
    return value
