"""Who calls: an API key in `Authorization: Bearer am_live_...`. The key alone decides the workspace.

Nothing else in the request can: no host name, no header, no field in the body. Runs in the public scope; the view
enters the workspace afterwards (`views.ApiView`). A key is looked up on each request, so that revoking works at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from automate.ingest.refusal import InvalidApiKey, MissingApiKey, WorkspaceSuspended
from automate_tenants.context import TenantRef
from automate_tenants.keys import verify_key
from automate_tenants.models import ApiKey, Tenant
from automate_tenants.provisioning import ref


@dataclass(frozen=True)
class Caller:
    """The program behind a request: one key of one workspace."""

    tenant: TenantRef
    actor: str  # as the audit log names it
    scopes: frozenset[str]
    is_test: bool = False  # it tries things out: nothing of the workspace may be touched
    is_authenticated: ClassVar[bool] = True
    is_active: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False


class ApiKeyAuthentication(BaseAuthentication):
    """Turns a key into a `Caller`. No header at all leaves the request anonymous; `HasScope` refuses it then."""

    def authenticate(self, request: Request) -> tuple[Caller, ApiKey] | None:
        """Raises MissingApiKey, InvalidApiKey, WorkspaceSuspended."""
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        scheme, _, plain = header.partition(" ")
        if scheme.lower() != "bearer":
            raise MissingApiKey("Send an API key: `Authorization: Bearer am_live_...`.")
        key = verify_key(plain.strip(), now=timezone.now(), ip=request.META.get("REMOTE_ADDR") or None)
        workspace = getattr(request._request, "tenant", None)
        if key is None or (workspace is not None and workspace.id != key.tenant_id):
            # On a workspace's own host only its own keys are known.
            raise InvalidApiKey("This API key is unknown, expired or revoked. Copy it again or make a new one.")
        if key.tenant.status != Tenant.Status.ACTIVE:
            raise WorkspaceSuspended("This workspace is suspended. Its owner can say why.")
        return Caller(ref(key.tenant), f"key:{key.prefix}", frozenset(key.scopes), key.is_test), key
