"""The JSON editor: problems beside their lines, drafts, publishing, and two people at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from automate.models import AuditLogEntry, Workflow
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter


def sample(workspace: Workspace) -> Workflow:
    with tenant_scope(workspace.ref):
        return Workflow.objects.get(slug="sample")


def form(workflow: Workflow, definition: Any, **more: Any) -> dict[str, Any]:
    text = definition if isinstance(definition, str) else json.dumps(definition, indent=2)
    return {"definition": text, "revision": workflow.draft_revision, "workflow": workflow.pk, **more}


def published(browser: Client, workflow: Workflow, definition: Any, **more: Any) -> Any:
    return browser.post(f"/workflows/{workflow.pk}/versions/", form(workflow, definition, **more), follow=True)


def test_publishing_makes_the_next_version_with_its_note(enter: Enter, tenant_a: Workspace) -> None:
    browser, workflow = enter(tenant_a), sample(tenant_a)
    changed = {**workflow.draft, "name": "Changed", "steps": workflow.draft["steps"][:1]}

    answer = published(browser, workflow, changed, note="fewer steps")

    assert b"Version 2 is live" in answer.content
    page = browser.get(f"/workflows/{workflow.pk}/versions/2/")
    assert b"fewer steps" in page.content
    assert b"<del>" in page.content  # the steps that went
    assert tenant_a.owner.email.encode() in page.content
    with tenant_scope(tenant_a.ref):
        assert AuditLogEntry.objects.filter(action="workflow.publish", actor=f"user:{tenant_a.owner.pk}").exists()


def test_a_warning_is_shown_and_does_not_keep_from_publishing(enter: Enter, tenant_a: Workspace) -> None:
    browser, workflow = enter(tenant_a), sample(tenant_a)

    page = published(browser, workflow, {**workflow.draft, "rule": {"==": [1, 2]}})

    assert sample(tenant_a).active_version_id != workflow.active_version_id
    assert page.context["edit"].problems == []
    assert [(w.path, w.message.split(":")[0]) for w in page.context["edit"].warnings] == [
        ("/rule", "The rule never matches")
    ]
    assert b"1 warning" in page.content


def test_a_definition_with_problems_is_not_published_and_each_problem_has_its_line(
    enter: Enter, tenant_a: Workspace
) -> None:
    browser, workflow = enter(tenant_a), sample(tenant_a)
    broken = {**workflow.draft, "rule": {"no_such_operator": []}}

    answer = published(browser, workflow, broken)

    assert answer.status_code == 422
    [problem] = answer.context["edit"].problems
    line = answer.context["edit"].text.splitlines()[problem.line - 1]
    assert "no_such_operator" in line or '"rule"' in line
    assert b"no_such_operator" in answer.content  # what was typed stays
    assert sample(tenant_a).active_version_id == workflow.active_version_id


def test_text_that_is_not_json_is_kept_and_its_place_named(enter: Enter, tenant_a: Workspace) -> None:
    browser, workflow = enter(tenant_a), sample(tenant_a)

    answer = browser.post(f"/workflows/{workflow.pk}/draft/", form(workflow, '{\n  "slug": oops\n}'))

    assert answer.status_code == 422
    assert b"line 2, column 11" in answer.content
    assert b"oops" in answer.content


def test_two_who_save_at_once_both_keep_their_text_and_choose(enter: Enter, tenant_a: Workspace) -> None:
    first, second, workflow = enter(tenant_a), enter(tenant_a, "builder"), sample(tenant_a)
    theirs, mine = {**workflow.draft, "name": "Theirs"}, {**workflow.draft, "name": "Mine"}
    assert first.post(f"/workflows/{workflow.pk}/draft/", form(workflow, theirs)).status_code == 302

    answer = second.post(f"/workflows/{workflow.pk}/draft/", form(workflow, mine))

    assert answer.status_code == 409
    assert b"Someone saved another draft meanwhile" in answer.content
    assert b"Theirs" in answer.content and b"Mine" in answer.content
    assert sample(tenant_a).name == "Theirs"
    again = form(workflow, mine) | {"revision": answer.context["revision"]}
    assert second.post(f"/workflows/{workflow.pk}/draft/", again).status_code == 302
    assert sample(tenant_a).name == "Mine"


@pytest.mark.parametrize("revision", ["", "x", "²", "-1", "9" * 400])
def test_a_revision_that_is_none_is_stale_and_no_fault(enter: Enter, tenant_a: Workspace, revision: str) -> None:
    browser, workflow = enter(tenant_a), sample(tenant_a)
    typed = form(workflow, {**workflow.draft, "name": "Mine"}) | {"revision": revision}

    answer = browser.post(f"/workflows/{workflow.pk}/draft/", typed)

    assert answer.status_code == 409
    assert b"Mine" in answer.content
    assert sample(tenant_a).draft_revision == workflow.draft_revision


def test_checking_stores_nothing(enter: Enter, tenant_a: Workspace) -> None:
    browser, workflow = enter(tenant_a), sample(tenant_a)
    typed = form(workflow, {**workflow.draft, "steps": []})

    live = browser.post("/workflows/problems/", typed, headers={"HX-Request": "true"})
    whole = browser.post("/workflows/problems/", typed)

    assert b"<html" not in live.content
    assert b"problem" in live.content
    assert b"<html" in whole.content  # without a script, a whole page
    assert sample(tenant_a).draft_revision == workflow.draft_revision


def test_a_new_workflow_is_a_draft_until_it_is_published(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    blank = browser.get("/workflows/new/").context["edit"]
    assert blank.problems == []

    page = browser.post("/workflows/new/", {"definition": blank.text}, follow=True)
    again = browser.post("/workflows/new/", {"definition": blank.text})

    assert b"Not published yet" in page.content
    assert again.status_code == 409
    assert again.context["edit"].problems[0].path == "/slug"


def test_a_workflow_is_turned_off_and_on(enter: Enter, tenant_a: Workspace) -> None:
    browser, workflow = enter(tenant_a), sample(tenant_a)

    browser.post(f"/workflows/{workflow.pk}/enabled/", {"is_enabled": "no"})
    assert sample(tenant_a).state == "disabled"
    browser.post(f"/workflows/{workflow.pk}/enabled/", {"is_enabled": "yes"})
    assert sample(tenant_a).state == "live"
