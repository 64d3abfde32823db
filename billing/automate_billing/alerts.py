"""Alerts at thresholds of what a plan includes: each once a period, whichever of many processes sees it first.

A threshold that was passed is an entry in the workspace's audit log and, from 80 % on, a banner in the portal; these
two are written down whatever was chosen. One that the workspace chose (`thresholds`) is a notification as well, which
reaches members as they chose: by default a letter to the owners and to whoever pays. A jump past several is told once,
for the highest. A threshold that is chosen in mid-period is told if usage is past it and nothing above it was told;
one that was told is not told again, whatever it was changed to in between. All of it is one transaction: nothing of
it is lost, and nothing told twice.
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
from automate_billing.thresholds import Thresholds
from automate_llm.budgets.periods import zone_of
from automate_tenants import audit
from automate_tenants.context import tenant_scope
from automate_tenants.models import Tenant
from automate_tenants.notifications import kinds
from automate_tenants.notifications.making import notify
from automate_tenants.provisioning import ref

SHOWN = (80, 100)  # percent; what the portal's banner speaks of
Noted = dict[tuple[int, str, int], bool]  # (workspace, meter, percent): whether it was told


def noted(tenant_ids: Iterable[int], *, now: datetime) -> Noted:
    """What is written down already of these workspaces' present periods, in one query."""
    found = UsageAlert.objects.filter(tenant_id__in=list(tenant_ids), period_ends_at__gt=now)
    rows = found.values_list("tenant_id", "meter", "percent", "told_at")
    return {(tenant_id, meter, percent): told_at is not None for tenant_id, meter, percent, told_at in rows}


def note(
    tenant: Tenant,
    plan: Plan,
    used: Mapping[str, int],
    period: Period,
    *,
    known: Noted,
    chosen: Thresholds,
    now: datetime,
) -> list[UsageAlert]:
    """Write down each threshold that was passed and is not `known`; those that were told, at most one a meter."""
    made = []
    for code, included in plan.included.items():
        amount, wanted = used.get(code, 0), chosen.of(code)
        passed = [p for p in sorted({*wanted, *SHOWN}) if included and amount * 100 >= included * p]
        new = [percent for percent in passed if (tenant.pk, code, percent) not in known]
        tell = _to_tell(
            passed, wanted, {p for (pk, of, p), told in known.items() if told and (pk, of) == (tenant.pk, code)}
        )
        if not new and not tell:
            continue
        with transaction.atomic():
            for percent in new:
                _once(tenant, code, percent, amount, included, period, now)
            made += _tell_once(tenant, code, tell, period, now)
    return made


def _to_tell(passed: Collection[int], wanted: Collection[int], told: Collection[int]) -> int:
    """The highest threshold to tell of; 0: none.

    >>> _to_tell([50, 80], (50, 80, 100), {50}), _to_tell([30, 50, 80], (30, 100), {50}), _to_tell([80], (), ())
    (80, 0, 0)
    """
    highest = max((percent for percent in passed if percent in wanted), default=0)
    return highest if highest > max(told, default=0) else 0


def _once(tenant: Tenant, code: str, percent: int, used: int, included: int, period: Period, now: datetime) -> None:
    key = {"tenant_id": tenant.pk, "period": period.name, "meter": code, "percent": percent}
    facts = {
        "used": used,
        "included": included,
        "at": now,
        "period_ends_at": period.ends_at(zone_of(tenant.timezone)),
    }
    _, is_new = UsageAlert.objects.get_or_create(**key, defaults=facts)
    if not is_new:
        return
    details = {"meter": code, "percent": percent, "used": used, "included": included, "period": period.name}
    resource = f"tenant:{tenant.pk}"
    audit.record(ref(tenant), actor="system", action="usage.alert", resource=resource, details=details, now=now)


def _tell_once(tenant: Tenant, code: str, percent: int, period: Period, now: datetime) -> list[UsageAlert]:
    """Tell of this threshold unless somebody else has just done so; `percent` 0 is none."""
    row = UsageAlert.objects.filter(tenant_id=tenant.pk, period=period.name, meter=code, percent=percent)
    if not percent or not row.filter(told_at=None).update(told_at=now):
        return []
    alert = row.get()
    _tell(alert, tenant, now)
    return [alert]


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
