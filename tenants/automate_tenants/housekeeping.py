"""Housekeeping, a tenant at a time: old rows are looked for once an hour, by whichever worker gets to it first.

A worker takes a tenant by moving its `kept_house_at`, in a statement of its own, so nothing is locked while it works.
One that stops in the middle leaves the rest for the next hour; one that runs out of time hands the tenant on at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from automate.housekeeping import keep_house
from automate.retention import Purged, configured
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.models import HandoverTicket, RefusalCount, RefusalSample, Tenant
from automate_tenants.provisioning import ref

EVERY = timedelta(hours=1)


def keep_next(*, now: datetime, go_on: Callable[[], bool]) -> bool:
    """Keep house for the tenant that has waited longest; False when none is due. `go_on` ends it early."""
    tenant = _take(now)
    if tenant is None:
        return False
    keep(tenant, now=now, go_on=go_on)
    if not go_on():
        with public_scope():
            Tenant.objects.filter(pk=tenant.pk).update(kept_house_at=now - EVERY)
    return True


def keep(tenant: Tenant, *, now: datetime, go_on: Callable[[], bool] = lambda: True) -> Purged[str]:
    """Everything of one tenant that is due: its own tables, then what public tables hold about it. Rows deleted."""
    retention = configured().for_days(tenant.kept_days)
    with tenant_scope(ref(tenant)):
        purged = keep_house(now=now, retention=retention, go_on=go_on)
    with public_scope():
        cutoff = retention.cutoff(now)
        of_tenant = Q(tenant_id=tenant.pk)
        purged["refusalsample"] += RefusalSample.objects.filter(of_tenant, received_at__lt=cutoff).delete()[0]
        purged["refusalcount"] += RefusalCount.objects.filter(of_tenant, minute__lt=cutoff).delete()[0]
        purged["handoverticket"] += HandoverTicket.objects.filter(of_tenant, expires_at__lt=now).delete()[0]
    return Counter(+purged)


def _take(now: datetime) -> Tenant | None:
    """The tenant whose turn it is, marked as taken; None when every tenant's is less than an hour ago."""
    with public_scope(), transaction.atomic():
        waiting = Tenant.objects.filter(Q(kept_house_at=None) | Q(kept_house_at__lte=now - EVERY))
        turn = waiting.order_by(F("kept_house_at").asc(nulls_first=True), "pk")
        tenant: Tenant | None = turn.select_for_update(skip_locked=True, of=("self",)).first()
        if tenant is not None:
            Tenant.objects.filter(pk=tenant.pk).update(kept_house_at=now)
        return tenant
