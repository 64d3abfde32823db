"""API keys of a workspace: made, rolled with an overlap, revoked, verified.

A key's text is shown once, by the call that made it; the row keeps its SHA-256. Every change leaves an audit entry in
the workspace. A revoked key is refused by the next look-up; processes that remember keys do so for at most 5 s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from automate_governance.errors import Conflict, Invalid, NotFound, PermissionDenied
from automate_tenants import audit
from automate_tenants.directory import tenant_by_id
from automate_tenants.key_format import PREFIX_SHOWN, is_well_formed, key_hash, make_key
from automate_tenants.models import ApiKey

SCOPES = (
    "events:write",
    "events:read",
    "runs:read",
    "runs:write",
    "workflows:read",
    "workflows:write",
    "workflows:publish",
    "secrets:read",
    "secrets:write",
    "secrets:use",
    "audit:read",
    "policy:read",
    "policy:write",
    "usage:read",
    "usage:write",
    "keys:read",
    "keys:write",
    "webhooks:read",
    "webhooks:write",
    "notifications:read",
    "notifications:write",
    "team:read",
    "team:write",
)
OWNER_SCOPES = ("workspace:export", "workspace:delete")  # given, and rolled, by an Owner alone
ALL_SCOPES = (*SCOPES, *OWNER_SCOPES)
OVERLAPS = (timedelta(0), timedelta(hours=1), timedelta(hours=24), timedelta(days=7))
USED_AT_PRECISION = timedelta(minutes=1)  # one write per key and minute, not one per request
BRIEF = timedelta(minutes=1)
MIN_LIFETIME, MAX_LIFETIME = timedelta(days=1), timedelta(days=3650)
UNUSED_AFTER = timedelta(days=90)  # then it is flagged: perhaps nobody needs it
MAX_KEYS = 100  # live ones, per workspace


class InvalidKey(Invalid):
    """The key cannot be made as asked; `details.param` names what is wrong."""

    code = "invalid_key"


@transaction.atomic
def create_key(
    *,
    tenant_id: int,
    name: str,
    scopes: Collection[str],
    created_by: str,
    now: datetime,
    by_owner: bool = False,
    lifetime: timedelta | None = None,
    is_test: bool = False,
) -> tuple[ApiKey, str]:
    """A new key and its text, which cannot be read again; it ends after `lifetime`, if at all.

    Raises InvalidKey, and PermissionDenied (`by_owner`).
    """
    name = name.strip()
    if not 1 <= len(name) <= 80:
        raise InvalidKey("Give the key a name of 1 to 80 characters.", details={"param": "name"})
    if not scopes or not set(scopes) <= set(ALL_SCOPES):
        known = list(ALL_SCOPES if by_owner else SCOPES)
        raise InvalidKey("Choose at least one of the known scopes.", details={"param": "scopes", "known": known})
    _demand_owner(scopes, by_owner)
    if live_keys(tenant_id, now).count() >= MAX_KEYS:
        raise InvalidKey(f"A workspace has at most {MAX_KEYS} live keys. Revoke one first.", details={"param": "name"})
    expires_at = _end(lifetime, now)
    in_order = [scope for scope in ALL_SCOPES if scope in set(scopes)]
    key, plain = _insert(tenant_id, name, in_order, created_by, now, expires_at=expires_at, is_test=is_test)
    _record(key, created_by, "api_key.create", now, scopes=key.scopes, **_ending(expires_at))
    return key, plain


@transaction.atomic
def roll_key(
    *,
    tenant_id: int,
    key_id: int,
    overlap: timedelta,
    actor: str,
    now: datetime,
    by_owner: bool = False,
    lifetime: timedelta | None = None,
) -> tuple[ApiKey, str]:
    """A new key in the place of an old one, which works on for `overlap`; the new one ends after `lifetime`, if at all.

    Raises NotFound, Conflict, InvalidKey, and PermissionDenied for a key with scopes of an Owner unless `by_owner`.
    """
    if overlap not in OVERLAPS:
        raise InvalidKey("Choose one of the offered overlaps.", details={"param": "overlap"})
    old = _lock_key(tenant_id, key_id)
    _demand_owner(old.scopes, by_owner)
    if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
        raise Conflict("This key no longer works. Make a new one instead.")
    old.expires_at = min(now + overlap, old.expires_at or now + overlap)
    old.save(update_fields=["expires_at"])
    expires_at = _end(lifetime, now)
    key, plain = _insert(tenant_id, old.name, old.scopes, actor, now, expires_at=expires_at, is_test=old.is_test)
    until = old.expires_at.isoformat()
    _record(key, actor, "api_key.roll", now, replaces=old.prefix, old_works_until=until, **_ending(expires_at))
    return key, plain


@transaction.atomic
def revoke_key(*, tenant_id: int, key_id: int, actor: str, now: datetime) -> ApiKey:
    """End a key at once and for good; a second call changes nothing. Raises NotFound."""
    key = _lock_key(tenant_id, key_id)
    if key.revoked_at is None:
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])
        _record(key, actor, "api_key.revoke", now)
    return key


def verify_key(plain: str, *, now: datetime, ip: str | None = None) -> ApiKey | None:
    """The key's row with its tenant if it is good at `now`, else None; its use, from `ip`, is noted to the minute."""
    if not is_well_formed(plain):
        return None
    key = ApiKey.objects.select_related("tenant").filter(hash=key_hash(plain), revoked_at=None).first()
    if key is None or (key.expires_at is not None and key.expires_at <= now):
        return None
    if key.latest_used_at is None or now - key.latest_used_at >= USED_AT_PRECISION:
        unused = Q(latest_used_at=None) | Q(latest_used_at__lte=now - USED_AT_PRECISION)
        ApiKey.objects.filter(unused, pk=key.pk).update(latest_used_at=now, latest_used_ip=ip)
    return key


