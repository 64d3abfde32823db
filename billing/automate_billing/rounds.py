"""The round that every worker makes each few seconds: fold, then look at the workspaces whose usage changed.

A workspace is looked at when its usage changed, while its events are counted down, and once an hour whatever it does:
then its storage is measured, and a new period is seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import F

from automate_billing import alerts, keeping, limits, report, storage, subscriptions, thresholds
from automate_billing.fold import fold
from automate_billing.meters import EVENTS, HOLDING, METERS
from automate_billing.models import Subscription
from automate_billing.period import Period, month_of, period_at
from automate_billing.plans import Plan
from automate_llm.budgets.periods import zone_of
from automate_tenants.context import public_scope
from automate_tenants.models import Tenant

EVERY = timedelta(hours=1)
AT_ONCE = 20  # workspaces measured in one round
ZONES_APART = timedelta(hours=26)  # from the first zone's midnight to the last one's


def go_round(*, now: datetime) -> None:
    """Fold, begin the subscriptions of new workspaces, look at those that changed or are due."""
    changed = fold()
    with public_scope():
        subscriptions.begin(now)
        due = _take_due(now)
        if due:
            keeping.keep(now=now)
        for tenant in due:
            storage.measure(tenant, now=now)
        counted = Tenant.objects.filter(plan_room__isnull=False).values_list("pk", flat=True)
        look_at({*changed, *counted, *(tenant.pk for tenant in due)}, now=now)


def look_at(tenant_ids: Iterable[int], *, now: datetime) -> None:
    """Alerts and limits of these workspaces. A few queries, and more for those that are near or past something."""
    found = subscriptions.plans_of(list(tenant_ids))
    limited = {tenant_id: plan for tenant_id, plan in found.items() if plan.included}
    freed = Tenant.objects.filter(plan_room__isnull=False, pk__in=found.keys() - limited.keys())
    for tenant_id in freed.values_list("pk", flat=True):
        limits.keep(tenant_id, found[tenant_id], now=now)
    if not limited:
        return
    since = month_of((now - ZONES_APART).date()).start
    sums = report.sums(limited, since)
    known, chosen = alerts.noted(limited, now=now), thresholds.of_workspaces(limited)
    for tenant in Tenant.objects.filter(pk__in=limited):
        plan, period = limited[tenant.pk], period_at(now, tenant.timezone)
        used = _used(tenant, period, sums, today=now.astimezone(zone_of(tenant.timezone)).date())
        if tenant.plan_room is not None or _is_near(used, plan):
            limits.keep(tenant.pk, plan, now=now)
        wanted = chosen.get(tenant.pk, thresholds.Thresholds())
        alerts.note(tenant, plan, used, period, known=known, chosen=wanted, now=now)


def _used(tenant: Tenant, period: Period, sums: dict[tuple[int, str, date], int], *, today: date) -> dict[str, int]:
    used = {}
    for meter in METERS:
        days = [day for day in period.days if day <= today and (tenant.pk, meter.code, day) in sums]
        counted = days[-1:] if meter.is_level else days
        used[meter.code] = sum(sums[tenant.pk, meter.code, day] for day in counted)
    return used


def _is_near(used: dict[str, int], plan: Plan) -> bool:
    left = {meter: plan.included[meter] - used[meter] for meter in HOLDING if meter in plan.included}
    if EVENTS in left and left[EVENTS] <= limits.near(plan.included[EVENTS]):
        return True
    return any(units <= 0 for units in left.values())


def _take_due(now: datetime) -> list[Tenant]:
    """Workspaces that nobody has looked at for an hour, marked as looked at."""
    with transaction.atomic():
        waiting = Subscription.objects.exclude(looked_at__gt=now - EVERY)
        turn = waiting.order_by(F("looked_at").asc(nulls_first=True), "pk")
        taken = [one.pk for one in turn.select_for_update(skip_locked=True)[:AT_ONCE]]
        Subscription.objects.filter(pk__in=taken).update(looked_at=now)
    return list(Tenant.objects.filter(pk__in=taken))
