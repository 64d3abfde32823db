"""What is told from rows that stand there anyway, and in the transaction in which something happens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from automate.models import WebhookEndpoint, Workflow
from automate.services import create_workflow, publish_version
from automate.services.halts import halt, resume
from automate_llm.models import Budget
from automate_tenants import halts
from automate_tenants.context import current_tenant, public_scope, tenant_scope
from automate_tenants.invitations import accept, invite
from automate_tenants.models import ApiKey, Membership, NotificationTurn, RefusalCount, RefusalEpisode, RequestCount
from automate_tenants.notifications import choices, inbox, keeping, kinds, rounds, watching
from automate_tenants.notifications.models import Choice, Notification
from automate_tenants.team import in_person
from tests.isolation.conftest import new_member
from tests.support.workspaces import Workspace
from tests.tenants.notifications.conftest import NOW, later, look, told

pytestmark = pytest.mark.django_db


def owner_of(workspace: Workspace) -> Membership:
    with public_scope():
        return Membership.objects.get(tenant_id=workspace.ref.id, user=workspace.owner)


def titles(workspace: Workspace) -> list[str]:
    return [title for _, title, _ in told(workspace)]


def test_a_turn_of_the_kill_switch_is_told_although_nothing_runs(tenant_a: Workspace, letters: list[Any]) -> None:
    with tenant_scope(tenant_a.ref):
        halt(actor="test", now=NOW, reason="an incident")
    rounds.go_round(now=NOW)
    with tenant_scope(tenant_a.ref):
        resume(actor="test", now=later(hours=1))
    halts.tell_workspaces(verb="halt", actor="test", now=later(hours=2), reason="maintenance")

    assert titles(tenant_a) == [
        "The engine is paused in this workspace",
        "The engine goes on in this workspace",
        "The engine is paused for the whole installation",
    ]
    assert [letter.subject for letter in letters] == ["Alpha: The engine is paused in this workspace"]


def test_what_is_taken_back_was_never_told(tenant_a: Workspace) -> None:
    with tenant_scope(tenant_a.ref), transaction.atomic():
        halt(actor="test", now=NOW)
        transaction.set_rollback(True)

    assert told(tenant_a) == []
    with public_scope():
        assert not NotificationTurn.objects.filter(pk=tenant_a.ref.id, send_at__isnull=False).exists()


def test_each_threshold_of_a_budget_is_told_once(tenant_a: Workspace, tenant_b: Workspace) -> None:
    with tenant_scope(tenant_a.ref):
        workflow = Workflow.objects.get(slug="sample")
        shared = {"period": "2026-06-15", "cap_micros": 1_000_000, "updated_at": NOW}
        Budget.objects.create(scope="tenant", spent_micros=800_000, alerted_percent=80, **shared)
        Budget.objects.create(
            scope="workflow", subject=str(workflow.pk), spent_micros=990_000, alerted_percent=100, **shared
        )
        Budget.objects.create(scope="run", subject=str(uuid4()), spent_micros=1, alerted_percent=50, **shared)
    for seconds in (5, 30):
        look(tenant_a, later(seconds=seconds))

    assert sorted(titles(tenant_a)) == [
        f"The workflow {workflow.name} has used all of its LLM budget of 2026-06-15",
        "The workspace has used 80 % of its LLM budget of 2026-06-15",
    ]
    assert told(tenant_b) == []


def test_a_key_that_ends_and_one_that_lies_idle_are_told_once(tenant_a: Workspace) -> None:
    with public_scope():
        shared = {"tenant_id": tenant_a.ref.id, "prefix": "am_live_x", "last4": "abcd", "created_by": "system"}
        for number, more in enumerate(
            (
                {"name": "ending", "expires_at": later(days=3), "created_at": NOW},
                {"name": "idle", "created_at": later(days=-100)},
                {"name": "used", "created_at": later(days=-100), "latest_used_at": later(days=-1)},
            )
        ):
            ApiKey.objects.create(**shared, **more, hash=bytes([number]) * 32)
    for day in (0, 1):
        look(tenant_a, later(days=day))

    assert sorted(titles(tenant_a)) == [
        "Nobody has used the API key idle for 90 days",
        "The API key ending stops working on 2026-06-18 12:00 UTC",
    ]


def test_a_webhook_that_refuses_everything_is_told_and_one_that_accepts_something_is_not(tenant_a: Workspace) -> None:
    with tenant_scope(tenant_a.ref):
        endpoint = WebhookEndpoint.objects.get(slug="default")
    with public_scope():
        facts = {"tenant_id": tenant_a.ref.id, "endpoint_id": endpoint.pk}
        RefusalEpisode.objects.create(
            **facts, started_at=NOW, latest_at=NOW, code="invalid_signature", message="No signature matches.",
            trace_id=uuid4(), due_at=NOW,
        )  # fmt: skip
        RefusalCount.objects.create(**facts, code="invalid_signature", minute=NOW, count=12)
        accepted = RequestCount.objects.create(**facts, since=NOW, accepted=1, duplicates=0, latest_at=NOW)
    look(tenant_a, later(minutes=1))
    assert told(tenant_a) == []

    with public_scope():
        RequestCount.objects.filter(pk=accepted.pk).update(latest_at=NOW - timedelta(hours=2))
    for minutes in (2, 3):
        look(tenant_a, later(minutes=minutes))

    assert titles(tenant_a) == ["The webhook default refuses everything that is sent to it"]


def test_a_secret_that_a_live_workflow_misses_is_told_and_a_drafts_is_not(tenant_a: Workspace) -> None:
    step = {
        "id": "a",
        "connector": "http",
        "action": "request",
        "params": {"method": "GET", "url": "https://a.example"},
    }
    with tenant_scope(tenant_a.ref):
        for slug, name in (("live", "ABSENT"), ("draft", "LATER")):
            params = {**step["params"], "headers": {"X-Key": {"$secret": name}}}  # type: ignore[dict-item]
            made = create_workflow(
                definition={
                    "slug": slug,
                    "name": slug,
                    "trigger": {"type": "event", "event_type": "a"},
                    "steps": [{**step, "params": params}],
                },
                actor=f"user:{tenant_a.owner.pk}",
                now=NOW,
            )
            if slug == "live":
                publish_version(workflow_id=made.pk, expected_revision=1, actor=f"user:{tenant_a.owner.pk}", now=NOW)
    look(tenant_a, later(seconds=5))

    assert titles(tenant_a) == ["The secret ABSENT is missing"]


def test_who_joins_is_told_to_those_who_manage_members_and_an_invitation_that_ends_too(tenant_a: Workspace) -> None:
    owner = owner_of(tenant_a)
    with public_scope():
        first, second = invite(by=in_person(owner), emails=["b@example.com", "c@example.com"], role="builder", now=NOW)
        person = new_member(tenant_a, "viewer")
        Membership.objects.filter(user=person).delete()
        person.email = "b@example.com"
        person.save()
        accept(first.invitation, person, now=later(hours=1))
    look(tenant_a, later(days=6))

    assert titles(tenant_a) == ["b@example.com has joined", "c@example.com has not answered the invitation"]
    with public_scope():
        joined = Membership.objects.get(tenant_id=tenant_a.ref.id, user=person)
    with tenant_scope(tenant_a.ref):
        assert inbox.of_member(owner).count() == 2
        assert not inbox.of_member(joined).exists()
    assert second.invitation.accepted_at is None


def test_choices_decide_what_reaches_whom_and_only_differences_are_kept(
    tenant_a: Workspace, letters: list[Any]
) -> None:
    owner = owner_of(tenant_a)
    with tenant_scope(tenant_a.ref):
        choices.choose(member=owner, wanted={kinds.PAUSED: {"email": False, "in_app": False}}, now=NOW)
        choices.choose(member=owner, wanted={kinds.PAUSED: {"webhook": True}}, now=NOW)
        assert Choice.objects.count() == 2
        halt(actor="test", now=NOW)
        assert not inbox.of_member(owner).exists()
    rounds.go_round(now=NOW)
    assert letters == []

    with tenant_scope(tenant_a.ref):
        choices.choose(member=owner, wanted={kinds.PAUSED: {"email": True, "in_app": True}}, now=NOW)
        assert not Choice.objects.exists()
        assert inbox.unread(owner).count() == 1


def test_old_ones_go_and_so_does_what_people_who_left_had_chosen(tenant_a: Workspace) -> None:
    with tenant_scope(tenant_a.ref):
        halt(actor="test", now=NOW)
        Choice.objects.create(user_id=999_999, kind=kinds.USAGE, channel="email", is_on=True)
        assert keeping.keep_house(now=NOW + timedelta(days=91)) >= 1
        assert not Notification.objects.exists()
        assert not Choice.objects.exists()


def test_a_workspace_that_cannot_be_looked_at_delays_no_other(
    tenant_a: Workspace, tenant_b: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = watching.lately

    def lately(**given: Any) -> None:
        if current_tenant().id == tenant_a.ref.id:
            raise KeyError("since")
        real(**given)

    monkeypatch.setattr(watching, "lately", lately)
    with public_scope():
        NotificationTurn.objects.all().delete()

    rounds.go_round(now=NOW)

    with public_scope():
        looked_at = dict(NotificationTurn.objects.values_list("tenant_id", "looked_at"))
    assert looked_at[tenant_b.ref.id] == NOW
    assert looked_at[tenant_a.ref.id] is None
