"""Query parameters, read strictly: an unknown name or a value that cannot be meant is refused, never ignored."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework.request import Request

from automate_governance.errors import Invalid
from automate_web.api.conditions import FIELDS
from automate_web.api.errors import UnknownParameter
from automate_web.cursor import DEFAULT_LIMIT, MAX_LIMIT, NEWEST_FIRST, Order
from automate_web.filters import back_from

MAX_TEXT_LENGTH = 200  # of a filter's value
MAX_ID = 2**63 - 1
NO_FIELDS: Mapping[str, str] = MappingProxyType({})


class Query:
    """The parameters of one request; those not in `known` are refused at once."""

    def __init__(self, request: Request, known: Collection[str]):
        self._values = request.query_params
        if request.method in {"GET", "HEAD"}:
            known = (*known, FIELDS)
        unknown = sorted(set(self._values) - set(known))
        if unknown:
            raise UnknownParameter(
                f"No such parameter: {unknown[0][:MAX_TEXT_LENGTH]}",
                details={"param": unknown[0][:MAX_TEXT_LENGTH], "known": sorted(known)},
            )

    def text(self, name: str) -> str | None:
        value = self._values.get(name)
        if value is None or value == "":
            return None
        if "\x00" in value or len(value) > MAX_TEXT_LENGTH:
            raise _invalid(name, f"at most {MAX_TEXT_LENGTH} characters, and no NUL")
        return value

    def choices(self, name: str, allowed: Collection[str]) -> list[str]:
        """A list separated by commas, each value one of `allowed`; empty without the parameter."""
        values = [part for part in (self.text(name) or "").split(",") if part]
        if not set(values) <= set(allowed):
            raise _invalid(name, "one or more of " + ", ".join(allowed))
        return values

    def uuid(self, name: str) -> UUID | None:
        """A UUID or a trace id (32 hex digits: the same 16 bytes)."""
        value = self.text(name)
        parsed = parse_uuid(value) if value else None
        if value and parsed is None:
            raise _invalid(name, "32 hex digits or a UUID")
        return parsed

    def moment(self, name: str) -> datetime | None:
        """An RFC 3339 time with its zone, or a span back from now such as `15m`, `24h` or `7d`."""
        value = self.text(name)
        if value is None:
            return None
        if back := back_from(value, timezone.now()):
            return back
        try:
            # A `+` that nobody escaped arrives as a space.
            parsed = parse_datetime(value.replace(" ", "+") if "T" in value else value)
        except ValueError:
            parsed = None
        if parsed is None or parsed.tzinfo is None:
            raise _invalid(name, "a time such as 2026-11-21T08:30:00Z, or a span such as 15m, 24h or 7d")
        return parsed

    @property
    def cursor(self) -> str | None:
        value = self._values.get("cursor")
        if value is not None and len(value) > MAX_TEXT_LENGTH:
            raise _invalid("cursor", "a cursor that we gave")
        return value

    def order(self, fields: Mapping[str, str] = NO_FIELDS) -> Order:
        """`ordering`: `id`, the oldest first, or one of `fields` (its name → the column), largest first with a `-`."""
        known = {"id": "pk", **fields}
        values = self.choices("ordering", orderings(known))
        if not values:
            return NEWEST_FIRST
        if len(values) > 1:
            raise _invalid("ordering", "one of " + ", ".join(orderings(known)))
        return Order(known[values[0].removeprefix("-")], not values[0].startswith("-"))

    @property
    def limit(self) -> int:
        value = self._values.get("limit")
        if value is None:
            return DEFAULT_LIMIT
        if not (value.isascii() and value.isdigit() and len(value) <= 3 and 1 <= int(value) <= MAX_LIMIT):
            raise _invalid("limit", f"a whole number from 1 to {MAX_LIMIT}")
        return int(value)


def orderings(fields: Iterable[str]) -> list[str]:
    """
    >>> orderings(["id", "slug"])
    ['id', '-id', 'slug', '-slug']
    """
    return [f"{sign}{name}" for name in fields for sign in ("", "-")]


def parse_uuid(text: str) -> UUID | None:
    """
    >>> parse_uuid("nonsense") is None
    True
    """
    try:
        return UUID(text)
    except ValueError:
        return None


def parse_number(text: str) -> int:
    """The id that an address names; -1, which no row has, for what can be none.

    >>> parse_number("12"), parse_number("-7"), parse_number("²"), parse_number("9" * 19)
    (12, -1, -1, -1)
    """
    is_number = text.isascii() and text.isdigit() and len(text) < 20
    return int(text) if is_number and int(text) <= MAX_ID else -1


def _invalid(name: str, expected: str) -> Invalid:
    return Invalid(f"{name} must be {expected}.", details={"param": name, "expected": expected})
