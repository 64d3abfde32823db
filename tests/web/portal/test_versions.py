"""Versions on pages: listed, compared field by field, exported, gone back to; files imported after a look at them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from automate.models import AuditLogEntry, Workflow, WorkflowVersion
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter
from tests.web.portal.test_workflows import published, sample


@pytest.fixture
def two(enter: Enter, tenant_a: Workspace) -> tuple[Client, Workflow]:
    """The owner's browser; of the sample two versions, of which the second has another rule and one step less."""
    browser, workflow = enter(tenant_a), sample(tenant_a)
    changed = {**workflow.draft, "rule": {"var": "payload.vip"}, "steps": workflow.draft["steps"][:-1]}
    published(browser, workflow, {**changed, "deadline_seconds": 60}, note="Only guests of honour")
    return browser, sample(tenant_a)


def roll_back(browser: Client, workflow: Workflow, **form: Any) -> Any:
    return browser.post(f"/workflows/{workflow.pk}/rollbacks/", form, follow=True)


def latest(workspace: Workspace) -> WorkflowVersion:
    with tenant_scope(workspace.ref):
        return WorkflowVersion.objects.filter(workflow__slug="sample").order_by("-version_num")[0]


def test_the_list_has_who_when_and_why(two: tuple[Client, Workflow], tenant_a: Workspace) -> None:
    browser, workflow = two

    page = browser.get(f"/workflows/{workflow.pk}/versions/").content.decode()

    assert "Only guests of honour" in page
    assert tenant_a.owner.email in page
    assert f"/workflows/{workflow.pk}/versions/compare/?from=1&amp;to=2" in page
    assert f"/workflows/{workflow.pk}/rollbacks/?to=1" in page
    assert f"/workflows/{workflow.pk}/rollbacks/?to=2" not in page  # it runs


def test_two_versions_are_compared_field_by_field(two: tuple[Client, Workflow]) -> None:
    browser, workflow = two
    gone = workflow.draft["steps"]

    page = browser.get(f"/workflows/{workflow.pk}/versions/compare/")
    shown = {section.title: section for section in page.context["sections"]}

    assert list(shown) == ["Rule", *(title for title in shown if title.startswith("Step ")), "Settings"]
    assert [section.word for title, section in shown.items() if title.startswith("Step ")] == ["Removed"]
    assert shown["Settings"].fields[0].where == "deadline_seconds"
    assert (shown["Settings"].fields[0].before, shown["Settings"].fields[0].after) == (None, "60")
    assert len(gone) + 1 == len(sample_steps_of_version_1(workflow, browser))
    same = browser.get(f"/workflows/{workflow.pk}/versions/compare/", {"from": 2, "to": 2})
    assert b"They say the same" in same.content
    assert browser.get(f"/workflows/{workflow.pk}/versions/compare/", {"from": 9}).status_code == 404


def sample_steps_of_version_1(workflow: Workflow, browser: Client) -> list[Any]:
    exported = browser.get(f"/workflows/{workflow.pk}/versions/1.json")
    assert exported["Content-Disposition"] == 'attachment; filename="sample.json"'
    steps: list[Any] = json.loads(exported.content)["steps"]
    return steps


def test_going_back_is_shown_first_and_makes_a_new_version(two: tuple[Client, Workflow], tenant_a: Workspace) -> None:
    browser, workflow = two
    shown = browser.get(f"/workflows/{workflow.pk}/rollbacks/?to=1")
    assert "Rule" in [section.title for section in shown.context["sections"]]
    assert b'name="expected" value="2"' in shown.content

    done = roll_back(browser, workflow, to=1, expected=2, note="Guests complained")

    assert b"Version 3 is live and says what version 1 said" in done.content
    with tenant_scope(tenant_a.ref):
        made, first = latest(tenant_a), WorkflowVersion.objects.get(workflow=workflow, version_num=1)
        assert (made.version_num, made.note, made.parts) == (3, "Guests complained", first.parts)
        assert AuditLogEntry.objects.get(action="workflow.rollback").actor == f"user:{tenant_a.owner.pk}"


def test_going_back_over_somebody_elses_publish_changes_nothing(
    two: tuple[Client, Workflow], tenant_a: Workspace
) -> None:
    browser, workflow = two
    published(browser, workflow, {**workflow.draft, "rule": None})

    refused = roll_back(browser, workflow, to=1, expected=2, note="typed")

    assert refused.status_code == 409
    assert b"Another version was published since" in refused.content
    assert b'name="expected" value="3"' in refused.content  # what is shown now is what may be done
    assert b'value="typed"' in refused.content
    assert latest(tenant_a).version_num == 3


