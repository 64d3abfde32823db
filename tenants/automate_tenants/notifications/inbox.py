"""The inbox of one member: what their role may see and they did not switch off, and what of it they have read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from automate_tenants.models import Membership
from automate_tenants.notifications.kinds import for_role
from automate_tenants.notifications.models import Channel, Choice, Notification, Seen

MOST_READ_AT_ONCE = 5_000


def of_member(member: Membership) -> QuerySet[Notification]:
    """Newest first, each with `is_read`."""
    off = Choice.objects.filter(user_id=member.user_id, kind=OuterRef("kind"), channel=Channel.IN_APP, is_on=False)
    read = Seen.objects.filter(user_id=member.user_id, key=OuterRef("key"))
    kinds = [kind.code for kind in for_role(member.role)]
    shown = Notification.objects.filter(~Exists(off), kind__in=kinds)
    return shown.annotate(is_read=Exists(read)).order_by("-id")


def unread(member: Membership) -> QuerySet[Notification]:
    """Those of them that were not read."""
    read = Seen.objects.filter(user_id=member.user_id, key=OuterRef("key"))
    return of_member(member).filter(~Exists(read))


def mark_read(*, member: Membership, now: datetime, ids: Iterable[int] | None = None) -> int:
    """Mark these (None: all, at most 5,000) as read; how many were not. Others' are left out."""
    found = unread(member)
    if ids is not None:
        found = found.filter(pk__in=list(ids))
    keys = list(found.values_list("key", flat=True)[:MOST_READ_AT_ONCE])
    put_away(member, keys, now=now)
    return len(keys)


def mark_unread(*, member: Membership, ids: Iterable[int]) -> int:
    """The other way."""
    keys = of_member(member).filter(pk__in=list(ids)).values("key")
    return Seen.objects.filter(user_id=member.user_id, key__in=keys).delete()[0]


def put_away(member: Membership, keys: Iterable[str], *, now: datetime) -> None:
    """The member has seen these; keys of notifications or of banners."""
    rows = [Seen(user_id=member.user_id, key=key, at=now) for key in keys]
    Seen.objects.bulk_create(rows, ignore_conflicts=True)
