"""Pauses in the dispatch: why a tenant's work waits, until somebody lets it go on.

A suspended tenant, one whose migration failed and one whose kill switch is on wait without an end; a broken one 30 s at
a time (`sql/claim`). Each kind is ended by itself: the reason of whatever still holds the tenant stands in
`latest_error`.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.db.models import Q

from automate_tenants.models import DispatchTenant, Tenant

FOREVER = datetime(9999, 1, 1, tzinfo=UTC)  # Python has no datetime for PostgreSQL's 'infinity'
SUSPENDED = "suspended"  # or being deleted
HALTED = "halted by its kill switch"
MIGRATION_FAILED = "migration failed: "
_MAX_LENGTH = 500


def pause_suspended(tenant_id: int) -> None:
    """Suspension stops the tenant; if a failed migration does so already, that reason stays."""
    _pause(tenant_id, SUSPENDED)


def pause_failed_migration(tenant_id: int, problem: str) -> None:
    """The tenant's tables may be between two versions: no work until a run of the migrations succeeds."""
    reason = f"{MIGRATION_FAILED}{problem}"[:_MAX_LENGTH]
    DispatchTenant.objects.filter(tenant_id=tenant_id).update(paused_until=FOREVER, latest_error=reason)


def pause_halted(tenant_id: int, *, now: datetime) -> None:
    """The kill switch: nothing of the tenant is claimed any more; a reason that is there already stays."""
    DispatchTenant.objects.filter(tenant_id=tenant_id, halted_at=None).update(halted_at=now)
    _pause(tenant_id, HALTED)


def end_suspension(tenant_id: int) -> None:
    """Work goes on, unless something else holds it too."""
    _end(tenant_id, Q(latest_error=SUSPENDED))


def end_failed_migration(tenant_id: int) -> None:
    """Work goes on, unless something else holds it too."""
    _end(tenant_id, Q(latest_error__startswith=MIGRATION_FAILED))


def end_halt(tenant_id: int) -> None:
    """Work goes on, unless something else holds it too."""
    DispatchTenant.objects.filter(tenant_id=tenant_id).update(halted_at=None)
    _end(tenant_id, Q(latest_error=HALTED))


def _pause(tenant_id: int, reason: str) -> None:
    paused = DispatchTenant.objects.filter(tenant_id=tenant_id)
    told = Q(latest_error__startswith=MIGRATION_FAILED) | Q(latest_error=SUSPENDED)
    paused.exclude(told, paused_until=FOREVER).update(paused_until=FOREVER, latest_error=reason)


def _end(tenant_id: int, shown: Q) -> None:
    """Take this kind's reason away; what else holds the tenant takes its place."""
    paused = DispatchTenant.objects.filter(shown, tenant_id=tenant_id)
    if Tenant.objects.exclude(status=Tenant.Status.ACTIVE).filter(pk=tenant_id).exists():
        paused.update(latest_error=SUSPENDED)
    elif DispatchTenant.objects.filter(tenant_id=tenant_id, halted_at__isnull=False).exists():
        paused.update(latest_error=HALTED)
    else:
        paused.update(paused_until=None, latest_error="", ready=True)