@contextmanager
def brief_key(*, tenant_id: int, scopes: Collection[str], now: datetime) -> Iterator[str]:
    """The text of a key that lives as long as the block, a minute at most: for a request that the product makes."""
    expires_at = now + BRIEF
    key, plain = _insert(tenant_id, "Test sender", list(scopes), "system", now, expires_at=expires_at)
    try:
        yield plain
    finally:
        ApiKey.objects.filter(pk=key.pk).delete()


def live_keys(tenant_id: int, now: datetime) -> QuerySet[ApiKey]:
    """Keys of the workspace that work at `now`."""
    return ApiKey.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), tenant_id=tenant_id, revoked_at=None)


def _demand_owner(scopes: Collection[str], by_owner: bool) -> None:
    if set(scopes) & set(OWNER_SCOPES) and not by_owner:
        words = f"Only an Owner gives a key {' or '.join(OWNER_SCOPES)}."
        raise PermissionDenied(words, details={"permission": "automate.delete_workspace"})


def _insert(
    tenant_id: int,
    name: str,
    scopes: list[str],
    created_by: str,
    now: datetime,
    *,
    expires_at: datetime | None = None,
    is_test: bool = False,
) -> tuple[ApiKey, str]:
    plain = make_key(is_test=is_test)
    key = ApiKey.objects.create(
        tenant_id=tenant_id,
        name=name,
        hash=key_hash(plain),
        prefix=plain[:PREFIX_SHOWN],
        last4=plain[-4:],
        scopes=scopes,
        created_by=created_by,
        created_at=now,
        expires_at=expires_at,
    )
    return key, plain


def _end(lifetime: timedelta | None, now: datetime) -> datetime | None:
    if lifetime is not None and not MIN_LIFETIME <= lifetime <= MAX_LIFETIME:
        raise InvalidKey("A key that ends lives for 1 to 3,650 days.", details={"param": "expires_in_days"})
    return now + lifetime if lifetime is not None else None


def _ending(expires_at: datetime | None) -> dict[str, str]:
    return {"expires_at": expires_at.isoformat()} if expires_at is not None else {}


def _lock_key(tenant_id: int, key_id: int) -> ApiKey:
    key = ApiKey.objects.select_for_update().filter(tenant_id=tenant_id, pk=key_id).first()
    if key is None:
        raise NotFound("There is no such key in this workspace.")
    return key


def _record(key: ApiKey, actor: str, action: str, now: datetime, **details: object) -> None:
    audit.record(
        tenant_by_id(key.tenant_id),
        actor=actor,
        action=action,
        resource=f"api_key:{key.pk}",
        details={"name": key.name, "prefix": key.prefix, **details},
        now=now,
    )
