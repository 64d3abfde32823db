"""Filters that make text."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from automate.templating.filters.arguments import along, list_of
from automate.templating.filters.registry import as_filter
from automate.templating.limits import budget, check_text, check_value
from automate.templating.values import as_text


@as_filter("upper")
def _upper(value: Any) -> str:
    return as_text(value).upper()


@as_filter("lower")
def _lower(value: Any) -> str:
    return as_text(value).lower()


@as_filter("title")
def _title(value: Any) -> str:
    return as_text(value).title()


@as_filter("capitalize")
def _capitalize(value: Any) -> str:
    return as_text(value).capitalize()


@as_filter("trim")
def _trim(value: Any) -> str:
    return as_text(value).strip()


@as_filter("replace")
def _replace(value: Any, old: Any, new: Any) -> str:
    text, old_text, new_text = as_text(value), as_text(old), as_text(new)
    count = text.count(old_text)
    check_text(len(text) + count * max(0, len(new_text) - len(old_text)))
    return text.replace(old_text, new_text)


@as_filter("truncate")
def _truncate(value: Any, length: int = 255, end: str = "…") -> str:
    """At most `length` characters, `end` among them."""
    text, end_text = as_text(value), as_text(end)
    if len(text) <= length:
        return text
    return text[: max(0, int(length) - len(end_text))] + end_text


@as_filter("split")
def _split(value: Any, separator: Any = None) -> list[str]:
    text = as_text(value)
    return text.split(None if separator is None else as_text(separator))


@as_filter("join")
def _join(value: Any, separator: Any = "", attribute: str | None = None) -> str:
    items = list_of(value)
    if attribute is not None:
        items = [along(item, attribute) for item in items]
    budget.get().tick(len(items))
    texts, between = [], as_text(separator)
    total = 0
    for item in items:
        texts.append(as_text(item))
        total += len(texts[-1]) + len(between)
        check_text(total)
    return between.join(texts)


@as_filter("string")
def _string(value: Any) -> str:
    return as_text(value)


@as_filter("tojson")
def _tojson(value: Any) -> str:
    check_text(check_value(value))
    return json.dumps(value, ensure_ascii=False)


@as_filter("urlencode")
def _urlencode(value: Any) -> str:
    """One part of a URL, percent-encoded in full."""
    return quote(as_text(value), safe="")
