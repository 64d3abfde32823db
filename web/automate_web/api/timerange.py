"""Time filters on ids: event and run ids begin with the millisecond in which the event was received.

So a range of time is a range of the primary key: exact to the millisecond, and as fast in a table of millions.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)
_LATEST_MILLISECOND = (1 << 48) - 1


def first_id(moment: datetime) -> UUID:
    """The smallest id of that millisecond; `moment` is aware.

    >>> from datetime import timezone
    >>> first_id(datetime(2024, 7, 1, tzinfo=timezone.utc))
    UUID('01906b81-d400-0000-0000-000000000000')
    """
    millisecond = int(moment.timestamp() * 1000)
    return UUID(int=min(max(millisecond, 0), _LATEST_MILLISECOND) << 80)


def received_between(rows: QuerySet[Row], since: datetime | None, until: datetime | None) -> QuerySet[Row]:
    """Rows whose event was received at or after `since` and before `until`; either may be open."""
    if since is not None:
        rows = rows.filter(pk__gte=first_id(since))
    if until is not None:
        rows = rows.filter(pk__lt=first_id(until))
    return rows
