"""Cron expressions in a time zone: the due times between two moments, and what the expression says in words.

Five fields as Debian's cron reads them, and its nicknames. When the clocks change, a job at a fixed time (`30 2 * * *`)
runs once: in spring as soon as the hour that does not exist is over, in autumn the first time that hour comes. A job
whose minute or hour begins with `*` follows the clock on the wall instead: each full hour is one hour after the last,
an hour that comes twice is run twice and one that does not exist is not. Imports no Django.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
MAX_LENGTH = 200
COUNTED = 20_000  # due times that are counted one by one (two weeks of every minute; 0.15 s)


class InvalidCron(ValueError):
    """No cron expression, no time zone, or never due; the text says which, for people."""


@dataclass(frozen=True)
class Due:
    """Due times between two moments: the newest ones, oldest of them first, and what came before those."""

    newest: tuple[datetime, ...] = ()
    older_count: int = 0  # at least this many, from `COUNTED` on
    oldest: datetime | None = None  # of the older ones
    oldest_until: datetime | None = None  # the latest of the older ones


class Cron:
    """One expression in one IANA zone. All moments go in and come out aware; those that come out are UTC."""

    def __init__(self, expression: str, zone: str = "UTC"):
        """Raises InvalidCron."""
        self.expression, self.zone = " ".join(expression.split()), zone
        self._fields = NICKNAMES.get(self.expression.lower(), self.expression)
        self._tz = time_zone(zone)
        self._check()

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Every due time later than `moment`, in order.

        >>> berlin = Cron("30 2 * * *", "Europe/Berlin")
        >>> spring = berlin.after(datetime(2026, 3, 28, 12, tzinfo=timezone.utc))
        >>> [next(spring).isoformat() for _ in range(2)]  # 02:30 does not exist on the 29th: 03:00 it is
        ['2026-03-29T01:00:00+00:00', '2026-03-30T00:30:00+00:00']
        """
        latest = moment
        for due in CronSim(self._fields, moment.astimezone(self._tz)):
            due = due.astimezone(timezone.utc)
            if due > latest:  # a start within the repeated hour gives its first pass again
                latest = due
                yield due

    def next_after(self, moment: datetime) -> datetime | None:
        """The next due time, or None when there is none within 50 years."""
        return next(self.after(moment), None)

    def between(self, start: datetime, end: datetime, *, newest: int) -> Due:
        """Due times in (start, end]: the `newest` in full, the others counted."""
        kept: deque[datetime] = deque(maxlen=newest)
        count, oldest, oldest_until = 0, None, None
        for due in islice(self.after(start), COUNTED):
            if due > end:
                break
            if len(kept) == newest:
                count, oldest_until = count + 1, kept[0]
                oldest = oldest or oldest_until
            kept.append(due)
        else:  # a long time, or fewer due times than that in 50 years: look from the other end
            return self._newest_of_many(start, end, newest, oldest, count)
        return Due(tuple(kept), count, oldest, oldest_until)

    def in_words(self) -> str:
        """As people say it, in English: `At 02:30 on Monday through Friday`."""
        return CronSim(self._fields, datetime(2026, 1, 1, tzinfo=timezone.utc)).explain()

    def _newest_of_many(self, start: datetime, end: datetime, newest: int, oldest: datetime | None, count: int) -> Due:
        back = CronSim(self._fields, end.astimezone(self._tz).replace(microsecond=0), reverse=True)
        found = [end.replace(microsecond=0)] if self._is_due(end.replace(microsecond=0)) else []
        for due in back:
            due = due.astimezone(timezone.utc)
            if due <= start or len(found) > newest:
                break
            if not found or due < found[-1]:
                found.append(due)
        kept = tuple(reversed(found[:newest]))
        return Due(kept, count, oldest, found[newest] if len(found) > newest else None)

    def _is_due(self, moment: datetime) -> bool:
        return self.next_after(moment - timedelta(seconds=1)) == moment

    def _check(self) -> None:
        if self.expression.startswith("@") and self._fields is self.expression:
            raise InvalidCron(f"There is no {self.expression}; there are {', '.join(NICKNAMES)}.")
        if len(self._fields) > MAX_LENGTH:
            raise InvalidCron(f"A cron expression has {MAX_LENGTH} characters at most.")
        if len(self._fields.split()) != 5:
            raise InvalidCron("A cron expression has five fields: minute, hour, day of month, month, day of week.")
        try:
            found = next(CronSim(self._fields, datetime(2026, 1, 1, tzinfo=timezone.utc)), None)
        except CronSimError as error:
            raise InvalidCron(f"{error}: see minute, hour, day of month, month, day of week.") from None
        if found is None:
            raise InvalidCron("It is never due.")


def time_zone(name: str) -> ZoneInfo:
    """The zone of this IANA name. Raises InvalidCron."""
    if name not in _zones():
        raise InvalidCron(f'There is no time zone "{name}". Use an IANA name, such as Europe/Berlin or UTC.')
    return ZoneInfo(name)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
