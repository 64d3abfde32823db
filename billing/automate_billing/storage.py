"""Storage: how many bytes a workspace's schema takes on disk, measured once an hour; a day keeps its latest value."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from automate_billing import statements
from automate_billing.meters import STORAGE
from automate_billing.models import UsageDay
from automate_llm.budgets.periods import zone_of
from automate_tenants.context import public_scope
from automate_tenants.models import Tenant


def measure(tenant: Tenant, *, now: datetime) -> int:
    """Measure, and write it down as the value of the workspace's day. Bytes."""
    with public_scope():
        with connection.cursor() as cursor:
            cursor.execute(statements.load("measure_storage"), {"schema": tenant.schema_name})
            size = int(cursor.fetchone()[0])
        day = now.astimezone(zone_of(tenant.timezone)).date()
        key = {"tenant_id": tenant.pk, "day": day, "meter": STORAGE, "subject": ""}
        UsageDay.objects.update_or_create(**key, defaults={"amount": size})
    return size
