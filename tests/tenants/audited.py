"""What the tests of the audit chain share: entries to write, findings to look for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from automate.services import audit
from automate_tenants.audit_chain import verify
from automate_tenants.context import TenantRef, tenant_scope
from tests.support.workspaces import Workspace

Tamper = Callable[[str], None]


def write(tenant: TenantRef, count: int = 5, *, now: datetime | None = None) -> None:
    with tenant_scope(tenant):
        for number in range(count):
            audit.record(
                actor="user:1",
                action="test.change",
                resource=f"thing:{number}",
                details={"number": number, "part": 0.1, "text": "ü"},
                now=now or timezone.now(),
            )


def found(tenant: Workspace, *, later: timedelta = timedelta(minutes=2)) -> list[str]:
    """The kinds of what `verify` finds, looking `later`."""
    [verdict] = verify([tenant.ref.slug], now=timezone.now() + later)
    return [finding.kind for finding in verdict.findings]
