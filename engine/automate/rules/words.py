"""A condition in words, as short as the rule lets it be."""

from __future__ import annotations

import json
from typing import Any

from automate.rules.operators import BY_KEYS
from automate.rules.tree import arguments, operator_of

_LONGEST = 200
_BETWEEN = {
    "==": "is",
    "===": "is exactly",
    "!=": "is not",
    "!==": "is not exactly",
    "in": "is in",
    "and": "and",
    "or": "or",
    "??": "or else",
}
_SIGNS = frozenset({"<", "<=", ">", ">=", "+", "-", "*", "/", "%"})
_FOR_ITEMS = {"some": "some item of", "all": "every item of", "none": "no item of"}


def condition_in_words(rule: Any) -> str:
    """At most 200 characters.

    >>> condition_in_words({"and": [{">": [{"var": "payload.amount"}, 100]}, {"==": [{"var": "payload.paid"}, True]}]})
    'payload.amount > 100 and payload.paid is true'
    """
    words = _words(rule)
    return words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"


def _words(rule: Any) -> str:
    operator = operator_of(rule)
    if operator is None:
        return json.dumps(rule, ensure_ascii=False)
    given = [part for _path, part in arguments(rule)]
    if operator == "var":
        return str(given[0]) if given and isinstance(given[0], (str, int)) and given[0] != "" else "the item"
    if operator in BY_KEYS and given and all(isinstance(part, (str, int)) for part in given):
        path = ".".join(map(str, given))
        return path if operator == "val" else f"{path} exists"
    if operator in _FOR_ITEMS and len(given) == 2:
        return f"{_FOR_ITEMS[operator]} {_words(given[0])} has {_words(given[1])}"
    if operator in {"!", "!!"} and given:
        return f"not ({_words(given[0])})" if operator == "!" else f"{_words(given[0])} is set"
    if operator in {"and", "or"} and len(given) == 1:
        return _words(given[0])
    if operator in _SIGNS and len(given) > 1:
        return f" {operator} ".join(_words(part) for part in given)
    if operator in _BETWEEN and len(given) > 1:
        return f" {_BETWEEN[operator]} ".join(
            f"({_words(part)})" if operator_of(part) in {"and", "or"} else _words(part) for part in given
        )
    return f"{operator}({', '.join(_words(part) for part in given)})"
