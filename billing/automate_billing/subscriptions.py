"""Which plan a workspace is on, and putting it on another one.

`change_plan` is the one way in: today an operator's command, later the event of a payment provider. What a plan limits
is copied to where it is asked for (dispatch, retention, webhook rates); policy asks for it each time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import partial

from django.db import transaction

from automate import host
from automate.execution.flow import places
from automate.policy import effective_policy
from automate_billing import limits, plans
from automate_billing.models import Subscription, UsageAlert
from automate_billing.plans import Plan
from automate_tenants import audit, policy_copies
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.models import DispatchTenant, Tenant
from automate_tenants.provisioning import ref

SYSTEM = "system"


def plan_of(tenant_id: int) -> Plan:
    """The workspace's plan; the default where nobody has chosen one. Raises InvalidPlans for a plan that is gone."""
    code = Subscription.objects.filter(pk=tenant_id).values_list("plan", flat=True).first()
    return plans.get(code) if code else plans.default()


def since_and_plan_of(tenant_id: int) -> tuple[datetime | None, Plan]:
    """Since when the workspace is on which plan; None where nobody has put it on one."""
    found = Subscription.objects.filter(pk=tenant_id).values_list("since", "plan").first()
    return (found[0], plans.get(found[1])) if found else (None, plans.default())


def plans_of(tenant_ids: Iterable[int]) -> dict[int, Plan]:
    """The same of many in one query."""
    known, otherwise = plans.all_plans(), plans.default()
    rows = Subscription.objects.filter(pk__in=list(tenant_ids)).values_list("pk", "plan")
    return dict.fromkeys(tenant_ids, otherwise) | {pk: known.get(code, otherwise) for pk, code in rows}


@transaction.atomic
def change_plan(*, tenant_id: int, plan: str, actor: str, now: datetime) -> Subscription:
    """Put the workspace on `plan` (a code), from this moment on; what it has used stays counted.

    The same plan again changes nothing. Raises InvalidPlans.
    """
    chosen = plans.get(plan)
    tenant = Tenant.objects.get(pk=tenant_id)
    made, is_new = Subscription.objects.select_for_update().get_or_create(
        pk=tenant_id, defaults={"plan": chosen.code, "since": now, "changed_by": actor[:200]}
    )
    if not is_new and made.plan == chosen.code:
        return made
    before = plans.default().code if is_new else made.plan  # which may be gone from the file: one can leave it
    made.plan, made.since, made.changed_by = chosen.code, now, actor[:200]
    made.save()
    details = {"before": {"plan": before}, "after": {"plan": chosen.code}}
    resource = f"tenant:{tenant_id}"
    audit.record(ref(tenant), actor=actor, action="plan.change", resource=resource, details=details, now=now)
    apply(tenant, chosen)
    UsageAlert.objects.filter(tenant_id=tenant_id, period_ends_at__gt=now).delete()  # they spoke of another plan
    transaction.on_commit(partial(limits.keep, tenant_id, chosen, now=now))
    return made


def apply(tenant: Tenant, plan: Plan) -> None:
    """Copy what the plan limits to where it is asked for; the policy in force is read anew everywhere."""
    Tenant.objects.filter(pk=tenant.pk).update(retention_days=plan.retention_days)
    DispatchTenant.objects.filter(tenant_id=tenant.pk).update(max_inflight=plan.max_inflight, weight=plan.weight)
    with tenant_scope(ref(tenant)), transaction.atomic():
        policy = effective_policy()
        policy_copies.apply(policy)
        most = policy.limit("max_concurrent_runs")
        places.recap(most.value if most else None)
        host.current().config_changed()


@transaction.atomic
def begin_one(tenant_id: int, *, now: datetime) -> None:
    """Put the workspace on the default plan unless it is on one; in the transaction that opens it."""
    plan = plans.default()
    given = {"plan": plan.code, "since": now, "changed_by": SYSTEM}
    if Subscription.objects.get_or_create(pk=tenant_id, defaults=given)[1]:
        apply(Tenant.objects.get(pk=tenant_id), plan)


def begin(now: datetime) -> list[int]:
    """Put workspaces without a plan on the default one; which. They were made by code that knew no plans."""
    with public_scope():
        started = Subscription.objects.values("pk")
        new = list(Tenant.objects.exclude(pk__in=started).order_by("pk")[:100])
        for tenant in new:
            begin_one(tenant.pk, now=tenant.created_at)
        return [tenant.pk for tenant in new]


def apply_all(*, except_for: Collection[str] = ()) -> None:
    """After `automate migrate`: what the file of plans says now holds for everybody on them."""
    with public_scope():
        tenants = list(Tenant.objects.filter(pk__in=Subscription.objects.values("pk")).exclude(slug__in=except_for))
        found = plans_of([tenant.pk for tenant in tenants])
        for tenant in tenants:
            with transaction.atomic():
                apply(tenant, found[tenant.pk])
