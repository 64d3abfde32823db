"""Webhook endpoints of a workspace, and the public routes that lead the gateway to them: always written together.

An endpoint's row is the tenant's, its route the gateway's copy; one transaction holds both, so they never disagree.
The token has 190 random bits and is never shortened: the full token is the only way in. All calls work in the current
tenant.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from automate.ingest import schemes, signing_secret
from automate.ingest.verify import SECRET_PREFIX, secret_bytes
from automate.models import WebhookEndpoint
from automate_governance.errors import Conflict, Invalid, NotFound
from automate_tenants import audit
from automate_tenants.context import TenantRef, current_tenant
from automate_tenants.holding import resume_intake
from automate_tenants.key_store import data_key
from automate_tenants.models import WebhookRoute
from automate_tenants.webhook_limits import apply_webhook_limits

TOKEN_LENGTH = 32  # of base62: 190 bits
OVERLAPS = (timedelta(0), timedelta(hours=1), timedelta(hours=24), timedelta(days=7))
MIN_SECRET_LENGTH, MAX_SECRET_LENGTH = 16, 255
PRESETS = {WebhookEndpoint.Auth.STRIPE: {"type_path": "type", "dedupe_path": "id"}}  # what a sender's body has anyway
EDITABLE = ("auth", "event_type", "type_path", "dedupe_path", "is_active")

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_EVENT_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,199}")
_SECRET = re.compile(rf"[!-~]{{{MIN_SECRET_LENGTH},{MAX_SECRET_LENGTH}}}")
_PATH = re.compile(r"([^\s.]+(\.[^\s.]+)*)?")


class InvalidEndpoint(Invalid):
    """The endpoint cannot be as asked; `details.param` names what is wrong."""

    code = "invalid_endpoint"


class EndpointExists(Conflict):
    """The workspace has an endpoint of this name."""

    code = "endpoint_exists"


@dataclass(frozen=True)
class CreatedEndpoint:
    """A new or changed endpoint; `secret` (`whsec_…`) is set when one was made, and cannot be read again."""

    endpoint: WebhookEndpoint
    secret: str | None


@transaction.atomic
def create_endpoint(
    *,
    slug: str,
    actor: str,
    now: datetime,
    auth: str = WebhookEndpoint.Auth.API_KEY,
    event_type: str = "webhook.received",
    type_path: str = "",
    dedupe_path: str = "",
    secret: str = "",
) -> CreatedEndpoint:
    """A new endpoint of the current tenant, reachable once this commits. Raises InvalidEndpoint, EndpointExists.

    `secret` is one that the sender made; without it one is made here, except where only the sender can (Stripe): such
    an endpoint refuses everything until its secret is set.
    """
    tenant = current_tenant()
    preset = PRESETS.get(WebhookEndpoint.Auth(auth), {}) if auth in WebhookEndpoint.Auth.values else {}
    endpoint = WebhookEndpoint(
        slug=slug,
        token=make_token(),
        auth=auth,
        event_type=event_type,
        type_path=type_path or preset.get("type_path", ""),
        dedupe_path=dedupe_path or preset.get("dedupe_path", ""),
        created_at=now,
    )
    _check(endpoint)
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
    """Change any of EDITABLE; `secret` replaces the signing secret. Demanding signatures for the first time makes one.

    Raises NotFound, InvalidEndpoint.
    """
    if unknown := set(changes) - set(EDITABLE):
        raise InvalidEndpoint(f"{sorted(unknown)[0]} cannot be changed.", details={"param": sorted(unknown)[0]})
    tenant = current_tenant()
    endpoint = _lock(endpoint_id)
    for name, value in changes.items():
        setattr(endpoint, name, value)
    _check(endpoint)
    made = _set_secret(endpoint, secret, data_key(tenant))
    endpoint.save(update_fields=[*changes, "signing_secret"])
    _write_route(tenant, endpoint)  # first: it waits for flushes that saw the endpoint paused
    if changes.get("is_active"):
        resume_intake(endpoint, now)
    if secret:
        changes["is_secret_replaced"] = True
    _record(tenant, endpoint, actor, "endpoint.update", now, **changes)
    return CreatedEndpoint(endpoint, made)


@transaction.atomic
def rotate_signing_secret(*, endpoint_id: UUID, overlap: timedelta, actor: str, now: datetime) -> str:
    """A new `whsec_…` secret, shown once; the old one verifies on for `overlap`. Raises NotFound, InvalidEndpoint."""
    if overlap not in OVERLAPS:
        raise InvalidEndpoint("Choose one of the offered overlaps.", details={"param": "overlap"})
    tenant = current_tenant()
    endpoint = _lock(endpoint_id)
    key = data_key(tenant)
    previous = ""
    if endpoint.signing_secret is not None and overlap:
        previous = signing_secret.open_all(key, endpoint.id, bytes(endpoint.signing_secret), now=now)[0]
    secret = signing_secret.make()
    endpoint.signing_secret = signing_secret.seal(key, endpoint.id, secret, previous=previous, until=now + overlap)
    endpoint.save(update_fields=["signing_secret"])
    _write_route(tenant, endpoint)
    _record(tenant, endpoint, actor, "endpoint.rotate_secret", now, overlap_seconds=int(overlap.total_seconds()))
    return secret


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
        _check_secret(endpoint.auth, given)
        endpoint.signing_secret = signing_secret.seal(key, endpoint.id, given)
        return None
    if endpoint.signing_secret is not None or endpoint.auth in schemes.MADE_BY_SENDER:
        return None
    made = signing_secret.make()
    endpoint.signing_secret = signing_secret.seal(key, endpoint.id, made)
    return made


def _check_secret(auth: str, secret: str) -> None:
    message = ""
    if not _SECRET.fullmatch(secret):
        message = (
            f"A signing secret has {MIN_SECRET_LENGTH} to {MAX_SECRET_LENGTH} visible ASCII characters, no spaces."
        )
    elif auth in {"standard_webhooks", "stripe"} and not secret.startswith(SECRET_PREFIX):
        message = f"This secret starts with {SECRET_PREFIX}; copy the whole of it."
    elif auth == "standard_webhooks" and not secret_bytes(secret):
        message = f"Behind {SECRET_PREFIX} there must be base64."
    if message:
        raise InvalidEndpoint(message, details={"param": "secret"})


def _write_route(tenant: TenantRef, endpoint: WebhookEndpoint) -> None:
    WebhookRoute.objects.update_or_create(
        token_hash=token_hash(endpoint.token),
        defaults={
            "tenant_id": tenant.id,
            "schema_name": tenant.schema_name,
            "endpoint_id": endpoint.id,
            "source": endpoint.source,
            "auth": endpoint.auth,
            "signing_secret": endpoint.signing_secret,
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


def _check(endpoint: WebhookEndpoint) -> None:
    def refuse(param: str, message: str) -> None:
        raise InvalidEndpoint(message, details={"param": param})

    if not _SLUG.fullmatch(endpoint.slug):
        refuse("slug", "A name holds small letters, digits, - and _, at most 60.")
    if endpoint.auth not in WebhookEndpoint.Auth.values:
        refuse("auth", f"Choose one of {', '.join(WebhookEndpoint.Auth.values)}.")
    if not _EVENT_TYPE.fullmatch(endpoint.event_type):
        refuse("event_type", "An event type holds letters, digits and . _ : / -, at most 200.")
    for param in ("type_path", "dedupe_path"):
        path = getattr(endpoint, param)
        if len(path) > 200 or not _PATH.fullmatch(path):
            refuse(param, "A path is names with dots between them, such as order.id.")


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
