"""Audit entries about a tenant's public rows (keys, members, routes): written into the tenant's own log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from automate.services import audit
from automate_tenants.context import TenantRef, tenant_or_none, tenant_scope


def record(
    tenant: TenantRef, *, actor: str, action: str, resource: str, details: dict[str, Any], now: datetime
) -> None:
    """Append one entry to the tenant's log, in the caller's transaction."""
    if tenant_or_none() == tenant:
        audit.record(actor=actor, action=action, resource=resource, details=details, now=now)
        return
    with tenant_scope(tenant):
        audit.record(actor=actor, action=action, resource=resource, details=details, now=now)
