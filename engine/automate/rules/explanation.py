"""Why a rule did or did not match: the rule's tree with what each part saw and gave.

Every node is `{"pointer", "operator", "evaluated", "result"}` and, where it applies, `"inputs"` (the values of its
arguments), `"children"`, `"items"` (conditions per item of `some`, `all`, ...; the first few), `"error"` (why it has no
result), `"reads"` (the path of a `var`, `val` or `exists`). A part that was left out because the answer was already
known has `"evaluated": false` and the result it would have given. Long values are cut; past the limits below a node is
`"cut"` and has no result. The root adds `"matched"`, and `"failed_at"` with the pointer of the first failing condition,
whose node has `"failed": true`.
"""

from __future__ import annotations

import time
from typing import Any

from datalogic_py import DataHandle

from automate.rules import library
from automate.rules.compiled import compile_rule
from automate.rules.errors import RuleFailed
from automate.rules.operators import BY_KEYS, PER_ITEM
from automate.rules.shown import shown
from automate.rules.tree import arguments, climbs, operator_of

SHOWN_ITEMS = 10  # of one list
MAX_NODES = 5_000
MAX_SECONDS = 2.0  # of processor time
_KNOWN_WHEN = {"and": False, "or": True, "all": False, "some": True, "none": True}  # that truth ends the search

Node = dict[str, Any]
Parts = list[tuple[str, Any]]  # (pointer below the node, argument)


def explain(rule_spec: Any, context: dict[str, Any]) -> Node:
    """The tree; `matched` is what `evaluate` gives, false when that raises. Raises RuleFailed for what is no rule.

    Source: seeds, "Rules Engine": a tree showing exactly which conditions passed/failed.
    """
    compiled = compile_rule(rule_spec)
    if rule_spec is None:
        return {"pointer": "", "operator": None, "evaluated": True, "result": True, "matched": True, "failed_at": None}
    handle = library.data(context)
    tree = _Explainer().node(rule_spec, handle, "", evaluated=True)
    try:
        tree["matched"] = compiled.matches(handle)
    except RuleFailed as error:
        tree.update(matched=False, error=error.message)
    tree["failed_at"] = None if tree["matched"] else compiled.first_failure(handle)
    if tree["failed_at"] is not None:
        _mark(tree, tree["failed_at"])
    return tree


class _Explainer:
    """Walks one rule, asking the library for the result of each part, until the limits are reached."""

    def __init__(self) -> None:
        self.left = MAX_NODES
        self.deadline = time.thread_time() + MAX_SECONDS

    def node(self, rule: Any, scope: DataHandle, here: str, *, evaluated: bool) -> Node:
        operator = operator_of(rule)
        node = _leaf(here, operator, evaluated=evaluated)
        self.left -= 1
        if self.left <= 0 or time.thread_time() > self.deadline:
            return {**node, "cut": True}
        try:
            node["result"] = shown(_result(rule, scope))
        except RuleFailed as error:
            node["error"] = error.message
        parts = _parts(rule)
        if operator == "var":
            node["reads"] = shown(_value(parts[0][1], scope)) if parts else ""
        elif operator in BY_KEYS:
            node["reads"] = ".".join(str(shown(_value(part, scope))) for _path, part in parts)
        if "reads" in node:
            parts = [(path, part) for path, part in parts if operator_of(part)]  # a path is no condition
        if parts:
            node["children"] = self._children(rule, parts, scope, node)
            if operator is not None:
                node["inputs"] = [child["result"] for child in node["children"] if child["evaluated"] or not evaluated]
        return node

    def _children(self, rule: Any, parts: Parts, scope: DataHandle, node: Node) -> list[Node]:
        operator, here, evaluated = node["operator"], node["pointer"], node["evaluated"]
        if operator in {"and", "or", "??"}:
            return self._until_known(operator, parts, scope, here, evaluated=evaluated)
        if operator in {"if", "?:"}:
            return self._branches(parts, scope, here, evaluated=evaluated)
        if operator == "try":
            return self._until_one_works(parts, scope, here, evaluated=evaluated)
        if operator in PER_ITEM:
            if operator != "reduce" and len(parts) > 1:
                self._items(operator, parts, scope, node)
            parts = parts[:1]
        return [self.node(part, scope, here + path, evaluated=evaluated) for path, part in parts]

    def _until_known(self, operator: str, parts: Parts, scope: DataHandle, here: str, *, evaluated: bool) -> list[Node]:
        children: list[Node] = []
        is_known = False
        for path, part in parts:
            children.append(self.node(part, scope, here + path, evaluated=evaluated and not is_known))
            is_known = is_known or _is_last(operator, part, scope)
        return children

    def _until_one_works(self, parts: Parts, scope: DataHandle, here: str, *, evaluated: bool) -> list[Node]:
        """Each but the first sees the error of the one before it as its data."""
        children: list[Node] = []
        error: DataHandle | None = scope
        for index, (path, part) in enumerate(parts):
            is_asked = evaluated and error is not None
            if index and climbs(part):  # past the error, to data that is not at hand here
                return children + _as_leaves(parts, index, scope, here, evaluated=is_asked)
            seen = scope if error is None else error
            children.append(self.node(part, seen, here + path, evaluated=is_asked))
            error = None if error is None else _error_of(part, error)
        return children

    def _branches(self, parts: Parts, scope: DataHandle, here: str, *, evaluated: bool) -> list[Node]:
        """Conditions at even places, their values at odd ones; a last one alone is the value of "else"."""
        visited, index = set(), 0
        while index < len(parts):
            visited.add(index)
            if index == len(parts) - 1:
                break
            truth = _truth(parts[index][1], scope)
            if truth:
                visited.add(index + 1)
            if truth or truth is None:
                break
            index += 2
        return [
            self.node(part, scope, here + path, evaluated=evaluated and index in visited)
            for index, (path, part) in enumerate(parts)
        ]

    def _items(self, operator: str, parts: Parts, scope: DataHandle, node: Node) -> None:
        items = _value(parts[0][1], scope)
        if climbs(parts[1][1]):
            return  # an item alone is not all that its condition sees
        if isinstance(items, dict):
            items = list(items.values())
        if not isinstance(items, list):
            return
        path, body = parts[1]
        node["items"], node["items_total"] = [], len(items)
        is_known = False
        for index, item in enumerate(items[:SHOWN_ITEMS]):
            inner = library.data(item)
            condition = self.node(body, inner, node["pointer"] + path, evaluated=node["evaluated"] and not is_known)
            node["items"].append({"index": index, "item": shown(item), "condition": condition})
            is_known = is_known or _truth(body, inner) in {None, _KNOWN_WHEN.get(operator)}


