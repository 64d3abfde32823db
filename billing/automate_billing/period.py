"""The period that usage is counted by: a calendar month of the workspace's own zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from automate_governance.errors import Invalid
from automate_llm.budgets.periods import zone_of

_NAME = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Period:
    """From `start` to before `end`, both first days of a month."""

    start: date
    end: date

    @property
    def name(self) -> str:
        """As 2026-11."""
        return f"{self.start:%Y-%m}"

    @property
    def last(self) -> date:
        """Its last day."""
        return self.end - timedelta(days=1)

    @property
    def days(self) -> list[date]:
        return [self.start + timedelta(days=n) for n in range((self.end - self.start).days)]

    @property
    def previous(self) -> Period:
        return month_of(self.start - timedelta(days=1))

    def ends_at(self, zone: tzinfo) -> datetime:
        """The midnight that ends it, aware."""
        return datetime.combine(self.end, time.min, tzinfo=zone)


def month_of(day: date) -> Period:
    """The month that `day` is in.

    >>> month_of(date(2026, 12, 24)).name, month_of(date(2026, 12, 24)).end.isoformat()
    ('2026-12', '2027-01-01')
    """
    start = day.replace(day=1)
    return Period(start, (start + timedelta(days=31)).replace(day=1))


def period_at(now: datetime, zone: str) -> Period:
    """The period that `now` (aware) is in, for a workspace of this zone."""
    return month_of(now.astimezone(zone_of(zone)).date())


def parse(name: str) -> Period:
    """The period of a name such as 2026-11. Raises Invalid."""
    if not _NAME.fullmatch(name):
        raise Invalid("A period is a month, such as 2026-11.", details={"param": "period"})
    return month_of(date.fromisoformat(f"{name}-01"))
