"""Plain data inside a template: how parts of it are read, what is missing, how it becomes text or leaves."""

from __future__ import annotations

import json
from typing import Any

from jinja2 import StrictUndefined
from jinja2.exceptions import UndefinedError
from jinja2.runtime import Undefined

from automate.templating.errors import TemplateFailed
from automate.templating.limits import (
    MAX_VALUE_DEPTH,
    PLAIN,
    SECRET_KEY,
    SECRET_PREFIX,
    Budget,
    budget,
    check_text,
    check_value,
    not_plain,
)


class Missing(StrictUndefined):
    """A value that is not there, nor are its parts; everything but `default` and `defined` refuses it."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        return f"`{self._undefined_name}` is not there."


def missing(path: str) -> Missing:
    return Missing(name=path)


def part(obj: Any, key: Any) -> Any:
    """`obj.key` and `obj[key]`: a key of an object, a position of a list or text; Missing when there is none.

    Never an attribute: `payload.items` is the payload's "items", and nothing of Python can be reached.
    """
    kind = type(obj)
    found: Any = _NOTHING
    if kind is dict:
        found = obj.get(str(key) if type(key) is int else key, _NOTHING) if type(key) in _KEYS else _NOTHING
    elif kind is list or kind is str or kind is tuple:
        if type(key) is slice or (type(key) is int and -len(obj) <= key < len(obj)):
            found = obj[key]
    elif isinstance(obj, Undefined):
        return missing(f"{obj._undefined_name}.{key}")
    elif kind not in PLAIN:
        raise not_plain(obj)
    if found is _NOTHING:
        return missing(str(key)[:100])
    if type(found) not in PLAIN:
        raise not_plain(found)
    return found


def as_text(value: Any) -> str:
    """What a value looks like inside text: text as it is, null as nothing, everything else as JSON."""
    kind = type(value)
    if kind is str:
        return str(value)
    if value is None:
        return ""
    if isinstance(value, Undefined):
        raise UndefinedError(value._undefined_message)
    if kind not in PLAIN:
        raise not_plain(value)
    check_text(check_value(value))
    text = json.dumps(value, ensure_ascii=False)
    check_text(len(text))
    budget.get().make(len(text))
    return text


def leave(value: Any, counted: Budget) -> Any:
    """A copy of `value` for the step: counted, and free of anything that names a secret."""
    return _leave(value, counted, 0)


def _leave(value: Any, counted: Budget, depth: int) -> Any:
    kind = type(value)
    if kind is str:
        counted.make(len(value))
        if value.startswith(SECRET_PREFIX):
            raise _names_secret()
        return value
    counted.make(8)
    if kind is dict:
        _check_depth(depth)
        if SECRET_KEY in value:
            raise _names_secret()
        counted.make(sum(map(len, value)))
        return {key: _leave(item, counted, depth + 1) for key, item in value.items()}
    if kind is list or kind is tuple:
        _check_depth(depth)
        return [_leave(item, counted, depth + 1) for item in value]
    if isinstance(value, Undefined):
        raise UndefinedError(value._undefined_message)
    if kind not in PLAIN:
        raise not_plain(value)
    return value


def _check_depth(depth: int) -> None:
    if depth >= MAX_VALUE_DEPTH:
        raise TemplateFailed(f"The template gives a value nested deeper than {MAX_VALUE_DEPTH} levels.")


def _names_secret() -> TemplateFailed:
    return TemplateFailed("The data of a template names a secret; only the workflow itself may do that.")


_NOTHING = object()
_KEYS = frozenset({str, int})
