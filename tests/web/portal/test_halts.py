"""Governance, Kill switch: who may turn it, what every page says then, and that events wait and go on."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from automate.models import AuditLogEntry, Halt, OutboxJob, Workflow
from automate_tenants.context import tenant_scope
from automate_tenants.halts import halt_installation, tell_workspaces
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter

pytestmark = pytest.mark.django_db
URL = "/governance/kill-switch/"


def audited(workspace: Workspace) -> list[tuple[str, str, dict[str, object]]]:
    with tenant_scope(workspace.ref):
        entries = AuditLogEntry.objects.filter(action__regex=r"\.(halt|resume)$").order_by("id")
        return [(entry.actor, entry.action, entry.details) for entry in entries]


def test_a_halted_workspace_says_so_on_every_page_takes_events_in_and_goes_on(
    tenant_a: Workspace, enter: Enter
) -> None:
    browser = enter(tenant_a)
    key = {"Authorization": f"Bearer {tenant_a.api_key}"}

    halted = browser.post(URL, {"is_halted": "yes", "reason": "an <b>incident</b>"}, follow=True).content.decode()
    pages = [browser.get(path).content.decode() for path in ("/runs/", "/governance/policies/", "/workflows/")]
    sent = Client().post(
        "/api/v1/events", json.dumps({"type": "order.created", "payload": {}}), "application/json", headers=key
    )
    with tenant_scope(tenant_a.ref):
        waiting = OutboxJob.objects.filter(kind="event", status="PENDING").count()
    event = browser.get(f"/events/{sent.json()['event_id']}/").content.decode()
    page = browser.get(URL).content.decode()
    resumed = browser.post(URL, {"is_halted": "no"}, follow=True).content.decode()

    assert all("The engine is paused in this workspace: an &lt;b&gt;incident" in text for text in [halted, *pages])
    assert [text.count('class="banner') for text in pages] == [1, 1, 1]  # the owner's address is not confirmed either
    assert (sent.status_code, waiting) == (202, 1)
    assert "its turn comes when the engine goes on" in event
    assert "1 event or run waiting" in page
    assert tenant_a.owner.email in page
    assert "The workspace goes on" in resumed
    assert "The engine is paused" not in resumed
    actor = f"user:{tenant_a.owner.pk}"
    assert audited(tenant_a) == [
        (actor, "engine.halt", {"reason": "an <b>incident</b>"}),
        (actor, "engine.resume", {"runs": 0}),
    ]


def test_one_workflow_is_halted_and_resumed_alone(tenant_a: Workspace, enter: Enter) -> None:
    browser = enter(tenant_a, "operator")
    with tenant_scope(tenant_a.ref):
        workflow = Workflow.objects.get()

    halted = browser.post(URL, {"workflow": workflow.slug, "is_halted": "yes", "reason": "odd"}, follow=True)
    with tenant_scope(tenant_a.ref):
        switches = list(Halt.objects.values_list("pk", "reason"))
    again = browser.post(URL, {"workflow": workflow.slug, "is_halted": "yes"}, follow=True)
    browser.post(URL, {"workflow": workflow.slug, "is_halted": "no"})

    assert switches == [(workflow.pk, "odd")]
    assert "The engine is paused" not in halted.content.decode()
    assert "It is halted already." in again.content.decode()
    assert [action for _, action, _ in audited(tenant_a)] == ["workflow.halt", "workflow.resume"]


def test_a_viewer_sees_it_and_cannot_turn_it(tenant_a: Workspace, enter: Enter) -> None:
    viewer = enter(tenant_a, "viewer")

    assert "needs the role Operator or above" in viewer.get(URL).content.decode()
    assert viewer.post(URL, {"is_halted": "yes"}).status_code == 403
    assert audited(tenant_a) == []


def test_the_installations_switch_is_told_here_too(tenant_a: Workspace, enter: Enter) -> None:
    from django.utils import timezone

    halt_installation(actor="system", now=timezone.now(), reason="maintenance")

    page = enter(tenant_a).get(URL).content.decode()

    assert "The engine is paused for the whole installation: maintenance" in page


def test_a_workflow_that_is_not_there_is_a_message(tenant_a: Workspace, enter: Enter) -> None:
    answer = enter(tenant_a).post(URL, {"workflow": "gone", "is_halted": "yes"}, follow=True)

    assert "There is no workflow" in answer.content.decode()


def test_halting_the_installation_is_in_every_workspaces_audit_log(tenant_a: Workspace, tenant_b: Workspace) -> None:
    from django.utils import timezone

    told = tell_workspaces(verb="halt", actor="operator:command line", now=timezone.now(), reason="maintenance")

    assert told == 2
    for workspace in (tenant_a, tenant_b):
        with tenant_scope(workspace.ref):
            entry = AuditLogEntry.objects.get(action="installation.halt")
        assert (entry.actor, entry.details) == ("operator:command line", {"reason": "maintenance"})
