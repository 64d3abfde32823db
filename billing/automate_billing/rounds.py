"""The round that every worker makes each few seconds: fold, then look at the workspaces whose usage changed.

Once an hour each workspace is looked at whatever it does: its storage is measured, and a new period is seen.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from automate_billing import storage, subscriptions
from automate_billing.fold import fold
from automate_billing.models import Subscription
from automate_tenants.context import public_scope
from automate_tenants.models import Tenant

EVERY = timedelta(hours=1)
AT_ONCE = 20  # workspaces measured in one round


def go_round(*, now: datetime) -> None:
    """Fold, begin the subscriptions of new workspaces, look at those that are due."""
    fold()
    with public_scope():
        subscriptions.begin(now)
        for tenant in _take_due(now):
            storage.measure(tenant, now=now)


def _take_due(now: datetime) -> list[Tenant]:
    """Workspaces that nobody has looked at for an hour, marked as looked at."""
    with transaction.atomic():
        waiting = Subscription.objects.exclude(looked_at__gt=now - EVERY).order_by("looked_at", "pk")
        taken = [one.pk for one in waiting.select_for_update(skip_locked=True)[:AT_ONCE]]
        Subscription.objects.filter(pk__in=taken).update(looked_at=now)
    return list(Tenant.objects.filter(pk__in=taken))
