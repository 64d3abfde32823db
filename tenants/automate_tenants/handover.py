"""Hand-over: log-in carried from the app's host to a workspace's host by a ticket in the URL.

A ticket is signed, names one user and one workspace, lives 60 s and is spent by deleting its row, so of two that redeem
it at once only one gets in. Nothing secret of the session crosses hosts; cookies stay host-only.
"""

from __future__ import annotations

import base64
import secrets
from datetime import datetime, timedelta

from django.core import signing
from django.db import transaction

from automate_governance.errors import Unauthenticated
from automate_tenants.models import HandoverTicket, Membership

TICKET_LIFE = timedelta(seconds=60)
NONCE_BYTES = 32
_SALT = "automate.handover"
_MAX_LENGTH = 300


class InvalidTicket(Unauthenticated):
    """The ticket is forged, spent, too old, or for another workspace; which of them is not told."""

    code = "invalid_ticket"


def issue_ticket(user_id: int, tenant_id: int, now: datetime) -> str:
    """A ticket for this member; raises InvalidTicket for anybody else. Old tickets are swept along the way."""
    if not Membership.objects.filter(user_id=user_id, tenant_id=tenant_id).exists():
        raise _invalid()
    nonce = secrets.token_bytes(NONCE_BYTES)
    with transaction.atomic():
        HandoverTicket.objects.filter(expires_at__lt=now - TICKET_LIFE).delete()
        HandoverTicket.objects.create(nonce=nonce, user_id=user_id, tenant_id=tenant_id, expires_at=now + TICKET_LIFE)
    text = base64.urlsafe_b64encode(nonce).decode().rstrip("=")
    return signing.Signer(salt=_SALT).sign(f"{text}.{user_id}.{tenant_id}")


def redeem_ticket(text: str, tenant_id: int, now: datetime) -> int:
    """Spend the ticket in `tenant_id`'s workspace; the user's id. Raises InvalidTicket."""
    try:
        if len(text) > _MAX_LENGTH:
            raise ValueError("too long")
        nonce_text, user, tenant = signing.Signer(salt=_SALT).unsign(text).split(".")
        nonce = base64.urlsafe_b64decode(nonce_text + "=" * (-len(nonce_text) % 4))
        user_id, named_tenant_id = int(user), int(tenant)
    except (signing.BadSignature, ValueError) as error:
        raise _invalid() from error
    if named_tenant_id != tenant_id:
        raise _invalid()
    spent, _ = HandoverTicket.objects.filter(
        nonce=nonce, user_id=user_id, tenant_id=tenant_id, expires_at__gt=now
    ).delete()
    if not spent or not Membership.objects.filter(user_id=user_id, tenant_id=tenant_id).exists():
        raise _invalid()
    return user_id


def _invalid() -> InvalidTicket:
    return InvalidTicket("This log-in link is used up or too old. Log in again.")
