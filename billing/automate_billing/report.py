"""What a workspace has used in a period: each meter against its plan, by day and by subject, with a forecast.

Reads folded days alone, a fixed number of queries however long the list of workflows; they lag the work by seconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from django.db.models import Min, OuterRef, QuerySet, Subquery, Sum

from automate_billing import plans, subscriptions
from automate_billing.forecast import LOOK_BACK_DAYS, Forecast, forecast
from automate_billing.meters import HELD, METERS, Meter
from automate_billing.models import Subscription, UsageAlert, UsageDay
from automate_billing.period import Period, period_at
from automate_billing.plans import Plan
from automate_llm.budgets.periods import zone_of
from automate_tenants.models import Tenant

MAX_PERIODS = 24
Totals = dict[str, dict[date, int]]  # by meter, then by day


@dataclass(frozen=True)
class Used:
    """One meter in one period. `included` and what follows from it are None where the plan does not limit."""

    meter: Meter
    used: int
    included: int | None
    by_day: list[tuple[date, int]]  # every day of the period that has begun
    forecast: Forecast | None  # of the current period only

    @property
    def percent(self) -> int | None:
        """Rounded down, so that 100 means reached."""
        if self.included is None:
            return None
        return self.used * 100 // self.included if self.included else 100

    @property
    def is_reached(self) -> bool:
        return self.included is not None and self.used >= self.included


@dataclass(frozen=True)
class Usage:
    """`held`: events that wait now because a limit was reached."""

    period: Period
    is_current: bool
    time_zone: str
    ends_at: datetime
    plan: Plan
    plan_since: datetime | None
    meters: list[Used]
    held: int
    periods: list[str]  # names of all there are, the latest first
    alerts: list[UsageAlert]

    def of(self, code: str) -> Used:
        return next(used for used in self.meters if used.meter.code == code)


@dataclass(frozen=True)
class Row:
    """What one subject used on one day; a line of the CSV."""

    day: date
    meter: str
    subject: str
    amount: int


def current_period(tenant_id: int, *, now: datetime) -> Period:
    """The period that is going on in the workspace's zone."""
    return period_at(now, Tenant.objects.values_list("timezone", flat=True).get(pk=tenant_id))


def usage_of(tenant_id: int, *, now: datetime, period: Period | None = None) -> Usage:
    """The workspace's usage in `period`, by default the current one."""
    zone = Tenant.objects.values_list("timezone", flat=True).get(pk=tenant_id)
    current = period_at(now, zone)
    period = period or current
    since, plan = subscriptions.since_and_plan_of(tenant_id)
    totals = _totals(tenant_id, period)
    is_current = period == current
    today = now.astimezone(zone_of(zone)).date()
    ends_at = period.ends_at(zone_of(zone))
    return Usage(
        period=period,
        is_current=is_current,
        time_zone=zone,
        ends_at=ends_at,
        plan=plan,
        plan_since=since,
        meters=[
            _used(meter, totals[meter.code], plan, period, today, now=now if is_current else None, ends_at=ends_at)
            for meter in METERS
        ],
        held=held(tenant_id),
        periods=_periods(tenant_id, current),
        alerts=list(UsageAlert.objects.filter(tenant_id=tenant_id, period=period.name).order_by("-at", "-percent")),
    )


def against_plan(tenant_id: int, *, now: datetime) -> tuple[Plan, list[Used]]:
    """The plan and each meter in the current period, without a forecast: two queries, for a page that has others."""
    on = Subscription.objects.filter(pk=OuterRef("pk")).values("plan")
    zone, code = Tenant.objects.annotate(on=Subquery(on)).values_list("timezone", "on").get(pk=tenant_id)
    plan = plans.get(code) if code else plans.default()
    period = period_at(now, zone)
    totals = _totals(tenant_id, period)
    today, ends_at = now.astimezone(zone_of(zone)).date(), period.ends_at(zone_of(zone))
    return plan, [_used(meter, totals[meter.code], plan, period, today, now=None, ends_at=ends_at) for meter in METERS]


