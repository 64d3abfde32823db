"""Housekeeping of one workspace's notifications: 90 days, and nothing of people who left."""

from __future__ import annotations

from datetime import datetime, timedelta

from automate_tenants.context import current_tenant
from automate_tenants.models import Membership
from automate_tenants.notifications.models import Choice, Delivery, Destination, Notification, Seen

KEPT = timedelta(days=90)
BATCH = 5_000


def keep_house(*, now: datetime) -> int:
    """Delete what is past its time in the current tenant, a batch of each; how many notifications."""
    old = Notification.objects.filter(created_at__lt=now - KEPT).order_by("pk").values("pk")[:BATCH]
    gone = Delivery.objects.filter(notification__in=list(old.values_list("pk", flat=True)))
    gone.delete()
    count = Notification.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()[0]
    seen = Seen.objects.filter(at__lt=now - KEPT).values("pk")[:BATCH]
    Seen.objects.filter(pk__in=list(seen.values_list("pk", flat=True))).delete()
    members = set(Membership.objects.filter(tenant_id=current_tenant().id).values_list("user_id", flat=True))
    for model in (Choice, Destination, Seen):
        left = set(model.objects.order_by().values_list("user_id", flat=True).distinct()) - members
        if left:
            model.objects.filter(user_id__in=left).delete()
    return count
