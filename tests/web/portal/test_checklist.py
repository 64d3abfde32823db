"""The checklist of five: computed from what is there, dismissed by one member, back from Help."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from automate.models import Workflow
from automate.services import publish_version, save_draft
from automate.services import secrets as secret_services
from automate_tenants.context import tenant_scope
from automate_tenants.models import Membership
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter, make_runs

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def sample(tenant_a: Workspace) -> Workflow:
    with tenant_scope(tenant_a.ref):
        return Workflow.objects.get(slug="sample")


def checklist_of(answer: Any) -> list[tuple[str, bool]]:
    return [(item.label, item.is_done) for item in answer.context["checklist"].items]


def test_it_appears_with_the_first_event_and_counts_what_was_done(
    enter: Enter, tenant_a: Workspace, sample: Workflow
) -> None:
    browser = enter(tenant_a)
    assert browser.get("/start/").context["checklist"] is None
    make_runs(tenant_a, 1)

    before = checklist_of(browser.get("/start/"))
    with tenant_scope(tenant_a.ref):
        draft = {**sample.draft, "name": "Ours"}
        saved = save_draft(workflow_id=sample.pk, definition=draft, expected_revision=1, actor="user:1", now=NOW)
        edited = checklist_of(browser.get("/events/"))
        changed = {**draft, "rule": None}
        saved = save_draft(workflow_id=sample.pk, definition=changed, expected_revision=2, actor="user:1", now=NOW)
        publish_version(
            workflow_id=sample.pk, expected_revision=saved.draft_revision, actor="user:1", now=timezone.now()
        )
        secret_services.create_secret(name="TOKEN", value="a value", actor="user:1", now=NOW)

    assert [done for _, done in before] == [True, False, False, False, False]
    assert [done for _, done in edited] == [True, True, False, False, False]
    assert [done for _, done in checklist_of(browser.get("/runs/"))] == [True, True, True, True, False]


def test_what_a_member_cannot_do_says_why_and_is_no_link(enter: Enter, tenant_a: Workspace) -> None:
    make_runs(tenant_a, 1)

    owner = enter(tenant_a).get("/start/")
    viewer = enter(tenant_a, "viewer").get("/start/")  # the second member: now someone was invited

    reasons = {item.label: item.reason for item in viewer.context["checklist"].items}
    assert reasons["Add a secret"] == "Needs one of the roles Owner, Admin."
    assert 'aria-disabled="true">Add a secret' in viewer.text
    assert checklist_of(owner)[-1] == ("Invite someone", False)
    assert '<a href="/team/"' in owner.text
    assert checklist_of(viewer)[-1] == ("Invite someone", True)


def test_one_member_dismisses_it_for_themselves_and_help_brings_it_back(enter: Enter, tenant_a: Workspace) -> None:
    make_runs(tenant_a, 1)
    owner, admin = enter(tenant_a), enter(tenant_a, "admin")

    gone = owner.post("/start/checklist/", {"is_shown": "no", "next": "/events/?status=accepted"})

    assert gone.headers["Location"] == "/events/?status=accepted"
    assert owner.get("/start/").context["checklist"] is None
    assert admin.get("/start/").context["checklist"] is not None
    assert Membership.objects.exclude(checklist_dismissed_at=None).count() == 1
    back = owner.post("/start/checklist/", {"is_shown": "yes"})
    assert back.headers["Location"] == "/start/#checklist"
    assert owner.get("/start/").context["checklist"] is not None
    away = owner.post("/start/checklist/", {"is_shown": "no", "next": "https://evil.example/"})
    assert away.headers["Location"] == "/"


def test_the_sample_is_marked_and_leaves_in_one_click_with_undo(
    enter: Enter, tenant_a: Workspace, sample: Workflow
) -> None:
    browser: Client = enter(tenant_a)
    assert "its runs are not billed" in browser.get("/workflows/").text

    answer = browser.post(f"/workflows/{sample.pk}/removed/", {"is_removed": "yes"}, follow=True)

    assert answer.context["rows"] == []
    assert answer.context["just_removed"] == sample
    assert "Undo" in answer.text and "No workflows yet" in answer.text
    assert browser.get("/start/").context["sample"] is None
    page = browser.get(f"/workflows/{sample.pk}/")
    assert "was moved to the trash" in page.text and "Save draft" not in page.text
    kept = {"is_removed": "no", "is_enabled": "yes"}  # as the Undo button sends it
    browser.post(f"/workflows/{sample.pk}/removed/", kept)
    assert [row.workflow.state for row in browser.get("/workflows/").context["rows"]] == ["live"]


def test_a_removed_workflow_is_not_found_by_the_ways_that_change_or_start_it(
    enter: Enter, tenant_a: Workspace, sample: Workflow
) -> None:
    browser = enter(tenant_a)
    browser.post(f"/workflows/{sample.pk}/removed/", {"is_removed": "yes"})

    assert browser.post(f"/workflows/{sample.pk}/removed/", {"is_removed": "yes"}).status_code == 404
    assert browser.post(f"/workflows/{sample.pk}/enabled/", {"is_enabled": "yes"}).status_code == 404
    assert browser.get(f"/workflows/{sample.pk}/runs/").status_code == 404
    assert enter(tenant_a, "operator").post(f"/workflows/{sample.pk}/removed/", {}).status_code == 403