def by_subject(tenant_id: int, meter: Meter, period: Period, *, limit: int = 100) -> list[tuple[str, int]]:
    """(subject, units) of a meter that is a sum, the greatest first."""
    found = _days(tenant_id, period.start, period.end).filter(meter=meter.code)
    totals = found.values_list("subject").annotate(total=Sum("amount")).order_by("-total", "subject")
    return [(subject, total) for subject, total in totals[:limit] if total]


def rows(tenant_id: int, period: Period) -> Iterator[Row]:
    """Every day, meter and subject of the period, in that order."""
    found = _days(tenant_id, period.start, period.end).exclude(meter=HELD).order_by("day", "meter", "subject")
    for day, meter, subject, amount in found.values_list("day", "meter", "subject", "amount").iterator(2000):
        yield Row(day, meter, subject, amount)


def held(tenant_id: int) -> int:
    """Events that wait now because a limit was reached."""
    found = UsageDay.objects.filter(tenant_id=tenant_id, meter=HELD).aggregate(total=Sum("amount"))["total"]
    return max(0, found or 0)


def sums(tenant_ids: Iterable[int], since: date) -> dict[tuple[int, str, date], int]:
    """Units of many workspaces since a day, by (workspace, meter, day), in one query."""
    found = UsageDay.objects.filter(tenant_id__in=list(tenant_ids), day__gte=since)
    totals = found.values_list("tenant_id", "meter", "day").annotate(total=Sum("amount")).order_by()
    return {(tenant_id, meter, day): total for tenant_id, meter, day, total in totals}


def _used(
    meter: Meter,
    days: dict[date, int],
    plan: Plan,
    period: Period,
    today: date,
    *,
    now: datetime | None,
    ends_at: datetime,
) -> Used:
    begun = [day for day in period.days if day <= today]
    if meter.is_level:
        by_day = _levels(days, begun)
        used = by_day[-1][1] if by_day else 0
    else:
        by_day = [(day, days.get(day, 0)) for day in begun]
        used = sum(amount for _, amount in by_day)
    included = plan.included.get(meter.code)
    said = None
    if now is not None:
        daily = _whole_days(meter, days, today)
        said = forecast(used=used, daily=daily, now=now, ends_at=ends_at, included=included)
    return Used(meter, used, included, by_day, said)


def _levels(days: dict[date, int], begun: list[date]) -> list[tuple[date, int]]:
    """A level stays what it was until it is measured again."""
    level = next((days[day] for day in sorted(days, reverse=True) if begun and day < begun[0]), 0)
    found = []
    for day in begun:
        level = days.get(day, level)
        found.append((day, level))
    return found


def _whole_days(meter: Meter, days: dict[date, int], today: date) -> list[int]:
    """Units, or growth, of each of the latest days that are over, from the first one on which anything was used."""
    known = sorted(day for day in days if day < today)
    if not known:
        return []
    first = max(known[0], today - timedelta(days=LOOK_BACK_DAYS))
    over = [first + timedelta(days=n) for n in range((today - first).days)]
    if not meter.is_level:
        return [days.get(day, 0) for day in over]
    levels = [level for _, level in _levels(days, over)]
    return [after - before for before, after in pairwise(levels)]


def _totals(tenant_id: int, period: Period) -> Totals:
    found: Totals = defaultdict(dict)
    days = _days(tenant_id, period.start - timedelta(days=LOOK_BACK_DAYS), period.end)
    for meter, day, total in days.values_list("meter", "day").annotate(total=Sum("amount")).order_by():
        found[meter][day] = total
    return found


def _days(tenant_id: int, start: date, end: date) -> QuerySet[UsageDay]:
    return UsageDay.objects.filter(tenant_id=tenant_id, day__gte=start, day__lt=end)


def _periods(tenant_id: int, current: Period) -> list[str]:
    first = UsageDay.objects.filter(tenant_id=tenant_id).aggregate(first=Min("day"))["first"] or current.start
    found, period = [current.name], current
    while period.start > first and len(found) < MAX_PERIODS:
        period = period.previous
        found.append(period.name)
    return found
