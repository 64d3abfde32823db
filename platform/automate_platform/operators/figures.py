"""What an operator sees first: how the installation is, in a few queries over public tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from automate_tenants import first_events
from automate_tenants.first_events import TimeToFirstEvent
from automate_tenants.models import (
    DeletedWorkspace,
    DispatchLease,
    DispatchTenant,
    FailedSignup,
    InstallationHalt,
    Tenant,
    TenantMigration,
)


@dataclass(frozen=True)
class Figures:
    """Counts of now."""

    active: int
    suspended: int
    deleting: int
    waiting: int  # workspaces with work that nobody has claimed yet
    working: int  # batches in the hands of workers
    paused: int
    failed_migrations: list[str]
    failed_signups: int  # that no operator has settled
    stuck_deletions: int
    halted: InstallationHalt | None
    first_event: TimeToFirstEvent


def now(at: datetime) -> Figures:
    """Figures at this moment. A workspace's first event is looked for where none is noted, at most 500 of them."""
    first_events.note()
    states = Tenant.objects.aggregate(
        active=Count("pk", filter=Q(status=Tenant.Status.ACTIVE)),
        suspended=Count("pk", filter=Q(status=Tenant.Status.SUSPENDED)),
        deleting=Count("pk", filter=Q(status=Tenant.Status.DELETING)),
    )
    dispatch = DispatchTenant.objects.aggregate(
        waiting=Count("pk", filter=Q(ready=True, paused_until=None)),
        paused=Count("pk", filter=Q(paused_until__gt=at)),
    )
    failed = TenantMigration.objects.filter(status=TenantMigration.Status.FAILED).values("tenant_id")
    return Figures(
        **states,
        **dispatch,
        working=DispatchLease.objects.filter(lease_until__gt=at).count(),
        failed_migrations=list(Tenant.objects.filter(pk__in=failed).order_by("slug").values_list("slug", flat=True)),
        failed_signups=FailedSignup.objects.filter(settled_at=None).count(),
        stuck_deletions=DeletedWorkspace.objects.filter(ended_at=None).exclude(latest_error="").count(),
        halted=InstallationHalt.objects.first(),
        first_event=first_events.time_to_first_event(),
    )
