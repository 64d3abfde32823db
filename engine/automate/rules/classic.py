"""JSONLogic's own `==`, `missing` and `try`, said in what the library has.

The library's `==` finds null equal to 0, false and "", and the text "1" different from true; its `missing` finds an
empty text present. The reference (json-logic-js) follows JavaScript: null equals null alone; texts, numbers and
booleans are compared as numbers where their types differ; null and "" are missing. The library's `try` hands an error
to the last argument only, the specification to each that comes next. A rule is rewritten to say exactly that before the
library compiles it. Nobody sees the rewritten form: explanations are those of the rule.
"""

from __future__ import annotations

import math
from typing import Any

from automate.rules.tree import is_read, is_scalar, operator_of

_COMPARED_AS_NUMBERS = ["boolean", "number", "string"]  # when the two types differ


def classic(rule: Any) -> Any:
    """`rule` with the same result in the library as in the reference. At most 64 levels deep, as checked before.

    >>> classic({"==": [{"var": "a"}, None]}), classic({"!=": [{"var": "a"}, "paid"]})
    ({'===': [{'var': 'a'}, None]}, {'!': [{'===': [{'var': 'a'}, 'paid']}]})
    """
    if isinstance(rule, list):
        return [classic(item) for item in rule]
    operator = operator_of(rule)
    if operator is None:
        return rule
    given = rule[operator]
    if operator == "missing":
        return _missing(given)
    if operator == "missing_some" and isinstance(given, list) and len(given) == 2 and _all_names(given[1]):
        return _missing_some(classic(given[0]), given[1])
    given = classic(given)
    if operator in {"==", "!="} and isinstance(given, list) and len(given) == 2:
        equal = _equal(*given)
        return equal if operator == "==" else {"!": [equal]}
    if operator == "try" and isinstance(given, list) and len(given) > 2:
        return _nested(given)
    return {operator: given}


def _equal(left: Any, right: Any) -> Any:
    """Strict where that is the same and cheaper; each side is worked out once."""
    for one in (left, right):
        if one is None or (isinstance(one, str) and _is_word(one)):
            return {"===": [left, right]}
        if isinstance(one, (int, float)) and not isinstance(one, bool) and one != 0:
            return {"==": [left, right]}
    if _is_plain(left) and _is_plain(right):
        return _equal_values(left, right)
    return {"some": [[[left, right]], _equal_values({"val": 0}, {"val": 1})]}


def _equal_values(left: Any, right: Any) -> Any:
    types = [{"type": [left]}, {"type": [right]}]
    return {
        "or": [
            {"===": [left, right]},
            {
                "and": [
                    {"!==": types},
                    *({"in": [kind, _COMPARED_AS_NUMBERS]} for kind in types),
                    {"try": [{"===": [{"+": left}, {"+": right}]}, False]},
                ]
            },
        ]
    }


def _is_word(text: str) -> bool:
    """Whether `text` is no number in JavaScript, nor empty: equal to itself alone."""
    try:
        return text.strip() != "" and math.isnan(float(text))
    except ValueError:
        return not text.strip().lower().startswith(("0x", "0b", "0o")) and text.strip() != ""


def _is_plain(node: Any) -> bool:
    """A literal, or a read along a literal path: evaluating it twice costs next to nothing."""
    return is_read(node) or is_scalar(node) or (isinstance(node, list) and all(map(_is_plain, node)))


def _nested(tried: list[Any]) -> Any:
    last = tried[-1]
    for part in reversed(tried[:-1]):
        last = {"try": [part, last]}
    return last


def _missing(given: Any) -> Any:
    """The names of those that are null or "". Names that are worked out are looked up by the library."""
    names = given if isinstance(given, list) else [given]
    if names and isinstance(names[0], list):
        names = names[0]  # the reference takes a lone list for the list of names
    if not _all_names(names):
        return {"missing": classic(given)}
    return {"merge": [{"if": [{"in": [{"var": name}, [None, ""]]}, name, []]} for name in names]}


def _missing_some(least: Any, names: list[str]) -> Any:
    missing = _missing(names)
    there = {"-": [len(names), {"length": [missing]}]}
    return {"if": [{">=": [there, least]}, [], missing]}


def _all_names(names: Any) -> bool:
    return isinstance(names, list) and all(isinstance(name, str) for name in names)
