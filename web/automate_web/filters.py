"""Filters of lists, read from the query string. Their names are the API's parameter names and the CLI's flags."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.http import QueryDict
from django.utils.dateparse import parse_datetime

from automate_governance.errors import Invalid

NAMES = ("status", "workflow", "type", "source", "trace_id", "since", "until", "q", "tag")
_SPAN = re.compile(r"^(\d{1,5})\s*([smhdw])$")
_UNIT = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class Filter:
    """One filter in force, and the query string without it."""

    name: str
    value: str
    without: str


def read(query: QueryDict, *names: str) -> dict[str, str]:
    """The named filters as given, trimmed; absent ones are empty."""
    return {name: query.get(name, "").strip().replace("\x00", "")[:300] for name in names}


def in_force(query: QueryDict, *names: str) -> list[Filter]:
    """The chips above a list. Removing a filter also leaves the page that its cursor named."""
    found = []
    for name, value in read(query, *names).items():
        if not value:
            continue
        rest = query.copy()
        for gone in (name, "cursor"):
            rest.pop(gone, None)
        found.append(Filter(name, value, rest.urlencode()))
    return found


def whole_number(text: str) -> int | None:
    """What is typed as up to nine ASCII digits, else None.

    >>> whole_number("12"), whole_number("-1"), whole_number("٣"), whole_number("9999999999")
    (12, None, None, None)
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def moment(text: str, *, now: datetime, param: str) -> datetime:
    """ISO 8601, or a span back from now such as `15m`, `24h`, `7d`. Raises Invalid with the parameter's name.

    >>> moment("15m", now=datetime(2026, 1, 1, 12, tzinfo=UTC), param="since").isoformat()
    '2026-01-01T11:45:00+00:00'
    """
    try:
        if back := back_from(text, now):
            return back
        found = parse_datetime(text) or parse_datetime(f"{text}T00:00:00")
    except ValueError:
        found = None
    if found is None:
        raise Invalid(
            f"“{text}” is not a time. Use ISO 8601 (2026-01-31T12:00:00Z) or a span such as 15m, 24h or 7d.",
            details={"param": param},
        )
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def back_from(text: str, now: datetime) -> datetime | None:
    """`now` less a span such as `15m`, `24h`, `7d`; None for what is no span.

    >>> back_from("7d", datetime(2026, 1, 8)).isoformat(), back_from("soon", datetime(2026, 1, 8))
    ('2026-01-01T00:00:00', None)
    """
    span = _SPAN.fullmatch(text)
    return now - timedelta(**{_UNIT[span[2]]: int(span[1])}) if span else None


def id_at(when: datetime) -> UUID:
    """The smallest time-ordered id of that millisecond: a time range becomes a range of the primary key.

    >>> id_at(datetime(1970, 1, 1, tzinfo=UTC)).int
    0
    """
    return UUID(int=max(0, int(when.timestamp() * 1000)) << 80)


def as_uuid(text: str) -> UUID | None:
    """A full id or trace id, with or without dashes; anything else is None."""
    try:
        return UUID(text)
    except ValueError:
        return None
