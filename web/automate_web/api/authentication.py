"""Who calls: an API key in `Authorization: Bearer am_live_...`. The key alone decides the workspace.

Nothing else in the request can: no host name, no header, no field in the body. Runs in the public scope; the view
enters the workspace afterwards (`views.ApiView`). A key is looked up on each request, so that revoking works at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from automate.ingest.refusal import InvalidApiKey, MissingApiKey, WorkspaceSuspended
from automate_tenants.context import TenantRef
from automate_tenants.key_format import is_well_formed, key_hash
from automate_tenants.models import ApiKey, Tenant

SCHEME = "bearer"
USED_AT_PRECISION = timedelta(minutes=1)  # one write per key and minute, not one per request


@dataclass(frozen=True)
class Caller:
    """The program behind a request: one key of one workspace."""

    tenant: TenantRef
    actor: str  # as the audit log names it
    scopes: frozenset[str] = field(default_factory=frozenset)
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False


class ApiKeyAuthentication(BaseAuthentication):
    """Turns a key into a `Caller`. No header at all leaves the request anonymous; permissions refuse it then."""

    def authenticate(self, request: Request) -> tuple[Caller, ApiKey] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        scheme, _, plain = header.partition(" ")
        if not header:
            return None
        if scheme.lower() != SCHEME:
            raise MissingApiKey("Send an API key: `Authorization: Bearer am_live_...`.")
        key = find_key(plain.strip(), now=timezone.now())
        workspace = getattr(request._request, "tenant", None)
        if workspace is not None and workspace.id != key.tenant_id:
            raise _unknown()  # on a workspace's own host only its own keys are known
        tenant = TenantRef(id=key.tenant_id, schema_name=key.tenant.schema_name, slug=key.tenant.slug)
        return Caller(tenant, f"key:{key.prefix}", frozenset(key.scopes)), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="automate"'


def find_key(plain: str, *, now: datetime) -> ApiKey:
    """The row of a key that is good at `now`, with its tenant; its use is noted to the minute.

    Raises InvalidApiKey and WorkspaceSuspended. A mistyped key costs no query: it has a checksum.
    """
    if not plain.isascii() or not is_well_formed(plain):
        raise _unknown()
    key = ApiKey.objects.select_related("tenant").filter(hash=key_hash(plain)).first()
    if key is None:
        raise _unknown()
    if key.revoked_at is not None:
        raise InvalidApiKey(
            "This API key was revoked. Make a new one under Developers, API keys.", details={"reason": "revoked"}
        )
    if key.expires_at is not None and key.expires_at <= now:
        raise InvalidApiKey(
            "This API key has expired. Use the key that replaced it, or make a new one.", details={"reason": "expired"}
        )
    if key.tenant.status != Tenant.Status.ACTIVE:
        raise WorkspaceSuspended("This workspace is suspended. Its owner can say why.")
    _note_use(key, now)
    return key


def _note_use(key: ApiKey, now: datetime) -> None:
    if key.latest_used_at is None or now - key.latest_used_at >= USED_AT_PRECISION:
        stale = Q(latest_used_at=None) | Q(latest_used_at__lt=now)
        ApiKey.objects.filter(stale, pk=key.pk).update(latest_used_at=now)


def _unknown() -> InvalidApiKey:
    return InvalidApiKey(
        "This API key is not known. Copy it again from where it was shown, or make a new one.",
        details={"reason": "unknown"},
    )
