"""Held events: accepted and stored, but not processed until somebody lets them go.

A paused endpoint's events are held until it takes events again. A workspace whose owner has not confirmed an e-mail
address has the events beyond its first 100 held until that happened. `accept` decides in the flush that stores them;
it locks what it read (the route, the tenant) until its commit, so that letting go waits for it and misses none.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from automate.models import Event, WebhookEndpoint
from automate.outbox.holding import release
from automate_tenants.context import current_tenant, tenant_scope
from automate_tenants.models import Membership, Tenant
from automate_tenants.provisioning import ref

EVENTS_BEFORE_CONFIRMATION = 100


def hold_until_confirmed(tenant_id: int) -> None:
    """Hold what comes after the first 100 events."""
    Tenant.objects.filter(pk=tenant_id).update(hold_after=EVENTS_BEFORE_CONFIRMATION)


def is_full() -> bool:
    """Whether the current tenant's next event would be held."""
    limit = Tenant.objects.filter(pk=current_tenant().id).values_list("hold_after", flat=True).first()
    return limit is not None and Event.objects.order_by()[:limit].count() >= limit


def let_go_of(user_id: int, now: datetime) -> int:
    """The owner's e-mail is confirmed: nothing of their workspaces is held for that any more; how many events go on."""
    mine = Membership.objects.filter(user_id=user_id, role=Membership.Role.OWNER).values("tenant_id")
    held = list(Tenant.objects.filter(pk__in=mine, hold_after__isnull=False))
    return sum(_lift(tenant, now) for tenant in held)


@transaction.atomic
def _lift(tenant: Tenant, now: datetime) -> int:
    Tenant.objects.filter(pk=tenant.pk).update(hold_after=None)  # waits for flushes that counted by it
    with tenant_scope(ref(tenant)):
        paused = WebhookEndpoint.objects.filter(is_active=False)
        return release(now=now, except_sources=[endpoint.source for endpoint in paused])


def resume_intake(endpoint: WebhookEndpoint, now: datetime) -> int:
    """In the caller's transaction: the endpoint's held events go on, unless the workspace is full."""
    return 0 if is_full() else release(now=now, source=endpoint.source)
