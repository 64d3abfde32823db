"""Which paths of its data a rule reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from automate.rules.operators import BY_KEYS
from automate.rules.tree import arguments, operator_of, walk


def read_paths(rule: Any) -> Iterator[tuple[str, list[Any]]]:
    """(pointer, keys) of every value read along a path that the rule itself says, items of lists left out.

    >>> list(read_paths({"==": [{"var": "steps.a.status"}, "failed"]}))
    [('/==/0', ['steps', 'a', 'status'])]
    """
    for path, node, _depth, sees_other_data in walk(rule):
        operator = operator_of(node)
        if sees_other_data or operator not in {"var", *BY_KEYS}:
            continue
        given = [value for _, value in arguments(node)]
        if operator == "var":
            given = given[0].split(".") if given and isinstance(given[0], str) else []
        yield path, given
