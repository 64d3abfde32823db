"""Alerts at 50, 80 and 100 % of what a plan includes: each once a period, whichever of many processes sees it first.

An alert is an entry in the workspace's audit log, a letter to its owners and to whoever pays, and from 80 % on a banner
in the portal. A jump past several thresholds writes one letter, for the highest. A letter that cannot be sent is tried
again; a process that dies while it sends one may leave it unsent, the banner stays.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from automate_billing.amounts import shown
from automate_billing.meters import BY_CODE
from automate_billing.models import UsageAlert
from automate_billing.period import Period
from automate_billing.plans import Plan
from automate_llm.budgets.periods import zone_of
from automate_tenants import audit
from automate_tenants.models import Membership, Tenant
from automate_tenants.provisioning import ref

logger = logging.getLogger("automate.billing")
THRESHOLDS = (50, 80, 100)  # percent of what is included
TOLD = (Membership.Role.OWNER, Membership.Role.BILLING)
LETTERS_AT_ONCE = 20
Noted = tuple[int, str, int]  # workspace, meter, percent


def noted(tenant_ids: Iterable[int], *, now: datetime) -> set[Noted]:
    """What is written down already of these workspaces' present periods, in one query."""
    found = UsageAlert.objects.filter(tenant_id__in=list(tenant_ids), period_ends_at__gt=now)
    return set(found.values_list("tenant_id", "meter", "percent"))


def note(
    tenant: Tenant, plan: Plan, used: Mapping[str, int], period: Period, *, known: Collection[Noted], now: datetime
) -> list[UsageAlert]:
    """Write down each threshold that was passed and is not `known`; those that want a letter, at most one a meter."""
    made = []
    for code, included in plan.included.items():
        amount = used.get(code, 0)
        passed = [percent for percent in THRESHOLDS if included and amount * 100 >= included * percent]
        passed = [percent for percent in passed if (tenant.pk, code, percent) not in known]
        new = [alert for percent in passed if (alert := _once(tenant, code, percent, amount, included, period, now))]
        made += new[-1:]
        UsageAlert.objects.filter(pk__in=[alert.pk for alert in new[:-1]]).update(told_at=now)
    return made


@transaction.atomic
def _once(
    tenant: Tenant, code: str, percent: int, used: int, included: int, period: Period, now: datetime
) -> UsageAlert | None:
    key = {"tenant_id": tenant.pk, "period": period.name, "meter": code, "percent": percent}
    facts = {"used": used, "included": included, "at": now, "period_ends_at": period.ends_at(zone_of(tenant.timezone))}
    alert, is_new = UsageAlert.objects.get_or_create(**key, defaults=facts)
    if not is_new:
        return None
    details = {"meter": code, "percent": percent, "used": used, "included": included, "period": period.name}
    resource = f"tenant:{tenant.pk}"
    audit.record(ref(tenant), actor="system", action="usage.alert", resource=resource, details=details, now=now)
    return alert


def send_letters(*, now: datetime) -> int:
    """Send what waits to be sent; how many alerts were told. In nobody's transaction: a mail server may be slow."""
    told = 0
    for alert in UsageAlert.objects.filter(told_at=None, period_ends_at__gt=now).order_by("pk")[:LETTERS_AT_ONCE]:
        mine = UsageAlert.objects.filter(pk=alert.pk)
        if not mine.filter(told_at=None).update(told_at=now):
            continue  # another process was first
        try:
            _send(alert)
            told += 1
        except Exception:
            logger.exception("A letter about usage could not be sent; it is tried again.")
            mine.update(told_at=None)
    return told


def _send(alert: UsageAlert) -> None:
    tenant = Tenant.objects.get(pk=alert.tenant_id)
    people = Membership.objects.filter(tenant_id=tenant.pk, role__in=TOLD).values_list("user__email", flat=True)
    for email in people:
        send_mail(*_letter(alert, tenant), settings.DEFAULT_FROM_EMAIL, [email])


def _letter(alert: UsageAlert, tenant: Tenant) -> tuple[str, str]:
    """Subject and text."""
    meter = BY_CODE[alert.meter]
    used, included = shown(alert.meter, alert.used), shown(alert.meter, alert.included)
    subject = f"{tenant.name}: {alert.percent} % of this month's {meter.label} used"
    happens = f"At the limit: {meter.at_limit}" if alert.percent < 100 else f"The limit is reached. {meter.at_limit}"
    text = (
        f"The workspace {tenant.name} has used {used} of the {included} that its plan includes ({meter.label}, "
        f"{alert.period}).\n\n{happens}\n\nThe period ends {alert.period_ends_at:%Y-%m-%d %H:%M} UTC. "
        f"Usage and forecast are in the portal under Usage, workspace {tenant.slug}: {settings.BASE_URL}\n"
    )
    return subject, text
