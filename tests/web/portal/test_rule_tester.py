"""The Rule Tester on its page: the tree as one types, past events, cases kept and removed; without JavaScript too."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from automate.models import Workflow
from automate.services import save_draft
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter, past_event, published

pytestmark = pytest.mark.django_db
SECRET = "hunter2hunter2"
LARGE = {"name": "a large one", "payload": {"total": 250}, "expected": True}
DEFINITION: dict[str, Any] = {
    "slug": "orders",
    "name": "Orders",
    "trigger": {"type": "event", "event_type": "order.created"},
    "rule": {"and": [{">": [{"var": "payload.total"}, 100]}, {"!": [{"var": "payload.test"}]}]},
    "steps": [{"id": "a", "connector": "core", "action": "log", "params": {"message": "x"}}],
    "tests": [LARGE],
}
LIVE = {"HX-Request": "true", "HX-Target": "verdict"}


@pytest.fixture
def workflow(tenant_a: Workspace) -> Workflow:
    return published(tenant_a, DEFINITION)


def draft_of(tenant: Workspace, workflow: Workflow) -> dict[str, Any]:
    with tenant_scope(tenant.ref):
        draft: dict[str, Any] = Workflow.objects.get(pk=workflow.pk).draft
        return draft


def address_of(workflow: Workflow) -> str:
    return f"/workflows/{workflow.pk}/rule-tests/"


def evaluate(browser: Client, workflow: Workflow, headers: dict[str, str] | None = None, **form: str) -> Any:
    return browser.post(f"/workflows/{workflow.pk}/rule-evaluations/", form, headers=headers or {})


def test_the_workflows_page_leads_to_its_rule_and_the_kept_cases_say_how_they_stand(
    workflow: Workflow, tenant_a: Workspace, enter: Enter
) -> None:
    browser = enter(tenant_a, "viewer")

    assert address_of(workflow) in browser.get(f"/workflows/{workflow.pk}/").content.decode()
    page = browser.get(address_of(workflow)).content.decode()
    assert "a large one" in page
    assert "Passes" in page
    assert "Keeping tests needs the role Builder" in page
    case = browser.get(address_of(workflow) + "?case=1").content.decode()
    assert "&quot;total&quot;: 250" in case
    assert "Matches" in case


def test_the_verdict_follows_what_is_typed(workflow: Workflow, tenant_a: Workspace, enter: Enter) -> None:
    browser = enter(tenant_a, "viewer")

    small = evaluate(browser, workflow, LIVE, payload='{"total": 5}', version="draft")
    half = evaluate(browser, workflow, LIVE, payload='{"total": ')
    odd = evaluate(browser, workflow, LIVE, payload='{"total": "many"}')

    assert small.status_code == 200
    text = small.content.decode()
    assert text.lstrip().startswith('<section id="verdict"')
    assert "Not met: payload.total &gt; 100" in text
    assert "<code>payload.total</code> = <code>5</code>" in text
    assert "first failing condition" in text
    assert (half.status_code, "Not JSON" in half.content.decode()) == (200, True)
    assert "cannot be evaluated" in odd.content.decode()


def test_without_javascript_the_whole_page_answers(workflow: Workflow, tenant_a: Workspace, enter: Enter) -> None:
    browser = enter(tenant_a, "viewer")

    page = evaluate(browser, workflow, payload='{"total": 5}')
    wrong = evaluate(browser, workflow, payload="{")

    assert (page.status_code, wrong.status_code) == (200, 422)
    assert "<h1>Rule of Orders</h1>" in page.content.decode()
    assert "&quot;total&quot;: 5" in page.content.decode()
    assert "Not JSON" in wrong.content.decode()


def test_a_past_event_is_read_as_it_came_and_nothing_masked_is_shown(
    workflow: Workflow, tenant_a: Workspace, enter: Enter
) -> None:
    rule = {"==": [{"upper": [{"var": "payload.password"}]}, "HUNTER2HUNTER2"]}
    with tenant_scope(tenant_a.ref):
        save_draft(
            workflow_id=workflow.pk,
            definition={**DEFINITION, "rule": rule},
            expected_revision=1,
            actor="user:1",
            now=timezone.now(),
        )
    event = past_event(tenant_a, {"password": SECRET}, type_="order.paid")
    browser = enter(tenant_a, "viewer")
    swap = {"HX-Request": "true", "HX-Target": "tester"}

    chosen = evaluate(browser, workflow, swap, event=str(event.pk), shown="", payload="{}").content.decode()
    form = {"event": str(event.pk), "shown": str(event.pk), "type": "order.paid", "source": "api"}
    same = evaluate(browser, workflow, LIVE, payload='{"password": "********"}', **form).content.decode()
    edited = evaluate(browser, workflow, LIVE, payload='{"password": "HUNTER2HUNTER2"}', **form).content.decode()
    typed = evaluate(browser, workflow, LIVE, payload='{"password": "********", "a": 1}', **form).content.decode()

    assert chosen.lstrip().startswith('<div id="tester"')
    for text in (chosen, same):
        assert "Matches" in text
        assert "Read as it came" in text
        assert "hunter2" not in text.replace("HUNTER2HUNTER2", "").lower()  # the rule itself says that word
    assert "Read as typed, as an event of type <code>order.paid</code>" in edited
    assert (("Matches" in edited), ("Matches" in typed)) == (True, False)


def test_a_version_is_asked_instead_of_the_draft(workflow: Workflow, tenant_a: Workspace, enter: Enter) -> None:
    with tenant_scope(tenant_a.ref):
        save_draft(
            workflow_id=workflow.pk,
            definition={**DEFINITION, "rule": {">": [{"var": "payload.total"}, 300]}},
            expected_revision=1,
            actor="user:1",
            now=timezone.now(),
        )
    browser = enter(tenant_a, "viewer")

    by_draft = evaluate(browser, workflow, payload='{"total": 250}').content.decode()
    by_version = evaluate(browser, workflow, payload='{"total": 250}', version="1").content.decode()

    assert "Not met: payload.total &gt; 300" in by_draft
    assert "Fails" in by_draft
    assert "The event would start the workflow" in by_version
    assert "By version 1" in by_version
    assert "Passes" in by_version
    assert evaluate(browser, workflow, payload="{}", version="9").status_code == 404


def test_a_case_is_kept_masked_with_the_event_it_came_from_and_removed_again(
    workflow: Workflow, tenant_a: Workspace, enter: Enter
) -> None:
    event = past_event(tenant_a, {"total": 500, "password": SECRET}, type_="order.paid")
    browser = enter(tenant_a, "builder")
    page = browser.get(f"{address_of(workflow)}?event={event.pk}").content.decode()
    assert "********" in page
    assert SECRET not in page
    form = {
        "event": str(event.pk),
        "shown": str(event.pk),
        "type": "order.paid",
        "source": "api",
        "payload": '{"total": 500, "password": "********"}',
        "revision": "1",
        "name": "paid",
        "expected": "yes",
    }

    kept = browser.post(address_of(workflow), form)

    assert kept.status_code == 302
    assert kept["Location"].endswith("?case=2")
    case = {
        "name": "paid",
        "event": {"type": "order.paid", "source": "api"},
        "payload": {"total": 500, "password": "********"},
        "expected": True,
    }
    assert draft_of(tenant_a, workflow)["tests"] == [LARGE, case]
    removed = browser.post(f"{address_of(workflow)}removals/", {"case": "1", "revision": "2"})
    assert removed.status_code == 302
    assert draft_of(tenant_a, workflow)["tests"] == [case]


def test_what_cannot_be_kept_is_said_and_what_was_typed_stays(
    workflow: Workflow, tenant_a: Workspace, enter: Enter
) -> None:
    browser = enter(tenant_a, "builder")
    form = {"payload": '{"total": 7}', "revision": "1", "name": "a large one", "expected": "no"}

    twice = browser.post(address_of(workflow), form)
    stale = browser.post(address_of(workflow), {**form, "name": "small", "revision": "7"})
    late = browser.post(f"{address_of(workflow)}removals/", {"case": "1", "revision": "7"})
    gone = browser.post(f"{address_of(workflow)}removals/", {"case": "9", "revision": "1"})

    assert (twice.status_code, stale.status_code, late.status_code, gone.status_code) == (422, 409, 409, 404)
    assert "is the name of test 1 already" in twice.content.decode()
    assert "Someone saved another draft meanwhile" in stale.content.decode()
    assert "&quot;total&quot;: 7" in stale.content.decode()
    assert 'value="small"' in stale.content.decode()
    assert draft_of(tenant_a, workflow) == DEFINITION


def test_publishing_on_the_page_names_the_line_of_a_case_that_fails(
    workflow: Workflow, tenant_a: Workspace, enter: Enter
) -> None:
    failing = {**DEFINITION, "tests": [LARGE, {"name": "small", "payload": {"total": 5}, "expected": True}]}
    form = {"definition": json.dumps(failing, indent=1), "revision": "1"}

    refused = enter(tenant_a, "builder").post(f"/workflows/{workflow.pk}/versions/", form)

    assert refused.status_code == 422
    assert (
        "Test &quot;small&quot; fails. Expected a match, got none: payload.total &gt; 100" in refused.content.decode()
    )
    assert draft_of(tenant_a, workflow) == DEFINITION


def test_a_rule_that_cannot_be_used_and_an_event_that_is_gone_are_said(
    workflow: Workflow, tenant_a: Workspace, enter: Enter
) -> None:
    with tenant_scope(tenant_a.ref):
        save_draft(
            workflow_id=workflow.pk,
            definition={**DEFINITION, "rule": {"nonsense": 1}},
            expected_revision=1,
            actor="user:1",
            now=timezone.now(),
        )
    browser = enter(tenant_a, "viewer")

    assert "The rule cannot be used" in evaluate(browser, workflow, LIVE, payload="{}").content.decode()
    for event in ("nonsense", "019aa900-1c00-7a10-8000-0a1b2c3d4e5f"):
        assert "There is no such event" in browser.get(f"{address_of(workflow)}?event={event}").content.decode()
