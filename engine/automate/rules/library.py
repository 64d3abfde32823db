"""The one place that touches datalogic: an engine with our limits, and data in the form it reads.

The library reads a bare `str` as JSON text, refuses integers beyond 64 bits and text with lone surrogates; here such
data is brought into range, so that a strange value in one field never breaks a rule that reads another.
"""

from __future__ import annotations

import json
import threading
from typing import Any

from datalogic_py import DataHandle, DataLogicError, Engine, ParseError, Rule, Session

from automate.rules.classic import classic
from automate.rules.errors import RuleFailed
from automate.rules.operators import FAMILIES

OPERATIONS = 200_000  # that one evaluation may charge; a plain rule over a plain event charges a few dozen
_TOO_DEEP = "The data is nested too deep for a rule."
LARGEST = 1.7976931348623157e308

ENGINE = Engine(
    strict_operator_names=True,
    families=FAMILIES,
    # `"abc" == 5` is false as in JavaScript, not an error; ordering such values is an error.
    config={"loose_equality_errors": False, "ops_budget": OPERATIONS},
)


class _Local(threading.local):
    """A session may be used by the thread that opened it only."""

    def __init__(self) -> None:
        self.session: Session = ENGINE.session()


_local = _Local()


def data(value: Any) -> DataHandle:
    """`value`, plain JSON data, as the library reads it. Raises RuleFailed for anything else."""
    if isinstance(value, str):
        return DataHandle(json.dumps(_in_range(value, 0)))
    try:
        return DataHandle(value)
    except ParseError:
        try:
            return DataHandle(_in_range(value, 0))
        except RecursionError as error:  # how deep depends on the caller's own stack
            raise RuleFailed(_TOO_DEEP) from error


def compiled(node: Any) -> Rule:
    """A checked rule, or any node of one, literals too. Raises RuleFailed."""
    try:
        return ENGINE.compile(json.dumps(node) if isinstance(node, str) else classic(readable(node)))
    except DataLogicError as error:
        raise failed(error) from error


def readable(rule: Any) -> Any:
    """The rule with integers beyond 64 bits as the nearest float, as in the data it will meet.

    PostgreSQL gives 1e299 back as such an integer, so a rule that was fine as a draft must be fine as a version.

    >>> readable({"<": [{"var": "payload.n"}, 10**30, 5]})
    {'<': [{'var': 'payload.n'}, 1e+30, 5]}
    """
    if isinstance(rule, dict):
        return {key: readable(item) for key, item in rule.items()}
    if isinstance(rule, (list, tuple)):
        return [readable(item) for item in rule]
    if isinstance(rule, int) and abs(rule) >= 2**63:
        return _nearest(rule)
    return rule


def is_true(rule: Rule, handle: DataHandle) -> bool:
    """Whether the rule's result is truthy, as JSONLogic defines it. Raises RuleFailed."""
    try:
        return _local.session.evaluate_truthy(rule, handle)
    except DataLogicError as error:
        raise failed(error) from error


def result(rule: Rule, handle: DataHandle) -> Any:
    """The rule's result as plain data. Raises RuleFailed."""
    try:
        return _local.session.evaluate_data(rule, handle)
    except DataLogicError as error:
        raise failed(error) from error


def failed(error: DataLogicError) -> RuleFailed:
    """The library's error in our words."""
    operator = getattr(error, "operator", None)
    details = {"operator": operator}
    if getattr(error, "error_type", "") == "BudgetExceeded":
        return RuleFailed(f"The rule needs more than {OPERATIONS:,} operations for this event.", details=details)
    thrown = _thrown(error)
    if thrown == "NaN" and operator != "throw":
        return RuleFailed(f"`{operator}` was given something that is not a number.", details=details)
    if thrown is not None:
        return RuleFailed(f'The rule threw "{thrown}".', details={**details, "thrown": thrown})
    return RuleFailed(f"The rule cannot be evaluated: {str(error)[:200]}", details=details)


def _thrown(error: DataLogicError) -> str | None:
    """The `type` of what was thrown, as `try` sees it; "NaN" is what operators throw."""
    if getattr(error, "error_type", "") != "Thrown":
        return None
    text = str(error).removeprefix("Thrown: ").rpartition(" (in operator: ")[0]
    try:
        thrown = json.loads(text)
    except ValueError:
        return text[:200]
    return str(thrown.get("type") if isinstance(thrown, dict) else thrown)[:200]


def _in_range(value: Any, depth: int) -> Any:
    if depth > 500:
        raise RuleFailed(_TOO_DEEP)
    if isinstance(value, dict):
        return {_in_range(str(key), depth): _in_range(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_in_range(item, depth + 1) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else _nearest(value)
    raise RuleFailed(f"A rule reads JSON data, not {type(value).__name__}.")


def _nearest(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        return LARGEST if number > 0 else -LARGEST
