"""What is due is taken by one sender: it is due again two minutes later, so that another follows one that died."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from automate_tenants.notifications.models import Delivery

LEASE = timedelta(minutes=2)


def due(channel: str, now: datetime) -> QuerySet[Delivery]:
    """Deliveries of the current tenant whose time has come."""
    return Delivery.objects.filter(channel=channel, status=Delivery.Status.PENDING, due_at__lte=now)


@transaction.atomic
def take(deliveries: QuerySet[Delivery], *, most: int, now: datetime) -> list[Delivery]:
    """The first of them that nobody else takes just now, each one try further."""
    locked = deliveries.select_for_update(skip_locked=True, of=("self",)).select_related("notification", "destination")
    taken = list(locked[:most])
    for each in taken:
        each.attempts, each.attempted_at, each.due_at = each.attempts + 1, now, now + LEASE
    Delivery.objects.bulk_update(taken, ["attempts", "attempted_at", "due_at"])
    return taken
