"""The feed of events: each event once, in the order in which they became visible, without gaps.

A list by id cannot be followed: an event's id is made before its commit, so one with a smaller id may appear after one
with a greater. The feed goes by transactions instead: a page holds what was written by transactions from the cursor's
horizon on to the present one. The horizon is the oldest transaction of the database that still writes; what is before
it is settled for good, savepoints included. So a long transaction delays the feed, and nothing makes it skip.

A reading looks back `REACH` from the time at which its cursor was made. Source: PostgreSQL's documentation,
"Transaction ID and Snapshot Information Functions".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection

from automate.ids import first_id_at
from automate.models import Event
from automate_web.cursor import InvalidCursor

REACH = timedelta(minutes=5)  # between an event's id and its commit; idle transactions are ended after one
_CURSOR = re.compile(r"(\d{1,19})\.(\d{1,19})\.([0-9a-f]{32})\.([0-9a-f]{32})")
_NOTHING = UUID(int=0)


@dataclass(frozen=True)
class Position:
    """How far a reader is: it has all of transactions before `begin`, and up to `after` of those before `end`."""

    begin: int
    end: int  # 0: not fixed yet, the next page looks how far it may go
    floor: UUID  # no event with a smaller id is looked for
    after: UUID

    def __str__(self) -> str:
        """
        >>> position = Position(5, 0, UUID(int=7), UUID(int=9))
        >>> Position.parse(str(position)) == position
        True
        """
        text = f"{self.begin}.{self.end}.{self.floor.hex}.{self.after.hex}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Position:
        """Raises InvalidCursor."""
        try:
            plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
        except (binascii.Error, ValueError):
            plain = ""
        found = _CURSOR.fullmatch(plain)
        if found is None:
            raise _unknown()
        return cls(int(found[1]), int(found[2]), UUID(found[3]), UUID(found[4]))


@dataclass(frozen=True)
class Reading:
    """One page of the feed. `cursor` goes on behind it; `has_more`: there is more at once."""

    events: list[Event]
    cursor: str
    has_more: bool


def read_feed(
    cursor: str | None,
    *,
    now: datetime,
    limit: int,
    since: datetime | None = None,
    only: Mapping[str, str] | None = None,
) -> Reading:
    """The next events behind `cursor`; without one, from `since` on, and without that, none: the present is the start.

    `only`: columns that must have these values. Raises InvalidCursor.
    """
    horizon = _horizon()
    if cursor:
        position = Position.parse(cursor)
        if max(position.begin, position.end) > horizon:
            raise _unknown()  # of another database, perhaps one that a backup was restored into
    else:
        position = Position(0 if since else horizon, 0, first_id_at(since or now - REACH), _NOTHING)
    end = position.end or horizon
    ids = _ids(position, end, limit, dict(only or {}))
    by_id = Event.objects.in_bulk(ids[:limit])
    events = [by_id[each] for each in ids if each in by_id]  # one that retention took meanwhile is gone
    if len(ids) > limit:
        return Reading(events, str(replace(position, end=end, after=ids[limit - 1])), has_more=True)
    return Reading(events, str(Position(end, 0, first_id_at(now - REACH), _NOTHING)), has_more=end < horizon)


def _horizon() -> int:
    with connection.cursor() as cursor:
        cursor.execute(_sql("horizon"))
        (horizon,) = cursor.fetchone()
    return int(horizon)


def _ids(position: Position, end: int, limit: int, only: dict[str, str]) -> list[UUID]:
    """Up to `limit` + 1 of them: the last only says that there is more."""
    values: dict[str, Any] = {
        "begin": position.begin,
        "end": end,
        "floor": position.floor,
        "after": position.after,
        "type": only.get("type"),
        "source": only.get("source"),
        "limit": limit + 1,
    }
    with connection.cursor() as cursor:
        cursor.execute(_sql("feed"), values)
        return [row[0] for row in cursor.fetchall()]


@cache
def _sql(name: str) -> str:
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def _unknown() -> InvalidCursor:
    message = "This cursor is not one of this feed. Start again without it, or with `since`."
    return InvalidCursor(message, details={"param": "cursor"})
