"""A rule as a tree: which part is an operator, which its arguments, and where each stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from automate.definitions.problem import pointer
from automate.rules.operators import PER_ITEM


def operator_of(node: Any) -> str | None:
    """The node's operator; None for a literal."""
    if isinstance(node, dict) and len(node) == 1:
        return str(next(iter(node)))
    return None


def arguments(node: dict[str, Any]) -> list[tuple[str, Any]]:
    """(pointer below the node, argument) for each; a lone argument may stand without its list.

    >>> arguments({"!": [1]}), arguments({"!": 1})
    ([('/!/0', 1)], [('/!', 1)])
    """
    [(operator, given)] = node.items()
    if isinstance(given, list):
        return [(pointer(operator, index), argument) for index, argument in enumerate(given)]
    return [(pointer(operator), given)]


def walk(rule: Any) -> Iterator[tuple[str, Any, int, bool]]:
    """(pointer, node, depth, whether it sees other data than the rule does) for every node; any depth is safe.

    Other data is one item of a list, or the error that `try` caught.
    """
    waiting: list[tuple[str, Any, int, bool]] = [("", rule, 0, False)]
    while waiting:
        here, node, depth, sees_other_data = waiting.pop()
        yield here, node, depth, sees_other_data
        below: list[tuple[str, Any]] = []
        operator = operator_of(node)
        if operator is not None:
            below = arguments(node)
        elif isinstance(node, list):
            below = [(pointer(index), item) for index, item in enumerate(node)]
        elif isinstance(node, dict):
            below = [(pointer(str(key)), item) for key, item in node.items()]
        for index, (path, child) in reversed(list(enumerate(below))):
            sees_other = (operator in PER_ITEM and index == 1) or (operator == "try" and index > 0)
            waiting.append((here + path, child, depth + 1, sees_other_data or sees_other))


def is_scalar(node: Any) -> bool:
    return not isinstance(node, (dict, list))


def is_read(node: Any) -> bool:
    """Whether `node` reads along a path that the rule itself says: the same value wherever it stands, and no error."""
    operator = operator_of(node)
    if operator not in {"var", "val", "exists"}:
        return False
    given = node[operator]
    return is_scalar(given) or (isinstance(given, list) and all(map(is_scalar, given)))


def climbs(rule: Any) -> bool:
    """Whether something in `rule` reads outside of the item it is evaluated for: `{"val": [[-2], "limit"]}`."""
    for _path, node, _depth, _per_item in walk(rule):
        if operator_of(node) == "val" and isinstance(node["val"], list) and node["val"]:
            first = node["val"][0]
            if isinstance(first, (list, dict)):  # a path that is worked out may climb too
                return True
    return False
