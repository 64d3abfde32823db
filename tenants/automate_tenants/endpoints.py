"""Webhook endpoints of a workspace, and the public routes that lead the gateway to them: always written together.

An endpoint's row is the tenant's, its route the gateway's copy; one transaction holds both, so they never disagree.
The token has 190 random bits and is never shortened: the full token is the only way in. All calls work in the current
tenant.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from automate.ingest import schemes, signing_secret
from automate.models import WebhookEndpoint, Workflow
from automate_governance.errors import Conflict, NotFound
from automate_tenants import audit
from automate_tenants.context import TenantRef, current_tenant
from automate_tenants.endpoint_rules import InvalidEndpoint, check_endpoint, check_secret
from automate_tenants.holding import resume_intake
from automate_tenants.key_store import data_key
from automate_tenants.models import WebhookRoute
from automate_tenants.webhook_limits import apply_webhook_limits

TOKEN_LENGTH = 32  # of base62: 190 bits
OVERLAPS = (timedelta(0), timedelta(hours=1), timedelta(hours=24), timedelta(days=7))
PRESETS = {  # what a sender's body has anyway
    WebhookEndpoint.Auth.STRIPE: {"type_path": "type", "dedupe_path": "id"},
    WebhookEndpoint.Auth.SLACK: {"type_path": "event.type", "dedupe_path": "event_id"},
}
EDITABLE = ("auth", "auth_options", "event_type", "type_path", "dedupe_path", "is_active")

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class EndpointInUse(Conflict):
    """A workflow is fed by the endpoint; `details.workflows` says which."""

    code = "endpoint_in_use"


class EndpointExists(Conflict):
    """The workspace has an endpoint of this name."""

    code = "endpoint_exists"


@dataclass(frozen=True)
class CreatedEndpoint:
    """A new or changed endpoint; `secret` is set when one was made, and cannot be read again."""

    endpoint: WebhookEndpoint
    secret: str | None


@transaction.atomic
def create_endpoint(
    *,
    slug: str,
    actor: str,
    now: datetime,
    auth: str = WebhookEndpoint.Auth.API_KEY,
    auth_options: dict[str, Any] | None = None,
    event_type: str = "webhook.received",
    type_path: str = "",
    dedupe_path: str = "",
    secret: str = "",
) -> CreatedEndpoint:
    """A new endpoint of the current tenant, reachable once this commits. Raises InvalidEndpoint, EndpointExists.

    `secret` is one that the sender made; without it one is made here, except where only the sender can (Stripe, Slack,
    Shopify): such an endpoint refuses everything until its secret is set. `auth_options` are those of `hmac`.
    """
    tenant = current_tenant()
    preset = PRESETS.get(WebhookEndpoint.Auth(auth), {}) if auth in WebhookEndpoint.Auth.values else {}
    endpoint = WebhookEndpoint(
        slug=slug,
        token=make_token(),
        auth=auth,
        auth_options=auth_options,
        event_type=event_type,
        type_path=type_path or preset.get("type_path", ""),
        dedupe_path=dedupe_path or preset.get("dedupe_path", ""),
        created_at=now,
    )
    check_endpoint(endpoint)
    made = _set_secret(endpoint, secret, data_key(tenant))
    try:
        with transaction.atomic():
            endpoint.save(force_insert=True)
    except IntegrityError as error:
        raise EndpointExists(f"There is an endpoint named {slug}.", details={"param": "slug"}) from error
    _write_route(tenant, endpoint)
    apply_webhook_limits()
    _record(tenant, endpoint, actor, "endpoint.create", now, auth=auth)
    return CreatedEndpoint(endpoint, made)


@transaction.atomic
def update_endpoint(
    *, endpoint_id: UUID, actor: str, now: datetime, secret: str = "", **changes: Any
) -> CreatedEndpoint:
    """Change any of EDITABLE; `secret` replaces the signing secret at once. Another scheme means another secret.

    Raises NotFound, InvalidEndpoint.
    """
    if unknown := set(changes) - set(EDITABLE):
        raise InvalidEndpoint(f"{sorted(unknown)[0]} cannot be changed.", details={"param": sorted(unknown)[0]})
    tenant = current_tenant()
    endpoint = _lock(endpoint_id)
    if changes.get("auth", endpoint.auth) != endpoint.auth and changes["auth"] in schemes.SIGNED:
        endpoint.signing_secret = endpoint.previous_secret_until = None
    for name, value in changes.items():
        setattr(endpoint, name, value)
    check_endpoint(endpoint)
    made = _set_secret(endpoint, secret, data_key(tenant))
    endpoint.save(update_fields=[*changes, "auth_options", "signing_secret", "previous_secret_until"])
    _write_route(tenant, endpoint)  # first: it waits for flushes that saw the endpoint paused
    if changes.get("is_active"):
        resume_intake(endpoint, now)
    if secret:
        changes["is_secret_replaced"] = True
    _record(tenant, endpoint, actor, "endpoint.update", now, **changes)
    return CreatedEndpoint(endpoint, made)


@transaction.atomic
def set_paused(*, endpoint_id: UUID, is_paused: bool, actor: str, now: datetime) -> int:
    """Hold what comes, or take it again and let the held go on, in order; how many go on. Raises NotFound.

    A paused endpoint answers 202 and stores. Gateways follow with the next event: they read it when they store.
    """
    tenant = current_tenant()
    endpoint = _lock(endpoint_id)
    if endpoint.is_active is not is_paused:
        return 0
    endpoint.is_active = not is_paused
    endpoint.save(update_fields=["is_active"])
    _write_route(tenant, endpoint)  # first: it waits for flushes that saw the endpoint paused
    released = 0 if is_paused else resume_intake(endpoint, now)
    if is_paused:
        _record(tenant, endpoint, actor, "endpoint.pause", now)
    else:
        _record(tenant, endpoint, actor, "endpoint.resume", now, released=released)
    return released


@transaction.atomic
def roll_secret(
    *, endpoint_id: UUID, overlap: timedelta, actor: str, now: datetime, secret: str = ""
) -> CreatedEndpoint:
    """A new signing secret; the old one verifies on for `overlap`. Raises NotFound, InvalidEndpoint.

    `secret` is the sender's where the sender makes it; else one is made here, and shown once. A roll during a roll ends
    the oldest secret at once: two are good at a time.
    """
    if overlap not in OVERLAPS:
        raise InvalidEndpoint("Choose one of the offered overlaps.", details={"param": "overlap"})
    tenant = current_tenant()
    endpoint = _lock(endpoint_id)
    if endpoint.auth not in schemes.SIGNED:
        raise InvalidEndpoint("This endpoint demands no signature, so it has no secret.", details={"param": "auth"})
    if secret:
        check_secret(endpoint.auth, secret)
    elif endpoint.auth in schemes.MADE_BY_SENDER:
        raise InvalidEndpoint("The sender makes this secret: enter the new one.", details={"param": "secret"})
    made = None if secret else _make_secret(endpoint.auth)
    key, previous, until = data_key(tenant), "", None
    if endpoint.signing_secret is not None and overlap:
        previous = signing_secret.open_all(key, endpoint.id, bytes(endpoint.signing_secret), now=now)[0]
        until = now + overlap
    endpoint.signing_secret = signing_secret.seal(
        key, endpoint.id, secret or made or "", previous=previous, until=until
    )
    endpoint.previous_secret_until = until
    _save_secrets(tenant, endpoint)
    _record(tenant, endpoint, actor, "endpoint.rotate_secret", now, overlap_seconds=int(overlap.total_seconds()))
    return CreatedEndpoint(endpoint, made)


@transaction.atomic
def end_overlap(*, endpoint_id: UUID, actor: str, now: datetime) -> WebhookEndpoint:
    """Delete the older secret of a roll now. Raises NotFound, Conflict."""
    tenant = current_tenant()
    endpoint = _lock(endpoint_id)
    if endpoint.previous_secret_until is None:
        raise Conflict("There is no older secret: only the newest one is good.")
    _forget_previous(tenant, endpoint)
    _record(tenant, endpoint, actor, "endpoint.end_overlap", now)
    return endpoint


@transaction.atomic
def remove_endpoint(*, endpoint_id: UUID, actor: str, now: datetime) -> WebhookEndpoint:
    """End an endpoint for good: its URL is unknown within 5 s, its secrets and token are destroyed, its slug is free.

    What came to it stays as long as it would have; held events go on. Raises NotFound, and EndpointInUse while the
    published version of a workflow, switched on or off, is started by it.
    """
    tenant = current_tenant()
    endpoint = _lock(endpoint_id)
    if feeds := workflows_of(endpoint):
        words = f"It starts {', '.join(feeds)}. Give {'that' if len(feeds) == 1 else 'those'} another trigger first."
        raise EndpointInUse(words, details={"workflows": feeds})
    WebhookRoute.objects.filter(endpoint_id=endpoint.pk).delete()  # first: it waits for flushes that saw it paused
    if not endpoint.is_active:
        resume_intake(endpoint, now)
    _record(tenant, endpoint, actor, "endpoint.delete", now)
    endpoint.former_slug, endpoint.slug = endpoint.slug, f"~{endpoint.pk.hex}"
    endpoint.token, endpoint.removed_at, endpoint.is_active = make_token(), now, True
    endpoint.signing_secret = endpoint.previous_secret_until = None
    endpoint.save()
    apply_webhook_limits()
    return endpoint


def workflows_of(endpoint: WebhookEndpoint) -> list[str]:
    """Slugs of the workflows whose published version the endpoint starts, also of those that are switched off."""
    fed = Workflow.objects.kept().filter(
        active_version__trigger_spec__type="webhook", active_version__trigger_spec__endpoint=endpoint.slug
    )
    return list(fed.order_by("slug").values_list("slug", flat=True))


def forget_old_secrets(*, now: datetime) -> int:
    """Delete the current tenant's older secrets whose time is over; how many. They verify nothing any more."""
    tenant = current_tenant()
    over = WebhookEndpoint.objects.filter(previous_secret_until__lte=now)
    forgotten = 0
    for endpoint_id in over.values_list("pk", flat=True):
        with transaction.atomic():
            endpoint = over.select_for_update().filter(pk=endpoint_id).first()
            if endpoint is not None:  # else rolled again meanwhile
                _forget_previous(tenant, endpoint)
                forgotten += 1
    return forgotten


