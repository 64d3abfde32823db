"""Cursor pages over rows whose primary key rises with time (UUIDv7 or a sequence), newest first unless asked otherwise.

A cursor names the last row seen and the way to go on, so that a page stays the same while new rows arrive on top.
It is opaque to callers and holds nothing that they did not see. One page costs one query, whatever its depth.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Model, Q, QuerySet

from automate_governance.errors import NormalizedError

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
DOWN, UP = "o", "n"  # of a cursor: to older rows or smaller values, or to newer or larger ones

Row = TypeVar("Row", bound=Model)


class InvalidCursor(NormalizedError):
    """The cursor is not one that we gave, or belongs to another list."""

    code, http_status = "invalid_cursor", 422


@dataclass(frozen=True)
class Order:
    """By `field` of the row, which has an index; rows with the same value by id."""

    field: str = "pk"
    is_ascending: bool = False


NEWEST_FIRST = Order()


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page, newest first unless asked otherwise; a cursor is None where there is nothing further that way."""

    results: Sequence[Row]
    next_cursor: str | None  # further on: older rows, in ascending order newer ones
    previous_cursor: str | None


def paginate(
    queryset: QuerySet[Row], cursor: str | None = None, limit: int = DEFAULT_LIMIT, order: Order = NEWEST_FIRST
) -> Page[Row]:
    """The page of `queryset` that `cursor` names, the first without one.

    Raises InvalidCursor, also for a cursor of another order. `limit` is held between 1 and `MAX_LIMIT`.
    """
    limit = max(1, min(limit, MAX_LIMIT))
    onward, back = (UP, DOWN) if order.is_ascending else (DOWN, UP)
    if not cursor:
        rows, has_more = _take(_toward(queryset, order, onward), limit)
        return Page(rows, _encode(onward, _place(rows[-1], order)) if has_more else None, None)
    direction, place = _decode(cursor)
    try:
        rows, has_more = _take(_toward(queryset, order, direction, place), limit)
    except (ValidationError, ValueError, TypeError, DataError) as error:
        raise _invalid() from error
    if not rows:  # past an end: the way back leads over the row that the cursor names
        return Page([], None, _encode(back, place)) if direction == onward else Page([], _encode(onward, place), None)
    if direction == back:
        rows.reverse()
    has_next, has_previous = (has_more, True) if direction == onward else (True, has_more)
    return Page(
        rows,
        _encode(onward, _place(rows[-1], order)) if has_next else None,
        _encode(back, _place(rows[0], order)) if has_previous else None,
    )


def _toward(queryset: QuerySet[Row], order: Order, direction: str, place: str | None = None) -> QuerySet[Row]:
    """Rows from `place` on, without it: down to smaller values and older rows, or up."""
    sign, than = ("-", "lt") if direction == DOWN else ("", "gt")
    if order.field == "pk":
        return (queryset.filter(**{f"pk__{than}": place}) if place else queryset).order_by(f"{sign}pk")
    if place:
        queryset = queryset.filter(_beyond(queryset, order.field, than, place))
    return queryset.order_by(f"{sign}{order.field}", f"{sign}pk")


def _beyond(queryset: QuerySet[Any], field: str, than: str, place: str) -> Q:
    """Rows beyond a place of an order by `field`: a plain range of its index, equal values told apart by their ids.

    Raises ValidationError and ValueError for a place in another order.
    """
    named, value, key = json.loads(place)
    if named != field:
        raise ValueError("the cursor of another order")
    value = queryset.model._meta.get_field(field).to_python(value)
    return Q(**{f"{field}__{than}e": value}) & (Q(**{f"{field}__{than}": value}) | Q(**{f"pk__{than}": key}))


def _place(row: Model, order: Order) -> str:
    """Where a row stands in the order: what a cursor names."""
    if order.field == "pk":
        return str(row.pk)
    return json.dumps([order.field, getattr(row, order.field), row.pk], default=str, separators=(",", ":"))


def _take(queryset: QuerySet[Row], limit: int) -> tuple[list[Row], bool]:
    rows = list(queryset[: limit + 1])
    return rows[:limit], len(rows) > limit


def _encode(direction: str, key: Any) -> str:
    """
    >>> _decode(_encode("o", 42))
    ('o', '42')
    """
    return base64.urlsafe_b64encode(f"{direction}{key}".encode()).decode().rstrip("=")


def _decode(cursor: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except ValueError as error:  # no base64, no ASCII, no UTF-8
        raise _invalid() from error
    if text[:1] not in {DOWN, UP} or not text[1:]:
        raise _invalid()
    return text[0], text[1:]


def _invalid() -> InvalidCursor:
    return InvalidCursor("This cursor is not valid for this list. Start again without it.", details={"param": "cursor"})
