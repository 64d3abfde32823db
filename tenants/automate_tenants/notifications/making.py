"""Telling: one row for an occurrence, and a delivery for each member who wants it by mail or webhook.

Called in the transaction of what it tells of, or by the periodic look; either way in the tenant's scope.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import DateTimeField, Max, Value
from django.db.models.functions import Coalesce, Least

from automate.ids import new_id
from automate_tenants.context import current_tenant
from automate_tenants.models import Membership, NotificationTurn
from automate_tenants.notifications import choices
from automate_tenants.notifications.kinds import BY_CODE, Kind
from automate_tenants.notifications.models import Channel, Delivery, Destination, Notification

BETWEEN_LETTERS = timedelta(minutes=10)  # to one member: what comes meanwhile goes into the next


@transaction.atomic
def notify(
    *,
    kind: str,
    key: str,
    title: str,
    path: str,
    now: datetime,
    text: str = "",
    subject: str = "",
    count: int = 1,
    latest_at: datetime | None = None,
    details: dict[str, Any] | None = None,
) -> Notification | None:
    """Tell members of the current tenant; None when this occurrence was told before.

    `path`: of what it is about, inside the workspace. `key`: at most 200 characters, the same for the same occurrence.
    """
    facts = {
        "kind": kind,
        "subject": subject or key,
        "title": title[:300],
        "text": text,
        "path": path[:300],
        "count": count,
        "details": details or {},
        "created_at": now,
        "latest_at": latest_at or now,
    }
    made, is_new = Notification.objects.get_or_create(key=key, defaults=facts)
    if not is_new:
        return None
    deliveries = [*_letters(made, BY_CODE[kind], now), *_webhooks(made, BY_CODE[kind], now)]
    if deliveries:
        Delivery.objects.bulk_create(deliveries)
        arm(min(delivery.due_at for delivery in deliveries))
    return made


def arm(at: datetime) -> None:
    """Something of the current tenant is to be sent at that time, or before.

    The row is always written: who notes that nothing waits any more (`rounds`) waits for this transaction's end.
    """
    tenant_id = current_tenant().id
    sooner = Least(Coalesce("send_at", Value(at)), Value(at), output_field=DateTimeField())
    if not NotificationTurn.objects.filter(pk=tenant_id).update(send_at=sooner):
        made = NotificationTurn(tenant_id=tenant_id, send_at=at)
        NotificationTurn.objects.bulk_create(
            [made], update_conflicts=True, update_fields=["send_at"], unique_fields=["tenant_id"]
        )


def _letters(made: Notification, kind: Kind, now: datetime) -> Iterable[Delivery]:
    members = _members_who_want(kind, Channel.EMAIL)
    latest = Delivery.objects.filter(user_id__in=members, channel=Channel.EMAIL, attempted_at__gt=now - BETWEEN_LETTERS)
    written = dict(latest.order_by().values_list("user_id").annotate(Max("attempted_at")))
    for user_id in members:
        due_at = max(now, written[user_id] + BETWEEN_LETTERS) if user_id in written else now
        yield Delivery(id=new_id(), notification=made, user_id=user_id, channel=Channel.EMAIL, due_at=due_at)


def _webhooks(made: Notification, kind: Kind, now: datetime) -> Iterable[Delivery]:
    ready = list(Destination.objects.filter(disabled_at=None))
    if not ready:
        return
    members = set(_members_who_want(kind, Channel.WEBHOOK))
    for each in ready:
        if each.user_id in members:
            yield Delivery(
                id=new_id(),
                notification=made,
                user_id=each.user_id,
                channel=Channel.WEBHOOK,
                destination=each,
                due_at=now,
            )


def _members_who_want(kind: Kind, channel: str) -> list[int]:
    members = Membership.objects.filter(tenant_id=current_tenant().id).values_list("user_id", "role")
    chosen = choices.of_kind(kind.code, channel)
    return [
        user_id
        for user_id, role in members.order_by("user_id")
        if choices.wants(kind, channel, role, chosen.get(user_id))
    ]
