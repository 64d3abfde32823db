"""Alerts at 50, 80 and 100 % of what a plan includes: each once a period, whichever of many processes sees it first.

An alert is an entry in the workspace's audit log, from 80 % on a banner in the portal, and a notification that reaches
members as they chose: by default a letter to the owners and to whoever pays. A jump past several thresholds is told
once, for the highest. All of it is one transaction: nothing of it is lost, and nothing told twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from django.db import transaction

from automate_billing.amounts import shown
from automate_billing.meters import BY_CODE
from automate_billing.models import UsageAlert
from automate_billing.period import Period
from automate_billing.plans import Plan
from automate_llm.budgets.periods import zone_of
from automate_tenants import audit
from automate_tenants.context import tenant_scope
from automate_tenants.models import Tenant
from automate_tenants.notifications import kinds
from automate_tenants.notifications.making import notify
from automate_tenants.provisioning import ref

THRESHOLDS = (50, 80, 100)  # percent of what is included
Noted = tuple[int, str, int]  # workspace, meter, percent


def noted(tenant_ids: Iterable[int], *, now: datetime) -> set[Noted]:
    """What is written down already of these workspaces' present periods, in one query."""
    found = UsageAlert.objects.filter(tenant_id__in=list(tenant_ids), period_ends_at__gt=now)
    return set(found.values_list("tenant_id", "meter", "percent"))


def note(
    tenant: Tenant, plan: Plan, used: Mapping[str, int], period: Period, *, known: Collection[Noted], now: datetime
) -> list[UsageAlert]:
    """Write down each threshold that was passed and is not `known`; those that were told, at most one a meter."""
    made = []
    for code, included in plan.included.items():
        amount = used.get(code, 0)
        passed = [percent for percent in THRESHOLDS if included and amount * 100 >= included * percent]
        passed = [percent for percent in passed if (tenant.pk, code, percent) not in known]
        with transaction.atomic():
            noted = [_once(tenant, code, percent, amount, included, period, now) for percent in passed]
            new = [alert for alert in noted if alert is not None]
            for alert in new[-1:]:
                _tell(alert, tenant, now)
        made += new[-1:]
    return made


def _once(
    tenant: Tenant, code: str, percent: int, used: int, included: int, period: Period, now: datetime
) -> UsageAlert | None:
    key = {"tenant_id": tenant.pk, "period": period.name, "meter": code, "percent": percent}
    facts = {
        "used": used,
        "included": included,
        "at": now,
        "told_at": now,
        "period_ends_at": period.ends_at(zone_of(tenant.timezone)),
    }
    alert, is_new = UsageAlert.objects.get_or_create(**key, defaults=facts)
    if not is_new:
        return None
    details = {"meter": code, "percent": percent, "used": used, "included": included, "period": period.name}
    resource = f"tenant:{tenant.pk}"
    audit.record(ref(tenant), actor="system", action="usage.alert", resource=resource, details=details, now=now)
    return alert


def _tell(alert: UsageAlert, tenant: Tenant, now: datetime) -> None:
    meter, title, text = BY_CODE[alert.meter], *_words(alert)
    with tenant_scope(ref(tenant)):
        notify(
            kind=kinds.LIMIT if alert.percent >= 100 and meter.holds else kinds.USAGE,
            key=f"usage:{alert.period}:{alert.meter}:{alert.percent}:{alert.included}",
            title=title,
            text=text,
            path="/usage/",
            details={
                "meter": alert.meter,
                "percent": alert.percent,
                "used": alert.used,
                "included": alert.included,
                "period": alert.period,
            },
            now=now,
        )


def _words(alert: UsageAlert) -> tuple[str, str]:
    """Title and text."""
    meter = BY_CODE[alert.meter]
    used, included = shown(alert.meter, alert.used), shown(alert.meter, alert.included)
    happens = f"At the limit: {meter.at_limit}" if alert.percent < 100 else f"The limit is reached. {meter.at_limit}"
    text = (
        f"{used} of the {included} that the plan includes are used ({meter.label}, {alert.period}). {happens} "
        f"The period ends {alert.period_ends_at:%Y-%m-%d %H:%M} UTC."
    )
    return f"{alert.percent} % of this month's {meter.label} used", text
