"""A budget's day: from midnight to midnight in the tenant's zone, kept with each reservation."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def zone_of(name: str) -> tzinfo:
    """The zone, or UTC for a name that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return timezone.utc


def day_of(moment: datetime, zone: str) -> str:
    """The day on which a call at `moment` (aware) is counted.

    >>> day_of(datetime(2026, 11, 22, 3, tzinfo=timezone.utc), "America/New_York")
    '2026-11-21'
    """
    return moment.astimezone(zone_of(zone)).date().isoformat()


def reset_at(moment: datetime, zone: str) -> datetime:
    """The tenant's next midnight after `moment`, in UTC; right where a day has 23 or 25 hours.

    >>> reset_at(datetime(2026, 10, 24, 22, 30, tzinfo=timezone.utc), "Europe/Berlin").isoformat()
    '2026-10-25T23:00:00+00:00'
    """
    local = zone_of(zone)
    tomorrow = moment.astimezone(local).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time.min, tzinfo=local).astimezone(timezone.utc)
