"""Hand-over: log-in carried from the app's host to a workspace's host by a ticket in the URL.

A ticket is signed, names one user, one workspace and one browser, lives 60 s and is spent by deleting its row, so of
two that redeem it at once only one gets in. Nothing secret of the session crosses hosts; cookies stay host-only.

The browser is known by its latch: random, in a cookie of the workspace's host. The app's host is told only the latch's
SHA-256, and signs it into the ticket. So a ticket that leaked opens nothing elsewhere, and nobody can send another
person a link that logs them into the sender's account.
"""

from __future__ import annotations

import base64
import re
import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from django.core import signing
from django.db import transaction

from automate_governance.errors import Unauthenticated
from automate_tenants.models import HandoverTicket, Membership

TICKET_LIFE = timedelta(seconds=60)
NONCE_BYTES = 32
_LATCH = re.compile(r"[A-Za-z0-9_-]{43}")
_SALT = "automate.handover"
_MAX_LENGTH = 300


class InvalidTicket(Unauthenticated):
    """The ticket is forged, spent, too old, or for another workspace or browser; which of them is not told."""

    code = "invalid_ticket"


def new_latch() -> str:
    """256 random bits as 43 characters, for the cookie.

    >>> is_latch(new_latch()), is_latch("short")
    (True, False)
    """
    return secrets.token_urlsafe(32)


def is_latch(text: str) -> bool:
    """Whether this has the form of a latch, or of its seal."""
    return _LATCH.fullmatch(text) is not None


def seal_of(latch: str) -> str:
    """What the app's host may know of a latch: its SHA-256, 43 characters of base64.

    >>> seal_of("a" * 43) != seal_of("b" * 43), is_latch(seal_of("a" * 43))
    (True, True)
    """
    return base64.urlsafe_b64encode(sha256(latch.encode()).digest()).decode().rstrip("=")


def issue_ticket(user_id: int, tenant_id: int, now: datetime, *, seal: str) -> str:
    """A ticket for this member and the browser whose latch has this seal; old tickets are swept along the way.

    Raises InvalidTicket for whoever is no member, and for a seal that is none.
    """
    if not is_latch(seal) or not Membership.objects.filter(user_id=user_id, tenant_id=tenant_id).exists():
        raise _invalid()
    nonce = secrets.token_bytes(NONCE_BYTES)
    with transaction.atomic():
        HandoverTicket.objects.filter(expires_at__lt=now - TICKET_LIFE).delete()
        HandoverTicket.objects.create(nonce=nonce, user_id=user_id, tenant_id=tenant_id, expires_at=now + TICKET_LIFE)
    text = base64.urlsafe_b64encode(nonce).decode().rstrip("=")
    return signing.Signer(salt=_SALT).sign(f"{text}.{user_id}.{tenant_id}.{seal}")


def redeem_ticket(text: str, tenant_id: int, now: datetime, *, latch: str) -> int:
    """Spend the ticket in `tenant_id`'s workspace; the user's id.

    Raises InvalidTicket; a ticket of another browser or workspace is not spent by it.
    """
    try:
        if len(text) > _MAX_LENGTH:
            raise ValueError("too long")
        nonce_text, user, tenant, seal = signing.Signer(salt=_SALT).unsign(text).split(".")
        nonce = base64.urlsafe_b64decode(nonce_text + "=" * (-len(nonce_text) % 4))
        user_id, named_tenant_id = int(user), int(tenant)
    except (signing.BadSignature, ValueError) as error:
        raise _invalid() from error
    if named_tenant_id != tenant_id or not (is_latch(latch) and secrets.compare_digest(seal, seal_of(latch))):
        raise _invalid()
    spent, _ = HandoverTicket.objects.filter(
        nonce=nonce, user_id=user_id, tenant_id=tenant_id, expires_at__gt=now
    ).delete()
    if not spent or not Membership.objects.filter(user_id=user_id, tenant_id=tenant_id).exists():
        raise _invalid()
    return user_id


def _invalid() -> InvalidTicket:
    return InvalidTicket("This log-in link is used up, too old, or was made for another browser. Log in again.")
