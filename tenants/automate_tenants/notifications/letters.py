"""E-mails: everything that waits for one member becomes one letter, so that a hundred failures are not a hundred mails.

After a letter, what comes for the same member waits ten minutes (`making.BETWEEN_LETTERS`) and goes out together. A
mail server that is away is tried again for two days.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.core.mail import EmailMessage

from automate_tenants.models import Membership, Tenant
from automate_tenants.notifications.models import Channel, Delivery, Notification
from automate_tenants.notifications.taking import due, take

logger = logging.getLogger("automate.notifications")
MEMBERS_AT_ONCE = 20
MOST_IN_A_LETTER = 50
RETRIES = (60, 300, 1_800, 7_200, 18_000, 36_000, 86_400)  # seconds after each try that failed
SETTINGS_PATH = "/notifications/settings/"


def send(tenant: Tenant, *, now: datetime) -> int:
    """Send what is due to members of the tenant whose scope this is; how many letters went out."""
    people = list(
        due(Channel.EMAIL, now).order_by("user_id").values_list("user_id", flat=True).distinct()[:MEMBERS_AT_ONCE]
    )
    return sum(_send_to(tenant, user_id, now) for user_id in people)


def _send_to(tenant: Tenant, user_id: int, now: datetime) -> bool:
    mine = due(Channel.EMAIL, now).filter(user_id=user_id).order_by("notification_id")
    taken = take(mine, most=MOST_IN_A_LETTER, now=now)
    if not taken:
        return False
    member = Membership.objects.filter(tenant_id=tenant.pk, user_id=user_id).select_related("user").first()
    rows = Delivery.objects.filter(pk__in=[each.pk for each in taken])
    if member is None or not member.user.email:
        rows.update(status=Delivery.Status.FAILED, error="This person is no member any more.")
        return False
    try:
        _letter(tenant, member.user.email, taken).send()
    except Exception as error:
        logger.warning("a letter with notifications was not taken", exc_info=True)
        _try_again(taken, f"The mail server did not take it ({type(error).__name__}).", now)
        return False
    rows.update(status=Delivery.Status.SENT, error="")
    return True


def _try_again(taken: Sequence[Delivery], error: str, now: datetime) -> None:
    for each in taken:
        each.error = error
        if each.attempts > len(RETRIES):
            each.status = Delivery.Status.FAILED
        else:
            each.due_at = now + timedelta(seconds=RETRIES[each.attempts - 1])
    Delivery.objects.bulk_update(taken, ["error", "status", "due_at"])


def _letter(tenant: Tenant, email: str, taken: Sequence[Delivery]) -> EmailMessage:
    told = [each.notification for each in taken]
    what = told[0].title if len(told) == 1 else f"{len(told)} notifications"
    subject = " ".join(f"{tenant.name}: {what}".split())[:200]
    parts = [_part(tenant, each) for each in told]
    choose = f"You choose what is mailed to you here: {address(tenant, SETTINGS_PATH)}"
    domain = urlsplit(settings.BASE_URL).hostname or "localhost"
    return EmailMessage(
        subject,
        "\n\n".join([*parts, "-- ", choose]) + "\n",
        settings.DEFAULT_FROM_EMAIL,
        [email],
        headers={"Message-ID": f"<{taken[0].pk}.{taken[0].notification_id}@{domain}>"},  # the same when sent again
    )


def _part(tenant: Tenant, told: Notification) -> str:
    often = f" ({told.count:,} times)" if told.count > 1 else ""
    lines = [f"{told.title}{often}", told.text, address(tenant, told.path)]
    return "\n".join(line for line in lines if line)


def address(tenant: Tenant, path: str) -> str:
    """Where a path of the workspace opens for whoever is logged in anywhere."""
    return f"{settings.BASE_URL.rstrip('/')}/enter/{tenant.slug}/?{urlencode({'next': path})}"