def test_going_back_to_what_runs_is_nothing(two: tuple[Client, Workflow], tenant_a: Workspace) -> None:
    browser, workflow = two

    assert b"there is nothing to go back to" in browser.get(f"/workflows/{workflow.pk}/rollbacks/?to=2").content
    assert b"nothing was changed" in roll_back(browser, workflow, to=2, expected=2).content
    assert latest(tenant_a).version_num == 2


def test_a_version_that_cannot_run_any_more_is_refused_with_its_problems(
    two: tuple[Client, Workflow], tenant_a: Workspace
) -> None:
    browser, workflow = two
    with tenant_scope(tenant_a.ref):
        step = {"id": "gone", "connector": "no-such-connector", "action": "send"}
        WorkflowVersion.objects.create(
            workflow=workflow, version_num=3, trigger_spec={"type": "manual"}, steps=[step],
            published_by="user:1", published_at=workflow.updated_at,
        )  # fmt: skip

    refused = roll_back(browser, workflow, to=3, expected=2)

    assert refused.status_code == 422
    assert b"/steps/0/connector" in refused.content


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_who_may_not_publish_sees_versions_and_no_way_back(
    enter: Enter, two: tuple[Client, Workflow], tenant_a: Workspace, role: str
) -> None:
    _, workflow = two
    browser = enter(tenant_a, role)

    page = browser.get(f"/workflows/{workflow.pk}/versions/").content.decode()

    assert "Compare" in page
    assert "rollbacks" not in page
    assert roll_back(browser, workflow, to=1, expected=2).status_code == 403


def test_a_draft_with_another_deadline_differs_from_what_runs(two: tuple[Client, Workflow]) -> None:
    browser, workflow = two
    page = f"/workflows/{workflow.pk}/"
    assert b"Draft differs" not in browser.get(page).content

    text = json.dumps({**workflow.draft, "deadline_seconds": 61})
    browser.post(f"{page}draft/", {"definition": text, "revision": workflow.draft_revision})

    assert b"Draft differs" in browser.get(page).content


def test_a_file_is_looked_at_and_then_imported(two: tuple[Client, Workflow], tenant_a: Workspace) -> None:
    browser, workflow = two
    first = browser.get(f"/workflows/{workflow.pk}/versions/1.json").content
    copy = {**json.loads(first), "slug": "a-copy"}
    file = SimpleUploadedFile("flows.json", json.dumps([json.loads(first), copy]).encode())

    seen = browser.post("/workflows/imports/", {"file": file, "publish": "yes"})

    plan = [(one.imported.slug, one.word) for one in seen.context["plan"]]
    assert plan == [("sample", "Changes"), ("a-copy", "New")]
    assert next(section.title for section in seen.context["plan"][0].sections) == "Rule"
    assert latest(tenant_a).version_num == 2  # nothing was done yet
    form = {"text": seen.context["text"], "states": seen.context["states"], "publish": "yes"}
    done = browser.post("/workflows/imports/", form, follow=True)
    assert b"Imported: sample v3, a-copy v1." in done.content
    again = browser.post("/workflows/imports/", form)
    assert again.status_code == 409
    same = browser.post("/workflows/imports/", {"text": form["text"], "publish": "yes"})
    assert b"nothing would change" in same.content


def test_without_publishing_an_import_leaves_drafts(two: tuple[Client, Workflow], tenant_a: Workspace) -> None:
    browser, workflow = two
    text = json.dumps({**workflow.draft, "name": "Renamed by a file"})

    seen = browser.post("/workflows/imports/", {"text": text})
    browser.post("/workflows/imports/", {"text": text, "states": seen.context["states"]})

    assert [field.where for section in seen.context["plan"][0].sections for field in section.fields] == ["name"]
    assert (sample(tenant_a).name, latest(tenant_a).version_num) == ("Renamed by a file", 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Choose a file"),
        ("{", "Not JSON"),
        ("[]", "1 to 100 definitions"),
        ('{"slug": "a",\n "name": }', "name&quot;: }\n         ^</pre>"),
        ('[\n{},\n{"steps": []}]', "Line 3: <code>{&quot;steps&quot;: []}]</code>"),
        ("5", "1 problem"),
        ('{"slug": "a", "name": "A", "trigger": {"type": "manual"}, "steps": []}', "/steps"),
    ],
)
def test_what_cannot_be_imported_is_told_and_stays_in_the_box(
    two: tuple[Client, Workflow], text: str, words: str
) -> None:
    answer = two[0].post("/workflows/imports/", {"text": text})

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert answer.context["text"] == text


@pytest.mark.parametrize("states", ["nonsense", "[]"])
def test_states_nobody_was_shown_import_nothing(two: tuple[Client, Workflow], states: str) -> None:
    answer = two[0].post("/workflows/imports/", {"text": json.dumps(two[1].draft), "states": states})

    assert answer.status_code == 422
