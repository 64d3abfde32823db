"""Plans are data, and data can be wrong; a workspace's plan reaches everything that it limits."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from automate.models import AuditLogEntry
from automate.policy import Limit, effective_policy, limit_in_force
from automate_billing import plans, subscriptions
from automate_billing.checks import check_plans
from automate_billing.models import Subscription
from automate_governance.errors import Invalid
from automate_tenants import workspace_settings
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.invitations import Sent, accept, invite
from automate_tenants.models import DispatchTenant, Invitation, Membership, Tenant, WebhookLimit
from automate_tenants.onboarding import open_workspace
from automate_tenants.seats import SeatsTaken
from automate_tenants.team import in_person
from tests.support.workspaces import Workspace

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def test_ours_are_free_pro_and_scale_each_with_more_than_the_one_before() -> None:
    free, pro, scale, unlimited = plans.all_plans().values()

    assert [free.code, pro.code, scale.code] == ["free", "pro", "scale"]
    for less, more in ((free, pro), (pro, scale)):
        assert all(less.included[meter] < more.included[meter] for meter in less.included)
        assert less.max_inflight < more.max_inflight
        assert less.weight < more.weight
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
        {"p": {"name": "P", "weight": 0}},
        {"p": {"name": "P", "weight": "heavy"}},
        {"p": {"name": "P", "retention_days": 0}},
        {"p": {"name": "P", "members": 0}},
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

    Subscription.objects.filter(pk=tenant_a.ref.id).delete()  # as before plans were there

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
    Subscription.objects.all().delete()
    file = tmp_path / "plans.json"
    file.write_text(json.dumps({"club": {"name": "Club", "policy": {"api_rate": 7}}}))
    settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "BILLING": {"plans": str(file), "default_plan": "club"}}

    with tenant_scope(tenant_a.ref):
        assert limit_in_force("api_rate") == Limit(7, "plan")


def on_free(settings: Any) -> None:
    settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "BILLING": {"default_plan": "free"}}


@pytest.mark.django_db
def test_a_new_workspace_has_its_plans_limits_when_it_opens(tenant_a: Workspace, settings: Any) -> None:
    on_free(settings)

    opened = open_workspace(name="Acme", slug="acme", owner_id=tenant_a.owner.pk, now=NOW)

    tenant = Tenant.objects.get(pk=opened.tenant.pk)
    assert (tenant.retention_days, DispatchTenant.objects.get(tenant_id=tenant.pk).max_inflight) == (7, 20)
    assert list(WebhookLimit.objects.filter(tenant_id=tenant.pk).values_list("layer", flat=True)) == ["plan"]
    made = Subscription.objects.get(pk=tenant.pk)
    assert (made.plan, made.since, made.changed_by) == ("free", NOW, "system")


@pytest.mark.django_db
def test_a_workspace_keeps_things_as_long_as_it_chose_whatever_plan_it_comes_to(tenant_a: Workspace) -> None:
    def kept_days() -> int | None:
        return Tenant.objects.get(pk=tenant_a.ref.id).kept_days

    def go_to(plan: str) -> None:
        subscriptions.change_plan(tenant_id=tenant_a.ref.id, plan=plan, actor="test", now=NOW)

    go_to("pro")
    with pytest.raises(Invalid, match="from 1 to 30"):
        workspace_settings.change(tenant_id=tenant_a.ref.id, actor="test", now=NOW, retention_days=31)
    workspace_settings.change(tenant_id=tenant_a.ref.id, actor="test", now=NOW, retention_days=14)
    seen = [kept_days()]
    for plan in ("scale", "free", "pro"):
        go_to(plan)
        seen.append(kept_days())
    workspace_settings.change(tenant_id=tenant_a.ref.id, actor="test", now=NOW, retention_days=0)

    assert [*seen, kept_days()] == [14, 14, 7, 14, 30]


@pytest.mark.django_db
def test_members_are_as_many_as_the_plan_says_when_invited_and_when_they_come(tenant_a: Workspace) -> None:
    def team_of(count: int) -> list[Sent]:
        emails = [f"{number}@example.com" for number in range(count)]
        with transaction.atomic():
            return invite(by=in_person(owner), emails=emails, role="viewer", now=NOW)

    owner = Membership.objects.get(tenant_id=tenant_a.ref.id)
    invited = team_of(3)  # the plan is without a limit
    subscriptions.change_plan(tenant_id=tenant_a.ref.id, plan="free", actor="test", now=NOW)

    with pytest.raises(SeatsTaken, match="The plan Free has room for 3 members, those invited among them"):
        team_of(4)
    assert Invitation.objects.count() == 3
    people = [get_user_model().objects.create_user(f"u{n}", email=f"{n}@example.com") for n in range(3)]
    for person, sent in zip(people[:2], invited[:2], strict=True):
        accept(sent.invitation, person, now=NOW)
    with pytest.raises(SeatsTaken, match="The plan Free has room for 3 members"), transaction.atomic():
        accept(invited[2].invitation, people[2], now=NOW)

    assert Membership.objects.filter(tenant_id=tenant_a.ref.id).count() == 3
    accept(invited[0].invitation.__class__.objects.create(**again(invited[0])), people[0], now=NOW)  # a member already


def again(sent: Sent) -> dict[str, Any]:
    """What another invitation of the same address needs."""
    old = sent.invitation
    names = ("tenant_id", "email", "role", "invited_by_id", "created_at", "expires_at", "first_sent_at")
    return {name: getattr(old, name) for name in names} | {"token_hash": b"x" * 32}
