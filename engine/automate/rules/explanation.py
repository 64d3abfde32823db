"""Why a rule did or did not match: the rule's tree with what each part saw and gave.

Every node is `{"pointer", "operator", "evaluated", "result"}` and, where it applies, `"inputs"` (the values of its
arguments), `"children"`, `"items"` (conditions per item of `some`, `all`, ...; the first few), `"error"` (why it has no
result), `"reads"` (the path of a `var`). A part that was left out because the answer was already known has
`"evaluated": false` and the result it would have given. The root adds `"matched"`, and `"failed_at"` with the pointer
of the first failing condition, whose node has `"failed": true`.
"""

from __future__ import annotations

from typing import Any

from datalogic_py import DataHandle, DataLogicError

from automate.rules import library
from automate.rules.compiled import compile_part, compile_rule
from automate.rules.errors import RuleFailed
from automate.rules.operators import PER_ITEM
from automate.rules.tree import arguments, operator_of

SHOWN_ITEMS = 10
MAX_EXPLAINED = 5_000  # nodes; what is beyond is shown without its children
_LONGEST_VALUE = 1_000  # characters of a text shown, elements of a list or object


def explain(rule_spec: Any, context: dict[str, Any]) -> dict[str, Any]:
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
        tree["matched"] = False
        tree["error"] = error.message
    tree["failed_at"] = None
    if not tree["matched"]:
        tree["failed_at"] = compiled.first_failure(handle)
        _mark(tree, tree["failed_at"])
    return tree


class _Explainer:
    """Walks one rule; remembers how many nodes it has shown."""

    def __init__(self) -> None:
        self.left = MAX_EXPLAINED

    def node(self, rule: Any, scope: DataHandle, here: str, *, evaluated: bool) -> dict[str, Any]:
        operator = operator_of(rule)
        shown: dict[str, Any] = {"pointer": here, "operator": operator, "evaluated": evaluated, "result": None}
        self.left -= 1
        shown.update(_outcome(rule, scope))
        if self.left <= 0:
            return shown
        if operator is None:
            if isinstance(rule, list) and any(isinstance(item, (dict, list)) for item in rule):
                shown["children"] = [
                    self.node(item, scope, f"{here}/{index}", evaluated=evaluated) for index, item in enumerate(rule)
                ]
            return shown
        given = arguments(rule)
        if operator == "var":
            shown["reads"] = _value(given[0][1], scope) if given else ""
            given = [(path, part) for path, part in given if operator_of(part)]  # a path is no condition
            if not given:
                return shown
        children = self._children(operator, given, scope, shown, evaluated=evaluated)
        shown["children"] = children
        shown["inputs"] = [child["result"] for child in children if child["evaluated"] or not evaluated]
        return shown

    def _children(
        self, operator: str, given: list[tuple[str, Any]], scope: DataHandle, shown: dict[str, Any], *, evaluated: bool
    ) -> list[dict[str, Any]]:
        here = shown["pointer"]
        if operator in {"and", "or"}:
            return self._until_known(operator, given, scope, here, evaluated=evaluated)
        if operator in {"if", "?:"}:
            return self._branches(given, scope, here, evaluated=evaluated)
        if operator in PER_ITEM:
            first = [self.node(part, scope, here + path, evaluated=evaluated) for path, part in given[:1]]
            if operator != "reduce" and len(given) > 1:
                self._items(operator, given, scope, shown, evaluated=evaluated)
            return first
        return [self.node(part, scope, here + path, evaluated=evaluated) for path, part in given]

    def _until_known(
        self, operator: str, given: list[tuple[str, Any]], scope: DataHandle, here: str, *, evaluated: bool
    ) -> list[dict[str, Any]]:
        children, open_ = [], True
        for path, part in given:
            child = self.node(part, scope, here + path, evaluated=evaluated and open_)
            children.append(child)
            if open_ and ("error" in child or _truth(part, scope) is (operator == "or")):
                open_ = False
        return children

    def _branches(
        self, given: list[tuple[str, Any]], scope: DataHandle, here: str, *, evaluated: bool
    ) -> list[dict[str, Any]]:
        """Conditions at even places, values at odd ones; the last one alone is the value of "else"."""
        children, chosen = [], None
        for index, (path, _part) in enumerate(given):
            is_else = index % 2 == 0 and index == len(given) - 1
            if chosen is None and is_else:
                chosen = index
            elif chosen is None and index % 2 == 0:
                truth = _truth(given[index][1], scope)
                if truth is None:
                    chosen = -1
                elif truth:
                    chosen = index + 1
                visited = True
                children.append(self.node(given[index][1], scope, here + path, evaluated=evaluated and visited))
                continue
            children.append(self.node(given[index][1], scope, here + path, evaluated=evaluated and index == chosen))
        return children

    def _items(
        self,
        operator: str,
        given: list[tuple[str, Any]],
        scope: DataHandle,
        shown: dict[str, Any],
        *,
        evaluated: bool,
    ) -> None:
        items = _value(given[0][1], scope)
        if isinstance(items, dict):
            items = list(items.values())
        if not isinstance(items, list):
            return
        path, body = given[1]
        shown["items"], open_ = [], True
        shown["items_total"] = len(items)
        for index, item in enumerate(items[:SHOWN_ITEMS]):
            inner = library.data(item)
            child = self.node(body, inner, shown["pointer"] + path, evaluated=evaluated and open_)
            shown["items"].append({"index": index, "item": _short(item), "condition": child})
            stops = {"some": True, "none": True, "all": False}.get(operator)
            if open_ and ("error" in child or (stops is not None and _truth(body, inner) is stops)):
                open_ = False


def _outcome(rule: Any, scope: DataHandle) -> dict[str, Any]:
    try:
        return {"result": _short(library.result(compile_part(rule), scope))}
    except (RuleFailed, DataLogicError) as error:
        return {"result": None, "error": str(error)}


def _value(rule: Any, scope: DataHandle) -> Any:
    try:
        return library.result(compile_part(rule), scope)
    except RuleFailed:
        return None


def _truth(rule: Any, scope: DataHandle) -> bool | None:
    try:
        return library.is_true(compile_part(rule), scope)
    except RuleFailed:
        return None


def _short(value: Any) -> Any:
    """`value`, cut where it is too long to show."""
    if isinstance(value, str) and len(value) > _LONGEST_VALUE:
        return value[:_LONGEST_VALUE] + "…"
    if isinstance(value, list) and len(value) > _LONGEST_VALUE:
        return [*value[:_LONGEST_VALUE], "…"]
    if isinstance(value, dict) and len(value) > _LONGEST_VALUE:
        return {**dict(list(value.items())[:_LONGEST_VALUE]), "…": "…"}
    return value


def _mark(node: dict[str, Any], pointer: str) -> None:
    """Set `failed` on the node at `pointer`, if it is shown."""
    while True:
        if node["pointer"] == pointer:
            node["failed"] = True
            return
        below = [child for child in node.get("children", []) if (pointer + "/").startswith(child["pointer"] + "/")]
        if not below:
            return
        node = below[0]
