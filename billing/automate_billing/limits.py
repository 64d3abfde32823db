"""Limits: over what its plan includes, a workspace's events are accepted and held; none is dropped.

Far from the limit nothing is counted down: what is used stands in the days. Near it (the last twentieth, at least 1,000
events) `Tenant.plan_room` says how many events are still included, and whoever stores events takes from it under the
row's lock, so the limit is exact however many gateways there are. At zero events are held. Runs and steps past their
limit make it zero as well. When there is room again (a new period, another plan) the oldest events go on, as many as
fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from automate import host
from automate.models import WebhookEndpoint
from automate.outbox.holding import OVER_PLAN_UNTIL
from automate_billing import statements
from automate_billing.meters import EVENTS, HELD, HOLDING
from automate_billing.models import UsageDelta
from automate_billing.period import period_at
from automate_billing.plans import Plan
from automate_llm.budgets.periods import zone_of
from automate_tenants.context import current_tenant, public_scope, tenant_scope
from automate_tenants.holding import is_full
from automate_tenants.models import Tenant
from automate_tenants.provisioning import ref

PLENTY = 1_000  # and a twentieth of what is included: with more left, nothing is counted down
NO_LIMIT = 10**12  # the room while events of an earlier limit still wait
RELEASED_AT_ONCE = 500  # events let go in one transaction
RELEASES = 20  # of one call; the next round goes on
_LOCK_CLASS = 0x504C414E  # "PLAN"


def near(included: int) -> int:
    """From how many events left on they are counted down.

    >>> near(10_000), near(500_000)
    (1000, 25000)
    """
    return max(PLENTY, included // 20)


def take_room(source: str) -> datetime | None:
    """For one event that the current workspace stores, in its transaction: until when it waits for the plan, if so."""
    tenant = current_tenant()
    mine = Tenant.objects.filter(pk=tenant.id, plan_room__isnull=False)
    if not mine.exists() or mine.filter(plan_room__gt=0).update(plan_room=F("plan_room") - 1):
        return None
    row = {"schema_name": tenant.schema_name, "at": timezone.now()}
    UsageDelta.objects.bulk_create(
        [
            UsageDelta(**row, meter=EVENTS, subject=source, amount=-1),  # taken off again what its insert counts
            UsageDelta(**row, meter=HELD, subject="", amount=1),
        ]
    )
    return OVER_PLAN_UNTIL


def keep(tenant_id: int, plan: Plan, *, now: datetime) -> int:
    """Set the workspace's room to what its plan leaves, and let held events go on where there is some; how many.

    May be called by many at once, stopped anywhere and called again: what is used says what is left.
    """
    with public_scope():
        tenant = Tenant.objects.get(pk=tenant_id)
        room = _set_room(tenant, plan, now)
        released = 0
        for _ in range(RELEASES if room else 0):
            step = _release(tenant)
            released += step
            if step < RELEASED_AT_ONCE:
                _stop_counting(tenant, plan, now)
                break
        return released


def _set_room(tenant: Tenant, plan: Plan, now: datetime) -> int | None:
    """The room that is left now; None: nobody counts it. Changed by a difference, so that what others take meanwhile
    stays taken, and nobody waits while it is reckoned.
    """
    with _alone(tenant):
        before, left = _standing(tenant, plan, now)
        mine = Tenant.objects.filter(pk=tenant.pk)
        if before is None:
            if _is_far(left, plan):
                return None
            mine.update(plan_room=left)
            return left
        wanted = NO_LIMIT if left is None else left
        if wanted != before:
            mine.update(plan_room=Greatest(0, F("plan_room") + (wanted - before)))
        return wanted


def _stop_counting(tenant: Tenant, plan: Plan, now: datetime) -> None:
    """Nothing waits any more: far from the limit, nobody needs to count."""
    with _alone(tenant):
        _, left = _standing(tenant, plan, now)
        if _is_far(left, plan):
            Tenant.objects.filter(pk=tenant.pk).update(plan_room=None)


@contextmanager
def _alone(tenant: Tenant) -> Iterator[None]:
    """A transaction in which nobody else sets this workspace's room; those who take from it are not held up."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK_CLASS, tenant.pk])
        yield


def _is_far(left: int | None, plan: Plan) -> bool:
    return left is None or left > near(plan.included.get(EVENTS, 0))


def _standing(tenant: Tenant, plan: Plan, now: datetime) -> tuple[int | None, int | None]:
    """The room as it stands, and the events that the plan still includes in this period; None: not limited."""
    limited = [meter for meter in HOLDING if meter in plan.included]
    period = period_at(now, tenant.timezone)
    values = {
        "tenant_id": tenant.pk,
        "schema": tenant.schema_name,
        "since": period.start,
        "since_at": datetime.combine(period.start, time.min, tzinfo=zone_of(tenant.timezone)),
        "meters": limited,
    }
    with connection.cursor() as cursor:
        cursor.execute(statements.load("count_used"), values)
        used = dict(cursor.fetchall())
    left = {meter: plan.included[meter] - used.get(meter, 0) for meter in limited}
    if any(units <= 0 for units in left.values()):
        return used["room"], 0
    return used["room"], left.get(EVENTS)


def _release(tenant: Tenant) -> int:
    """Let the oldest held events go on, as many as there is room for; nothing, if others took the room meanwhile."""
    mine = Tenant.objects.filter(pk=tenant.pk)
    wanted = min(RELEASED_AT_ONCE, mine.values_list("plan_room", flat=True).get() or 0)
    with tenant_scope(ref(tenant)), transaction.atomic():
        paused = [endpoint.source for endpoint in WebhookEndpoint.objects.filter(is_active=False)]
        values = {"limit": wanted, "paused": paused, "is_full": is_full(), "schema": tenant.schema_name}
        with connection.cursor() as cursor:
            cursor.execute(statements.load("release_over_plan"), values)
            released = int(cursor.fetchone()[0])
        if released and not mine.filter(plan_room__gte=released).update(plan_room=F("plan_room") - released):
            transaction.set_rollback(True)
            return 0
        if released:
            transaction.on_commit(host.current().ring)
    return released