def _leaf(here: str, operator: str | None, *, evaluated: bool) -> Node:
    return {"pointer": here, "operator": operator, "evaluated": evaluated, "result": None}


def _as_leaves(parts: Parts, start: int, scope: DataHandle, here: str, *, evaluated: bool) -> list[Node]:
    """The arguments of a `try` from `start` on with what each came to, without what is below them."""
    leaves = []
    for index in range(start, len(parts)):
        path, part = parts[index]
        leaf = _leaf(here + path, operator_of(part), evaluated=evaluated)
        if evaluated:
            try:
                leaf["result"] = shown(_result({"try": [tried for _path, tried in parts[: index + 1]]}, scope))
                evaluated = False
            except RuleFailed as error:
                leaf["error"] = error.message
        leaves.append(leaf)
    return leaves


def _parts(rule: Any) -> Parts:
    """The parts of a node that are nodes themselves; of a list, only when something in it is worked out."""
    if operator_of(rule) is not None:
        return arguments(rule)
    if isinstance(rule, list) and any(isinstance(item, (dict, list)) for item in rule):
        return [(f"/{index}", item) for index, item in enumerate(rule)]
    return []


def _result(rule: Any, scope: DataHandle) -> Any:
    return library.result(library.compiled(rule), scope)


def _value(rule: Any, scope: DataHandle) -> Any:
    try:
        return _result(rule, scope)
    except RuleFailed:
        return None


def _truth(rule: Any, scope: DataHandle) -> bool | None:
    """None: it cannot be evaluated."""
    try:
        return library.is_true(library.compiled(rule), scope)
    except RuleFailed:
        return None


def _is_last(operator: str, part: Any, scope: DataHandle) -> bool:
    """Whether `and`, `or` or `??` looks at nothing after `part`; so it is, too, when `part` fails."""
    if operator != "??":
        return _truth(part, scope) in {None, _KNOWN_WHEN[operator]}
    try:
        return _result(part, scope) is not None
    except RuleFailed:
        return True


def _error_of(part: Any, scope: DataHandle) -> DataHandle | None:
    """The error object that `try` hands on when `part` fails; None when it does not, or when nothing is handed on."""
    try:
        _result(part, scope)
    except RuleFailed:
        error = _value({"try": [part, {"val": []}]}, scope)
        return None if error is None else library.data(error)
    return None


def _mark(node: Node, pointer: str) -> None:
    """Set `failed` on the node at `pointer`, if it is shown."""
    while node["pointer"] != pointer:
        below = [child for child in node.get("children", []) if (pointer + "/").startswith(child["pointer"] + "/")]
        if not below:
            return
        node = below[0]
    node["failed"] = True
