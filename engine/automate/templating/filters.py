"""The filters and tests of a template: our own, on plain data, each with its size known before it is made."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

from jinja2.exceptions import UndefinedError
from jinja2.runtime import Undefined

from automate.templating.errors import TemplateFailed
from automate.templating.limits import budget, check_number, check_text, check_value
from automate.templating.values import as_text, part

FILTERS: dict[str, Callable[..., Any]] = {}
TESTS: dict[str, Callable[..., bool]] = {}
_F = TypeVar("_F", bound=Callable[..., Any])


def _filter(*names: str, takes_missing: bool = False) -> Callable[[_F], _F]:
    """Register a filter. Every call is a tick; what is missing is refused before; what comes out is bounded."""

    def register(function: _F) -> _F:
        @functools.wraps(function)
        def bounded(value: Any, *args: Any, **options: Any) -> Any:
            budget.get().tick()
            for given in (*(() if takes_missing else (value,)), *args, *options.values()):
                if isinstance(given, Undefined):
                    raise UndefinedError(given._undefined_message)
            made = function(value, *args, **options)
            if type(made) is str:
                check_text(len(made))
                budget.get().make(len(made))
            elif type(made) is list:
                budget.get().make(8 * len(made))
            return made

        for name in names:
            FILTERS[name] = bounded
        return function

    return register


def _list(value: Any) -> list[Any]:
    if type(value) in (list, tuple):
        return list(value)
    if type(value) is dict or type(value) is str:
        check_text(len(value))
        return list(value)
    raise TemplateFailed(f"A list is needed, not {_kind(value)}.")


def _number(value: Any) -> int | float:
    if type(value) in (int, float):
        return value  # type: ignore[no-any-return]
    raise TemplateFailed(f"A number is needed, not {_kind(value)}.")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", tuple: "a list", str: "a text", bool: "a yes/no", type(None): "null"}
    return names.get(type(value), "a number")


@_filter("default", "d", takes_missing=True)
def _default(value: Any, instead: Any = "", boolean: bool = False) -> Any:
    """`instead` when the value is missing; with `true` also when it is empty."""
    if isinstance(value, Undefined) or (boolean and not value):
        return instead
    return value


@_filter("upper")
def _upper(value: Any) -> str:
    return as_text(value).upper()


@_filter("lower")
def _lower(value: Any) -> str:
    return as_text(value).lower()


@_filter("title")
def _title(value: Any) -> str:
    return as_text(value).title()


@_filter("capitalize")
def _capitalize(value: Any) -> str:
    return as_text(value).capitalize()


@_filter("trim")
def _trim(value: Any) -> str:
    return as_text(value).strip()


@_filter("replace")
def _replace(value: Any, old: Any, new: Any) -> str:
    text, old_text, new_text = as_text(value), as_text(old), as_text(new)
    count = text.count(old_text)
    check_text(len(text) + count * max(0, len(new_text) - len(old_text)))
    return text.replace(old_text, new_text)


@_filter("truncate")
def _truncate(value: Any, length: int = 255, end: str = "…") -> str:
    """At most `length` characters, `end` among them."""
    text, end_text = as_text(value), as_text(end)
    if len(text) <= length:
        return text
    return text[: max(0, int(length) - len(end_text))] + end_text


@_filter("split")
def _split(value: Any, separator: Any = None) -> list[str]:
    text = as_text(value)
    return text.split(None if separator is None else as_text(separator))


@_filter("join")
def _join(value: Any, separator: Any = "", attribute: str | None = None) -> str:
    items = _list(value)
    if attribute is not None:
        items = [_along(item, attribute) for item in items]
    budget.get().tick(len(items))
    texts, between = [], as_text(separator)
    total = 0
    for item in items:
        texts.append(as_text(item))
        total += len(texts[-1]) + len(between)
        check_text(total)
    return between.join(texts)


@_filter("length", "count")
def _length(value: Any) -> int:
    if type(value) in (str, list, tuple, dict):
        return len(value)
    raise TemplateFailed(f"{_kind(value).capitalize()} has no length.")


@_filter("first")
def _first(value: Any) -> Any:
    return part(value if type(value) is str else _list(value), 0)


@_filter("last")
def _last(value: Any) -> Any:
    return part(value if type(value) is str else _list(value), -1)


@_filter("list")
def _as_list(value: Any) -> list[Any]:
    return _list(value)


@_filter("reverse")
def _reverse(value: Any) -> Any:
    return value[::-1] if type(value) is str else _list(value)[::-1]


@_filter("sort")
def _sort(value: Any, reverse: bool = False, attribute: str | None = None) -> list[Any]:
    items = _list(value)
    budget.get().tick(len(items))
    return sorted(items, key=lambda item: _along(item, attribute), reverse=bool(reverse))


@_filter("unique")
def _unique(value: Any) -> list[Any]:
    items = _list(value)
    budget.get().tick(len(items))
    seen: dict[str, Any] = {}
    for item in items:
        seen.setdefault(f"{type(item).__name__}:{as_text(item)}", item)
    return list(seen.values())


@_filter("map")
def _map(value: Any, attribute: str) -> list[Any]:
    """The same part of every item: `payload.lines|map(attribute="sku")`."""
    items = _list(value)
    budget.get().tick(len(items))
    return [_along(item, attribute) for item in items]


@_filter("items")
def _items(value: Any) -> list[Any]:
    """[[key, value], ...] of an object."""
    if type(value) is not dict:
        raise TemplateFailed(f"An object is needed, not {_kind(value)}.")
    return [[key, item] for key, item in value.items()]


@_filter("sum")
def _sum(value: Any, attribute: str | None = None) -> int | float:
    items = _list(value)
    budget.get().tick(len(items))
    total: int | float = 0
    for item in items:
        total = check_number(total + _number(_along(item, attribute)))
    return total


@_filter("min")
def _min(value: Any) -> Any:
    return min(_list(value))


@_filter("max")
def _max(value: Any) -> Any:
    return max(_list(value))


@_filter("round")
def _round(value: Any, precision: int = 0) -> int | float:
    """Half away from zero, as people round; a whole number when `precision` is 0."""
    from decimal import ROUND_HALF_UP, Decimal

    number, places = _number(value), max(0, min(int(precision), 15))
    if type(number) is int:
        return number
    rounded = Decimal(repr(number)).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return float(rounded) if places else int(rounded)


@_filter("abs")
def _abs(value: Any) -> int | float:
    return abs(_number(value))


@_filter("int")
def _int(value: Any, default: Any = None) -> Any:
    """A whole number; of a text its digits. `default` when it is none."""
    try:
        if type(value) is str:
            return check_number(int(value[:400]) if value.strip().lstrip("+-").isdigit() else int(float(value)))
        return int(_number(value) if type(value) is not bool else value)
    except (ValueError, OverflowError):
        if default is None:
            raise TemplateFailed(f"{as_text(value)[:50]!r} is not a number.") from None
        return default


@_filter("float")
def _float(value: Any, default: Any = None) -> Any:
    try:
        return float(value if type(value) is str else _number(value))
    except (ValueError, OverflowError):
        if default is None:
            raise TemplateFailed(f"{as_text(value)[:50]!r} is not a number.") from None
        return default


@_filter("string")
def _string(value: Any) -> str:
    return as_text(value)


@_filter("tojson")
def _tojson(value: Any) -> str:
    check_text(check_value(value))
    return json.dumps(value, ensure_ascii=False)


@_filter("urlencode")
def _urlencode(value: Any) -> str:
    """One part of a URL, percent-encoded in full."""
    return quote(as_text(value), safe="")


def _along(item: Any, path: str | None) -> Any:
    if path is None:
        return item
    for key in str(path).split("."):
        item = part(item, int(key) if key.isdigit() and type(item) is not dict else key)
    if isinstance(item, Undefined):
        raise UndefinedError(item._undefined_message)
    return item


def _test(*names: str, takes_missing: bool = False) -> Callable[[_F], _F]:
    def register(function: _F) -> _F:
        @functools.wraps(function)
        def bounded(value: Any, *args: Any) -> bool:
            budget.get().tick()
            for given in (*(() if takes_missing else (value,)), *args):
                if isinstance(given, Undefined):
                    raise UndefinedError(given._undefined_message)
            return bool(function(value, *args))

        for name in names:
            TESTS[name] = bounded
        return function

    return register


@_test("defined", takes_missing=True)
def _is_defined(value: Any) -> bool:
    return not isinstance(value, Undefined)


@_test("undefined", takes_missing=True)
def _is_undefined(value: Any) -> bool:
    return isinstance(value, Undefined)


@_test("none")
def _is_none(value: Any) -> bool:
    return value is None


@_test("string")
def _is_string(value: Any) -> bool:
    return type(value) is str


@_test("number")
def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


@_test("boolean")
def _is_boolean(value: Any) -> bool:
    return type(value) is bool


@_test("mapping")
def _is_mapping(value: Any) -> bool:
    return type(value) is dict


@_test("sequence")
def _is_sequence(value: Any) -> bool:
    return type(value) in (list, tuple)


@_test("odd")
def _is_odd(value: Any) -> bool:
    return _number(value) % 2 == 1


@_test("even")
def _is_even(value: Any) -> bool:
    return _number(value) % 2 == 0


@_test("in")
def _is_in(value: Any, collection: Any) -> bool:
    return value in collection


@_test("startswith")
def _starts_with(value: Any, beginning: Any) -> bool:
    return as_text(value).startswith(as_text(beginning))


@_test("endswith")
def _ends_with(value: Any, ending: Any) -> bool:
    return as_text(value).endswith(as_text(ending))


# What the compiler puts in; their names cannot be written in a template.


def counted(value: Any) -> Any:
    """The iterable of a loop: each turn is a tick."""
    if isinstance(value, Undefined):
        raise UndefinedError(value._undefined_message)
    items = _list(value)
    spend = budget.get()
    for item in items:
        spend.tick()
        yield item


def concatenated(first: Any, *others: Any) -> str:
    """`a ~ b`, refused before it is too long."""
    texts, total = [], 0
    for value in (first, *others):
        texts.append(as_text(value))
        total += len(texts[-1])
        check_text(total)
    budget.get().tick()
    budget.get().make(total)
    return "".join(texts)


def measured(value: Any) -> Any:
    """A list or object written in a template: a value repeated inside itself again and again is counted in full."""
    budget.get().tick()
    for item in value.values() if type(value) is dict else value:
        if isinstance(item, Undefined):
            raise UndefinedError(item._undefined_message)
    if type(value) is dict and not all(type(key) is str for key in value):
        raise TemplateFailed("The keys of an object are texts.")
    check_value(value)
    return list(value) if type(value) is tuple else value


def compared(outcome: Any) -> Any:
    """The outcome of a comparison: of two large values it takes a while, so the clock is looked at."""
    budget.get().tick()
    return outcome


FILTERS.update({" for": counted, " ~": concatenated, " value": measured, " compared": compared})
