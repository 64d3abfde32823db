"""Filters about lists and objects, and `default`."""

from __future__ import annotations

from typing import Any

from jinja2.runtime import Undefined

from automate.templating.errors import TemplateFailed
from automate.templating.filters.arguments import along, kind_of, list_of
from automate.templating.filters.registry import as_filter
from automate.templating.limits import budget
from automate.templating.values import as_text, part


@as_filter("default", "d", takes_missing=True)
def _default(value: Any, instead: Any = "", boolean: bool = False) -> Any:
    """`instead` when the value is missing; with `true` also when it is empty."""
    if isinstance(value, Undefined) or (boolean and not value):
        return instead
    return value


@as_filter("length", "count")
def _length(value: Any) -> int:
    if type(value) in (str, list, tuple, dict):
        return len(value)
    raise TemplateFailed(f"{kind_of(value).capitalize()} has no length.")


@as_filter("first")
def _first(value: Any) -> Any:
    return part(value if type(value) is str else list_of(value), 0)


@as_filter("last")
def _last(value: Any) -> Any:
    return part(value if type(value) is str else list_of(value), -1)


@as_filter("list")
def _as_list(value: Any) -> list[Any]:
    return list_of(value)


@as_filter("reverse")
def _reverse(value: Any) -> Any:
    return value[::-1] if type(value) is str else list_of(value)[::-1]


@as_filter("sort")
def _sort(value: Any, reverse: bool = False, attribute: str | None = None) -> list[Any]:
    items = list_of(value)
    budget.get().tick(len(items))
    return sorted(items, key=lambda item: along(item, attribute), reverse=bool(reverse))


@as_filter("unique")
def _unique(value: Any) -> list[Any]:
    items = list_of(value)
    budget.get().tick(len(items))
    seen: dict[str, Any] = {}
    for item in items:
        seen.setdefault(f"{type(item).__name__}:{as_text(item)}", item)
    return list(seen.values())


@as_filter("map")
def _map(value: Any, attribute: str) -> list[Any]:
    """The same part of every item: `payload.lines|map(attribute="sku")`."""
    items = list_of(value)
    budget.get().tick(len(items))
    return [along(item, attribute) for item in items]


@as_filter("items")
def _items(value: Any) -> list[Any]:
    """[[key, value], ...] of an object."""
    if type(value) is not dict:
        raise TemplateFailed(f"An object is needed, not {kind_of(value)}.")
    return [[key, item] for key, item in value.items()]
