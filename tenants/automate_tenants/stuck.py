"""Stuck work: jobs that are due and that no worker has taken for a while, by workspace; and ringing for them again.

Only schemas that the dispatch says something about are looked into: ready, paused, due, or with inserts that nobody
rang for. A workspace that the dispatch knows nothing of is found by the sweep, not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from automate.models import OutboxJob
from automate_tenants import pauses
from automate_tenants.context import TenantRef, tenant_scope
from automate_tenants.models import DispatchTenant, Tenant

LOOKED_AT = 200  # schemas in one look


@dataclass(frozen=True)
class Stuck:
    """One workspace's waiting work."""

    tenant_id: int
    slug: str
    due: int  # jobs that could have been claimed `minutes` ago
    oldest_minutes: int
    lost: int  # claimed, and the lease has run out
    why: str
    may_go: bool  # false where somebody holds it on purpose


def find(*, minutes: int) -> list[Stuck]:
    """Workspaces with work that waits longer than that, the longest first."""
    now = timezone.now()
    marked = Q(ready=True) | Q(paused_until__gt=now) | Q(wake_at__lte=now) | Q(inflight__gt=0)
    slugs = dict(Tenant.objects.values_list("pk", "slug"))
    rows = DispatchTenant.objects.filter(marked).order_by("-ready", "vtime")[:LOOKED_AT]
    found = [one for row in rows if row.pk in slugs and (one := _look(row, slugs[row.pk], minutes))]
    return sorted(found, key=lambda one: -one.oldest_minutes)


def set_going(tenant_id: int) -> str:
    """Ring for the workspace, and take away a pause that passes by itself; in words what was done.

    A suspension, a kill switch and a failed migration stay: each is ended where it was begun.
    """
    if held := _held(DispatchTenant.objects.get(pk=tenant_id)):
        return f"not set going: {held}"
    now = timezone.now()
    with transaction.atomic():
        passing = DispatchTenant.objects.filter(pk=tenant_id, paused_until__isnull=False)
        was_paused = passing.update(paused_until=None, latest_error="")
        DispatchTenant.objects.filter(pk=tenant_id).update(wake_at=now)
    with connection.cursor() as cursor:
        cursor.execute("SELECT public.automate_ring_v1(%s::bigint[])", [[tenant_id]])
    return "rung for; its pause is over" if was_paused else "rung for"


def _look(row: DispatchTenant, slug: str, minutes: int) -> Stuck | None:
    now = timezone.now()
    before = now - timedelta(minutes=minutes)
    try:
        with tenant_scope(TenantRef(row.pk, row.schema_name, slug)):
            due = OutboxJob.objects.filter(status=OutboxJob.Status.PENDING, available_at__lte=before)
            count, oldest = due.count(), due.order_by("available_at").values_list("available_at", flat=True).first()
            lost = OutboxJob.objects.filter(status=OutboxJob.Status.CLAIMED, lease_expires_at__lt=before).count()
    except DatabaseError as error:
        return Stuck(row.pk, slug, 0, 0, 0, f"its tables cannot be read: {type(error).__name__}", may_go=False)
    if not count and not lost:
        return None
    waited = int((now - oldest).total_seconds() // 60) if oldest else minutes
    held = _held(row)
    return Stuck(row.pk, slug, count, waited, lost, held or _why(row), may_go=not held)


def _held(row: DispatchTenant) -> str:
    """By whom it is held on purpose; "" when by nobody."""
    is_forever = row.paused_until is not None and row.paused_until >= pauses.FOREVER
    return row.latest_error or "paused" if is_forever else ""


def _why(row: DispatchTenant) -> str:
    if row.paused_until is not None and row.paused_until > timezone.now():
        return f"it failed just now and is tried again: {row.latest_error}"
    if row.inflight >= row.max_inflight:
        return f"all {row.max_inflight} places of its plan are taken"
    return "no worker has come to it" if row.ready else "nobody rang for it"
