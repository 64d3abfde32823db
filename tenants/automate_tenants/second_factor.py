"""Who has a second factor, as far as a workspace may ask: an authenticator app or a passkey. Codes alone are none."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.db.models import Exists, OuterRef

from automate_tenants.models import Membership

TYPES = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def has_one(user_id: int | None) -> bool:
    return bool(Authenticator.objects.filter(user_id=user_id, type__in=TYPES).exists())


def members_without(tenant_id: int) -> int:
    """How many members of the workspace have none."""
    return Membership.objects.filter(~of_member(), tenant_id=tenant_id).count()


def of_member() -> Exists:
    """An annotation of memberships: whether the member has one."""
    return Exists(Authenticator.objects.filter(user_id=OuterRef("user_id"), type__in=TYPES))
