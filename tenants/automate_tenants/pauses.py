"""Pauses in the dispatch: why a tenant's work waits, until somebody lets it go on.

A suspended tenant and one whose migration failed wait without an end; a broken one 30 s at a time (`sql/claim`). The
reason stands in `latest_error`, so that ending one kind of pause never ends the other.
"""

from __future__ import annotations

from datetime import UTC, datetime

from automate_tenants.models import DispatchTenant, Tenant

FOREVER = datetime(9999, 1, 1, tzinfo=UTC)  # Python has no datetime for PostgreSQL's 'infinity'
SUSPENDED = "suspended"
MIGRATION_FAILED = "migration failed: "
_MAX_LENGTH = 500


def pause_suspended(tenant_id: int) -> None:
    """Suspension stops the tenant; if a failed migration does so already, that reason stays."""
    paused = DispatchTenant.objects.filter(tenant_id=tenant_id).exclude(latest_error__startswith=MIGRATION_FAILED)
    paused.update(paused_until=FOREVER, latest_error=SUSPENDED)


def pause_failed_migration(tenant_id: int, problem: str) -> None:
    """The tenant's tables may be between two versions: no work until a run of the migrations succeeds."""
    reason = f"{MIGRATION_FAILED}{problem}"[:_MAX_LENGTH]
    DispatchTenant.objects.filter(tenant_id=tenant_id).update(paused_until=FOREVER, latest_error=reason)


def end_suspension(tenant_id: int) -> None:
    """Work goes on, unless a failed migration holds it too."""
    paused = DispatchTenant.objects.filter(tenant_id=tenant_id, latest_error=SUSPENDED)
    paused.update(paused_until=None, latest_error="", ready=True)


def end_failed_migration(tenant_id: int) -> None:
    """Work goes on, unless the tenant is suspended."""
    paused = DispatchTenant.objects.filter(tenant_id=tenant_id, latest_error__startswith=MIGRATION_FAILED)
    if Tenant.objects.filter(pk=tenant_id, status=Tenant.Status.SUSPENDED).exists():
        paused.update(latest_error=SUSPENDED)
    else:
        paused.update(paused_until=None, latest_error="", ready=True)
