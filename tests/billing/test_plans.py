"""Plans are data, and data can be wrong; a workspace's plan reaches everything that it limits."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from automate.models import AuditLogEntry
from automate.policy import Limit, effective_policy, limit_in_force
from automate_billing import plans, subscriptions
from automate_billing.checks import check_plans
from automate_billing.models import Subscription
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.models import DispatchTenant, Tenant, WebhookLimit
from tests.support.workspaces import Workspace

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def test_ours_are_free_pro_and_scale_each_with_more_than_the_one_before() -> None:
    free, pro, scale, unlimited = plans.all_plans().values()

    assert [free.code, pro.code, scale.code] == ["free", "pro", "scale"]
    for less, more in ((free, pro), (pro, scale)):
        assert all(less.included[meter] < more.included[meter] for meter in less.included)
        assert less.max_inflight < more.max_inflight
    assert (unlimited.included, unlimited.policy) == ({}, {})


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {},
        {"p": {}},
        {"p": {"name": "P", "colour": "red"}},
        {"p": {"name": "P", "included": {"events": -1}}},
        {"p": {"name": "P", "included": {"coffees": 1}}},
        {"p": {"name": "P", "max_inflight": 0}},
        {"p": {"name": "P", "retention_days": 0}},
        {"p": {"name": "P", "policy": {"webhook_rate": "many"}}},
        {"p": {"name": "P", "policy": {"allow_ssrf": True}}},
    ],
)
def test_plans_that_cannot_be_used_are_refused(wrong: Any) -> None:
    with pytest.raises(plans.InvalidPlans):
        plans.read(wrong)


def test_an_installation_brings_its_own_and_a_default_that_is_not_there_stops_the_start(
    tmp_path: Path, settings: Any
) -> None:
    file = tmp_path / "plans.json"
    file.write_text(json.dumps({"club": {"name": "Club"}}))
    settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "BILLING": {"plans": str(file), "default_plan": "club"}}

    assert (plans.default().name, check_plans()) == ("Club", [])

    settings.DJANGO_AUTOMATE["BILLING"]["default_plan"] = "tennis"
    assert [message.id for message in check_plans()] == ["billing.E001"]


@pytest.mark.django_db
def test_a_plan_reaches_dispatch_retention_rates_and_policy_and_the_audit_log(
    tenant_a: Workspace, tenant_b: Workspace
) -> None:
    with public_scope():
        for _ in range(2):  # the second changes nothing
            subscriptions.change_plan(tenant_id=tenant_a.ref.id, plan="free", actor="operator:me", now=NOW)
        tenant, other = (Tenant.objects.get(pk=one.ref.id) for one in (tenant_a, tenant_b))
        dispatch = DispatchTenant.objects.get(tenant_id=tenant.pk)

        assert (tenant.retention_days, dispatch.max_inflight, other.retention_days) == (7, 20, None)
        assert list(WebhookLimit.objects.values_list("tenant_id", "layer")) == [(tenant.pk, "plan")]
    with tenant_scope(tenant_a.ref):
        limit = effective_policy().limit("webhook_rate")
        assert limit is not None
        assert (limit.value, limit.layer) == (300, "plan")
        [entry] = AuditLogEntry.objects.filter(action="plan.change")
        assert (entry.actor, entry.details) == (
            "operator:me",
            {"before": {"plan": "unlimited"}, "after": {"plan": "free"}},
        )
    with tenant_scope(tenant_b.ref):
        assert effective_policy().limit("webhook_rate") is None


@pytest.mark.django_db
def test_a_workspace_without_a_plan_is_put_on_the_default_one(tenant_a: Workspace, settings: Any) -> None:
    settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "BILLING": {"default_plan": "free"}}

    assert tenant_a.ref.id in subscriptions.begin(NOW + timedelta(days=1))
    assert subscriptions.begin(NOW) == []
    with public_scope():
        made = Subscription.objects.get(pk=tenant_a.ref.id)
        assert (made.plan, made.since) == ("free", Tenant.objects.get(pk=tenant_a.ref.id).created_at)
        assert DispatchTenant.objects.get(tenant_id=tenant_a.ref.id).max_inflight == 20


@pytest.mark.django_db
def test_one_rule_is_looked_up_where_a_plan_has_it_and_nowhere_else(
    tenant_a: Workspace, tmp_path: Path, settings: Any, django_assert_num_queries: Any
) -> None:
    with tenant_scope(tenant_a.ref):
        assert limit_in_force("webhook_rate") is None  # the connection is at the workspace from here on
        with django_assert_num_queries(1):
            assert limit_in_force("api_rate") is None  # no plan of ours has one: only the workspace's own is read
    file = tmp_path / "plans.json"
    file.write_text(json.dumps({"club": {"name": "Club", "policy": {"api_rate": 7}}}))
    settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "BILLING": {"plans": str(file), "default_plan": "club"}}

    with tenant_scope(tenant_a.ref):
        assert limit_in_force("api_rate") == Limit(7, "plan")