def make_token() -> str:
    """A fresh token for an endpoint's URL.

    >>> len(make_token()), make_token() != make_token()
    (32, True)
    """
    return "".join(secrets.choice(_BASE62) for _ in range(TOKEN_LENGTH))


def token_hash(token: str) -> bytes:
    """What a route is looked up by: SHA-256 of the whole token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _set_secret(endpoint: WebhookEndpoint, given: str, key: bytes) -> str | None:
    """Seal the secret that is given, or one made now where it is missing and ours to make; what was made."""
    if endpoint.auth not in schemes.SIGNED:
        return None
    if given:
        check_secret(endpoint.auth, given)
        endpoint.signing_secret = signing_secret.seal(key, endpoint.id, given)
        endpoint.previous_secret_until = None
        return None
    if endpoint.signing_secret is not None or endpoint.auth in schemes.MADE_BY_SENDER:
        return None
    made = _make_secret(endpoint.auth)
    endpoint.signing_secret = signing_secret.seal(key, endpoint.id, made)
    return made


def _make_secret(auth: str) -> str:
    return signing_secret.make_plain() if auth == schemes.CUSTOM else signing_secret.make()


def _forget_previous(tenant: TenantRef, endpoint: WebhookEndpoint) -> None:
    if endpoint.signing_secret is not None:
        key = data_key(tenant)
        newest = signing_secret.open_entries(key, endpoint.id, bytes(endpoint.signing_secret))[0][0]
        endpoint.signing_secret = signing_secret.seal(key, endpoint.id, newest)
    endpoint.previous_secret_until = None
    _save_secrets(tenant, endpoint)


def _save_secrets(tenant: TenantRef, endpoint: WebhookEndpoint) -> None:
    endpoint.save(update_fields=["signing_secret", "previous_secret_until"])
    _write_route(tenant, endpoint)


def _write_route(tenant: TenantRef, endpoint: WebhookEndpoint) -> None:
    WebhookRoute.objects.update_or_create(
        token_hash=token_hash(endpoint.token),
        defaults={
            "tenant_id": tenant.id,
            "schema_name": tenant.schema_name,
            "endpoint_id": endpoint.id,
            "source": endpoint.source,
            "auth": endpoint.auth,
            "auth_options": endpoint.auth_options,
            "signing_secret": endpoint.signing_secret,
            "previous_secret_until": endpoint.previous_secret_until,
            "event_type": endpoint.event_type,
            "type_path": endpoint.type_path,
            "dedupe_path": endpoint.dedupe_path,
            "is_active": endpoint.is_active,
        },
    )


def _lock(endpoint_id: UUID) -> WebhookEndpoint:
    endpoint = WebhookEndpoint.objects.select_for_update().filter(pk=endpoint_id).first()
    if endpoint is None:
        raise NotFound("There is no such endpoint in this workspace.")
    return endpoint


def _record(
    tenant: TenantRef, endpoint: WebhookEndpoint, actor: str, action: str, now: datetime, **details: object
) -> None:
    audit.record(
        tenant,
        actor=actor,
        action=action,
        resource=f"endpoint:{endpoint.id}",
        details={"slug": endpoint.slug, **details},
        now=now,
    )
