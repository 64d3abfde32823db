"""What a rule can come to, over every event there could be: found without an event, and never too little.

An outcome is "true", "false" (truthy and falsy) or "error". `outcomes` gives all that may happen and perhaps more, so
what is missing from it cannot happen: without "true" the rule never matches; with "true" alone it always does.
"""

from __future__ import annotations

import json
from typing import Any

from automate.rules import library
from automate.rules.conflicts import find_conflict, opposite
from automate.rules.errors import RuleFailed
from automate.rules.operators import PER_ITEM
from automate.rules.tree import arguments, is_read, is_scalar, operator_of, walk

TRUE, FALSE, ERROR = "true", "false", "error"
MAX_LISTS = 20  # constants with list operators in them that are worked out; each may cost all that a rule may

Outcomes = frozenset[str]
_ANY: Outcomes = frozenset({TRUE, FALSE, ERROR})
_NO_ERROR: Outcomes = frozenset({TRUE, FALSE})
_READING = frozenset({"var", "val", "exists", "missing", "missing_some", "reduce"})


class Analysis:
    """Of one rule that has no problems; every node is looked at once."""

    def __init__(self) -> None:
        self._known: dict[int, Outcomes] = {}  # by the node's identity, which lives as long as the rule
        self._lists_left = MAX_LISTS

    def outcomes(self, node: Any) -> Outcomes:
        if id(node) not in self._known:
            self._known[id(node)] = self._find(node)
        return self._known[id(node)]

    def _find(self, node: Any) -> Outcomes:
        if is_scalar(node):
            return frozenset({TRUE if node else FALSE})  # texts, numbers, booleans and null: as in Python
        operator = operator_of(node)
        if _is_constant(node):
            return self._worked_out(node)
        if operator is None:
            return _ANY
        parts = [part for _path, part in arguments(node)]
        if operator in {"var", "val", "exists"}:
            return _NO_ERROR if is_read(node) else _ANY
        if operator in {"and", "or"}:
            return self._and_or(operator, node, parts)
        if operator in {"!", "!!"} and len(parts) == 1:
            found = self.outcomes(parts[0])
            return found if operator == "!!" else frozenset(_OPPOSITE[outcome] for outcome in found)
        if operator in {"if", "?:"}:
            return self._if(parts)
        if operator in {"??", "try"}:
            return frozenset().union(*(self.outcomes(part) for part in parts))
        if operator in {"==", "===", "!=", "!=="} and len(parts) == 2 and any(is_scalar(part) for part in parts):
            return frozenset().union(*(_NO_ERROR if _cannot_fail(part) else _ANY for part in parts))
        if operator == "in" and len(parts) == 2 and parts[1] == []:
            return frozenset({FALSE, ERROR})
        return _ANY

    def _worked_out(self, node: Any) -> Outcomes:
        if any(operator_of(part) in PER_ITEM for _path, part, _depth, _other in walk(node)):
            self._lists_left -= 1
            if self._lists_left < 0:
                return _ANY
        try:
            outcome = TRUE if library.is_true(library.compiled(node), library.data({})) else FALSE
        except RuleFailed:
            return frozenset({ERROR})
        return frozenset({outcome})

    def _and_or(self, operator: str, node: dict[str, Any], parts: list[Any]) -> Outcomes:
        goes_on = TRUE if operator == "and" else FALSE
        possible: set[str] = set()
        for part in parts:
            found = self.outcomes(part)
            possible |= found - {goes_on}
            if goes_on not in found:
                return frozenset(possible)
        possible.add(goes_on)
        if operator == "and" and find_conflict(node) is not None:
            possible.discard(TRUE)
        if operator == "or" and ERROR not in possible and _has_opposites(parts):
            possible.discard(FALSE)
        return frozenset(possible)

    def _if(self, parts: list[Any]) -> Outcomes:
        possible: set[str] = set()
        index = 0
        while index + 1 < len(parts):
            found = self.outcomes(parts[index])
            possible |= found & {ERROR}
            if TRUE in found:
                possible |= self.outcomes(parts[index + 1])
            if FALSE not in found:
                return frozenset(possible)
            index += 2
        possible |= self.outcomes(parts[index]) if index < len(parts) else {FALSE}
        return frozenset(possible)


_OPPOSITE = {TRUE: FALSE, FALSE: TRUE, ERROR: ERROR}


def _is_constant(node: Any) -> bool:
    return not any(operator_of(part) in _READING for _path, part, _depth, _other in walk(node))


def _cannot_fail(node: Any) -> bool:
    return is_scalar(node) or is_read(node)


def _has_opposites(parts: list[Any]) -> bool:
    """Whether one of them is another one's negation, so that one of both is true."""
    said = {json.dumps(part, sort_keys=True) for part in parts}
    return any(opposite(part) in said for part in parts)
