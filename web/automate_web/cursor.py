"""Cursor pages over rows whose primary key rises with time (UUIDv7 or a sequence), newest first.

A cursor names the last row seen and the way to go on, so that a page stays the same while new rows arrive on top.
It is opaque to callers and holds nothing that they did not see. One page costs one query, whatever its depth.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Model, QuerySet

from automate_governance.errors import NormalizedError

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

Row = TypeVar("Row", bound=Model)


class InvalidCursor(NormalizedError):
    """The cursor is not one that we gave, or belongs to another list."""

    code, http_status = "invalid_cursor", 422


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page, newest first unless asked otherwise; a cursor is None where there is nothing further that way."""

    results: Sequence[Row]
    next_cursor: str | None  # further on: older rows, in ascending order newer ones
    previous_cursor: str | None


def paginate(
    queryset: QuerySet[Row], cursor: str | None = None, limit: int = DEFAULT_LIMIT, is_ascending: bool = False
) -> Page[Row]:
    """The page of `queryset` that `cursor` names, the first without one: newest first, or `is_ascending` by `pk`.

    Raises InvalidCursor. `limit` is held between 1 and `MAX_LIMIT`.
    """
    limit = max(1, min(limit, MAX_LIMIT))
    onward, back = ("n", "o") if is_ascending else ("o", "n")
    if not cursor:
        rows, has_more = _take(_toward(queryset, onward), limit)
        return Page(rows, _encode(onward, rows[-1].pk) if has_more else None, None)
    direction, key = _decode(cursor)
    try:
        rows, has_more = _take(_toward(queryset, direction, key), limit)
    except (ValidationError, ValueError, TypeError, DataError) as error:
        raise _invalid() from error
    if not rows:  # past an end: the way back leads over the row that the cursor names
        return Page([], None, _encode(back, key)) if direction == onward else Page([], _encode(onward, key), None)
    if direction == back:
        rows.reverse()
    has_next, has_previous = (has_more, True) if direction == onward else (True, has_more)
    return Page(
        rows, _encode(onward, rows[-1].pk) if has_next else None, _encode(back, rows[0].pk) if has_previous else None
    )


def _toward(queryset: QuerySet[Row], direction: str, key: str | None = None) -> QuerySet[Row]:
    """Rows from `key` on, without it: to the older ones ("o") or to the newer ones ("n")."""
    if direction == "o":
        return (queryset.filter(pk__lt=key) if key else queryset).order_by("-pk")
    return (queryset.filter(pk__gt=key) if key else queryset).order_by("pk")


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
    if text[:1] not in {"o", "n"} or not text[1:]:
        raise _invalid()
    return text[0], text[1:]


def _invalid() -> InvalidCursor:
    return InvalidCursor("This cursor is not valid for this list. Start again without it.", details={"param": "cursor"})
