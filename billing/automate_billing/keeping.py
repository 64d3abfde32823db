"""How long billing keeps what it counted, and what is left of a deleted workspace's.

What was used is the ground of what was paid: sums by day stay ten years, the longest that tax law asks for. Which
workflow or source used it is nobody's business after 400 days, nor after the workspace is gone.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import connection, transaction

from automate_billing import statements
from automate_billing.models import Subscription, UsageAlert, UsageDay, UsageDelta, UsageThresholds
from automate_tenants.models import Tenant

DETAIL = timedelta(days=400)  # by workflow and source: a year, and the time to compare with it
BOOKS = timedelta(days=3653)
DAYS_AT_ONCE = 5_000  # rows of usage summed in one transaction


def keep(*, now: datetime) -> int:
    """Sum up and delete what is past its time, some of it at a time; rows that went."""
    before_books = (now - BOOKS).date()
    gone = UsageDay.objects.filter(day__lt=before_books).delete()[0]
    gone += UsageAlert.objects.filter(period_ends_at__lt=now - DETAIL).delete()[0]
    living = Tenant.objects.values("pk")
    used = UsageDay.objects.values("tenant_id")
    gone += Subscription.objects.exclude(pk__in=living).exclude(pk__in=used).filter(since__lt=now - BOOKS).delete()[0]
    return gone + _sum_up({"before": (now - DETAIL).date(), "tenant_id": None, "limit": DAYS_AT_ONCE})


@transaction.atomic
def forget(tenant: Tenant) -> None:
    """The workspace is being deleted: what is left of it here says how much it used, and nothing else."""
    UsageDelta.objects.filter(schema_name=tenant.schema_name).delete()
    UsageAlert.objects.filter(tenant_id=tenant.pk).delete()
    UsageThresholds.objects.filter(pk=tenant.pk).delete()
    _sum_up({"before": None, "tenant_id": tenant.pk, "limit": None})


def _sum_up(bounds: dict[str, date | int | None]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statements.load("sum_up_usage"), bounds)
        return int(cursor.fetchone()[0])
