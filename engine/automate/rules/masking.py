"""Explanations as people may see them: what an event holds under sensitive names is masked, and what was made of it.

A condition keeps its outcome: whether it was met is what the reader came for. Every other value that was worked out of
something masked (its first letter, its length, its upper case) is masked as a whole, because no net knows it any more.
"""

from __future__ import annotations

from typing import Any

from automate.rules.operators import BY_KEYS, PER_ITEM
from automate.rules.tree import arguments, is_scalar, operator_of, walk
from automate_governance.redaction import MASK, is_sensitive_name, redact

_DEPTH = 100  # a rule has 64 levels
Node = dict[str, Any]


def sensitive_values(payload: Any) -> tuple[str, ...]:
    """The texts and numbers that stand under sensitive names, as text: to be masked wherever they turn up."""
    found: set[str] = set()
    waiting: list[tuple[Any, bool]] = [(payload, False)]
    while waiting:
        value, is_hidden = waiting.pop()
        if isinstance(value, dict):
            waiting.extend((item, is_hidden or is_sensitive_name(str(key))) for key, item in value.items())
        elif isinstance(value, list):
            waiting.extend((item, is_hidden) for item in value)
        elif is_hidden and isinstance(value, (str, int, float)) and not isinstance(value, bool):
            found.add(str(value))
    return tuple(sorted(found))


def masked(tree: Node, rule: Any, hidden: tuple[str, ...]) -> Node:
    """The explanation of `rule` with all that is sensitive masked; `hidden` are the event's `sensitive_values`."""
    _mask(tree, rule, hidden, depth=0, is_below_hidden=False)
    safe: Node = redact(tree, hidden)
    return safe


def failed_node(tree: Node) -> Node | None:
    """The node that is marked as the first failing condition."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if node.get("failed"):
            return node
        waiting.extend(node.get("children", []))
    return None


def part_at(rule: Any, path: str) -> Any:
    """The part of `rule` at a JSON pointer.

    >>> part_at({"and": [1, {">": [2, 3]}]}, "/and/1")
    {'>': [2, 3]}
    """
    for part in path.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        rule = rule[int(key)] if isinstance(rule, list) else rule[key]
    return rule


def _mask(node: Node, rule: Any, hidden: tuple[str, ...], *, depth: int, is_below_hidden: bool) -> bool:
    """Mask in place; whether the node's value was made of something masked."""
    reads, result = node.get("reads"), node["result"]
    names = isinstance(reads, str) and any(is_sensitive_name(part) for part in reads.split("."))
    is_hidden = names or is_below_hidden or (reads is not None and redact(result, hidden) != result)
    if depth <= _DEPTH:
        below = [
            _mask(child, rule, hidden, depth=depth + 1, is_below_hidden=is_below_hidden)
            for child in node.get("children", [])
        ]
        is_list_hidden = is_below_hidden or any(below)
        items = [
            _mask(item["condition"], rule, hidden, depth=depth + 1, is_below_hidden=is_list_hidden)
            for item in node.get("items", [])
        ]
        is_hidden = is_hidden or any(below) or any(items)
    if node["operator"] in PER_ITEM and not is_hidden:
        is_hidden = _names_something_sensitive(part_at(rule, node["pointer"]))
    if is_hidden and (names or reads is None) and result is not None and not isinstance(result, bool):
        node["result"] = MASK
    if "inputs" in node and node["operator"] != "var":
        node["inputs"] = [child["result"] for child in node["children"] if child["evaluated"] or not node["evaluated"]]
    return is_hidden


def _names_something_sensitive(rule: Any) -> bool:
    """Whether the rule for each item may read what is masked: its nodes are not all in the explanation."""
    for _path, node, _depth, _sees_other_data in walk(rule):
        if operator_of(node) not in {"var", *BY_KEYS}:
            continue
        for _below, part in arguments(node)[: 1 if operator_of(node) == "var" else None]:
            if operator_of(part) is not None:
                return True  # a path that is worked out
            if is_scalar(part) and any(is_sensitive_name(name) for name in str(part).split(".")):
                return True
    return False
