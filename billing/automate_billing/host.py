"""The engine's questions, answered for a workspace on a plan: `TenantHost`, and what plans and usage add to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from automate_billing import keeping, limits, plans, rounds, subscriptions
from automate_billing.models import Subscription, UsageDay
from automate_tenants.context import current_tenant, tenant_or_none
from automate_tenants.host import Seats, TenantHost
from automate_tenants.models import Tenant


class PlanHost(TenantHost):
    """Named in `DJANGO_AUTOMATE["HOST"]` of the hosted platform."""

    def limits(self) -> dict[str, Any]:
        """`DJANGO_AUTOMATE["PLAN"]`, which all workspaces have, and in its place what the workspace's own plan says."""
        everybody = super().limits()
        tenant = tenant_or_none()
        return everybody if tenant is None else {**everybody, **subscriptions.plan_of(tenant.id).policy}

    def limits_of(self, rule: str) -> dict[str, Any]:
        """Each request of the API asks for its rate, and few plans set one."""
        has_it = rule in super().limits() or any(rule in plan.policy for plan in plans.all_plans().values())
        return self.limits() if has_it else {}

    def hold_new_event(self, source: str) -> datetime | None:
        return limits.take_room(source) or super().hold_new_event(source)

    def workspace_opened(self, *, now: datetime) -> None:
        """A new workspace has its plan's limits from its first moment on."""
        subscriptions.begin_one(current_tenant().id, now=now)

    def seats(self) -> Seats | None:
        plan = subscriptions.plan_of(current_tenant().id)
        return None if plan.members is None else Seats(plan.members, plan.name)

    def export_rows(self, tenant: Tenant) -> dict[str, Iterable[Mapping[str, Any]]]:
        days = UsageDay.objects.filter(tenant_id=tenant.pk).order_by("pk")
        plan = Subscription.objects.filter(pk=tenant.pk)
        return {
            "usage": days.values("day", "meter", "subject", "amount").iterator(chunk_size=500),
            "subscription": plan.values("plan", "since", "changed_by"),
        }

    def workspace_deleted(self, tenant: Tenant) -> None:
        keeping.forget(tenant)

    def count_usage(self, *, now: datetime) -> None:
        rounds.go_round(now=now)
