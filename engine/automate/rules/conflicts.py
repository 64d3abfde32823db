"""Conditions of one `and` that cannot be met together: they ask one value to be two things.

Two readings of one path give one value. Where a condition leaves a few values only (`===`, `== null`, a word, `in` a
list), the others are asked about each of those. Numbers are compared as intervals: `< 5` and `> 10`, `== 5` and `> 10`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from automate.rules import library
from automate.rules.errors import RuleFailed
from automate.rules.tree import arguments, is_read, is_scalar, operator_of

MAX_COMPARED = 12  # conditions on one path; those after are not looked at
MAX_VALUES = 50  # that one condition leaves
EXACT = 2**53  # numbers beyond are compared as floats, where neighbours may be equal
_ORDER = frozenset({"<", "<=", ">", ">="})
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NEGATED = {"!=": "==", "!==": "==="}
_EQUAL = frozenset({"==", "==="})
_SIMPLE = frozenset({"==", "===", "!=", "!==", "in", "!", "!!"}) | _ORDER


@dataclass(frozen=True)
class Condition:
    """One condition of an `and` on one path; `pointer` leads to it from there."""

    pointer: str
    node: Any
    read: Any


@dataclass(frozen=True)
class Bound:
    """A number that the value, taken as a number, lies above (`sign` 1) or below (-1) of."""

    sign: int
    number: float
    is_open: bool


def find_conflict(rule: dict[str, Any]) -> tuple[str, str] | None:
    """The pointers of two conditions of this `and` that are never true together; None when none is found."""
    conditions = _conditions(rule)
    said = {json.dumps(node, sort_keys=True): pointer for pointer, node in conditions}
    by_path: dict[str, list[Condition]] = defaultdict(list)
    for pointer, node in conditions:
        if (denied := opposite(node)) in said:
            return said[str(denied)], pointer
        read = _one_read(node)
        if read is not None:
            by_path[json.dumps(read, sort_keys=True)].append(Condition(pointer, node, read))
    for on_path in by_path.values():
        for index, second in enumerate(on_path[:MAX_COMPARED]):
            for first in on_path[:index]:
                if _conflict(first, second):
                    return first.pointer, second.pointer
    return None


def opposite(node: Any) -> str | None:
    """What `node` negates, as JSON; None when it negates nothing.

    >>> opposite({"!=": [{"var": "a"}, 1]}), opposite({"!": {"var": "a"}})
    ('{"==": [{"var": "a"}, 1]}', '{"var": "a"}')
    """
    operator = operator_of(node)
    if operator in _NEGATED:
        return json.dumps({_NEGATED[operator]: node[operator]}, sort_keys=True)
    given = [given for _path, given in arguments(node)] if operator == "!" else []
    return json.dumps(given[0], sort_keys=True) if len(given) == 1 else None


def _conditions(rule: dict[str, Any]) -> list[tuple[str, Any]]:
    """Those of an `and`, and of each `and` among them: all must be true."""
    found = []
    for path, node in arguments(rule):
        if operator_of(node) == "and":
            found += [(path + below, part) for below, part in _conditions(node)]
        else:
            found.append((path, node))
    return found


def _one_read(node: Any) -> Any:
    """What a simple condition reads, if that is one path along with literals."""
    if is_read(node):
        return node
    operator = operator_of(node)
    if operator not in _SIMPLE:
        return None
    given = node[operator] if isinstance(node[operator], list) else [node[operator]]
    reads = [part for part in given if is_read(part)]
    literals = [part for part in given if not is_read(part)]
    is_flat = all(is_scalar(part) or (isinstance(part, list) and all(map(is_scalar, part))) for part in literals)
    return reads[0] if is_flat and len(reads) == 1 else None


def _conflict(first: Condition, second: Condition) -> bool:
    for one, other in ((first, second), (second, first)):
        values = _only_values(one)
        if values is not None:
            return not any(_holds(other, value) for value in values if _holds(one, value))
    return _is_empty([*_bounds(first), *_bounds(second)])


def _only_values(condition: Condition) -> list[Any] | None:
    """The values it leaves, when those are few and it says each exactly; None when there are more."""
    operator = operator_of(condition.node)
    given = condition.node[operator] if operator is not None else None
    if not isinstance(given, list) or len(given) != 2:
        return None
    if operator == "in" and is_read(given[0]) and isinstance(given[1], list):
        return given[1] if len(given[1]) <= MAX_VALUES else None
    literal = given[1] if is_read(given[0]) else given[0]
    if not is_scalar(literal) or operator not in _EQUAL:
        return None
    is_exact = operator == "===" or literal is None or (isinstance(literal, str) and _number(literal) is None)
    return [literal] if is_exact else None


def _holds(condition: Condition, value: Any) -> bool:
    """Whether the condition is true for `value`, as the library says."""
    try:
        return library.is_true(library.compiled(_with(condition.node, condition.read, value)), library.data({}))
    except RuleFailed:
        return False


def _with(node: Any, read: Any, value: Any) -> Any:
    if node == read:
        return {"??": [value]}  # a literal, also at the top of a rule
    operator = str(operator_of(node))
    given = node[operator] if isinstance(node[operator], list) else [node[operator]]
    return {operator: [value if part == read else part for part in given]}


def _bounds(condition: Condition) -> list[Bound]:
    """What `<`, `<=`, `>`, `>=` and `==` with numbers say about the value taken as a number."""
    operator = operator_of(condition.node)
    given = condition.node[operator] if operator is not None else None
    if not isinstance(given, list) or operator not in _ORDER | _EQUAL:
        return []
    if operator in _EQUAL:
        number = _number(given[1] if is_read(given[0]) else given[0]) if len(given) == 2 else None
        return [] if number is None else [Bound(1, number, False), Bound(-1, number, False)]
    found = []
    for left, right in pairwise(given):
        sign, literal = (operator, right) if is_read(left) else (_TURNED[operator], left)
        if isinstance(literal, (int, float)) and not isinstance(literal, bool) and is_read(left) != is_read(right):
            found.append(Bound(1 if ">" in sign else -1, _float(literal), "=" not in sign))
    return found


def _is_empty(bounds: list[Bound]) -> bool:
    for low in (bound for bound in bounds if bound.sign == 1):
        for high in (bound for bound in bounds if bound.sign == -1):
            is_touching = low.number == high.number and abs(low.number) < EXACT
            if low.number > high.number or (is_touching and (low.is_open or high.is_open)):
                return True
    return False


def _number(literal: Any) -> float | None:
    """What `==` compares `literal` as when the types differ; None: as itself only."""
    if literal is None or isinstance(literal, list):
        return None
    if isinstance(literal, (bool, int, float)):
        return _float(literal)
    try:
        return _float(library.result(library.compiled({"+": [literal]}), library.data({})))
    except RuleFailed:
        return None


def _float(number: float) -> float:
    return float(library.readable(number))
