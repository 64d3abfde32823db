"""A workflow's own `mask_emails`: whoever looks at an event that it was decided about sees no address, on any page."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from automate.administration import EventAdmin
from automate.ids import new_id
from automate.models import Event, MatchDecision, Workflow
from automate.services import create_workflow, publish_version
from automate.services.rule_tests import add_rule_test, try_event
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.api.conftest import Api, api, make_api
from tests.web.portal.conftest import Enter

__all__ = ["api", "make_api"]  # the fixtures
pytestmark = pytest.mark.django_db
ADDRESS = "ann.lee@example.com"
RULE = {"==": [{"var": "payload.customer.email"}, "somebody"]}


@pytest.fixture(params=[True, False], ids=["masks", "shows"])
def event(request: pytest.FixtureRequest, tenant_a: Workspace, db: None) -> tuple[Any, bool]:
    """An event that did not start a workflow, which masks addresses or does not."""
    now = timezone.now()
    definition = {
        "slug": "mails", "name": "mails", "trigger": {"type": "event", "event_type": "order.created"}, "rule": RULE,
        "steps": [{"id": "a", "connector": "core", "action": "log", "params": {"message": "x"}}],
        **({"policy": {"mask_emails": True}} if request.param else {}),
    }  # fmt: skip
    with tenant_scope(tenant_a.ref):
        made = create_workflow(definition=definition, actor="test", now=now)
        publish_version(workflow_id=made.id, expected_revision=1, actor="test", now=now)
        event = Event.objects.create(
            id=new_id(), type="order.created", payload={"customer": {"email": ADDRESS}}, source="api", trace_id=uuid4(),
            headers={"from": ADDRESS}, received_at=now,
        )  # fmt: skip
        version = Workflow.objects.get(pk=made.id).active_version_id
        MatchDecision.objects.create(
            event_id=event.pk, workflow_id=made.id, version_id=version, decision="no_match", reason="rule_false",
            decided_at=now,
        )  # fmt: skip
    return event, request.param


def test_pages_files_and_replays(tenant_a: Workspace, enter: Enter, event: tuple[Any, bool]) -> None:
    one, is_masked = event
    browser = enter(tenant_a)

    seen = {
        path: ADDRESS in browser.get(f"/events/{one.pk}/{path}").content.decode()
        for path in ("", "payload.json", "replays/")
    }

    assert set(seen.values()) == {not is_masked}, seen
    revealed = browser.post(f"/events/{one.pk}/raw/", {"current_password": tenant_a.password})
    assert ADDRESS in revealed.content.decode()


def test_the_api(api: Api, event: tuple[Any, bool]) -> None:
    one, is_masked = event

    answer = api.get(f"/events/{one.pk}?expand=why")

    assert answer.status_code == 200
    assert "rule_false" in answer.content.decode()
    assert (ADDRESS in answer.content.decode()) is not is_masked


def test_the_admin_of_a_project_of_ones_own(tenant_a: Workspace, event: tuple[Any, bool]) -> None:
    from django.contrib.admin.sites import AdminSite

    one, is_masked = event
    with tenant_scope(tenant_a.ref):
        shown = EventAdmin(Event, AdminSite()).safe_payload(one)

    assert (ADDRESS in shown) is not is_masked


def test_the_rule_tester_and_the_case_that_is_made_of_it(
    tenant_a: Workspace, enter: Enter, event: tuple[Any, bool]
) -> None:
    one, is_masked = event
    with tenant_scope(tenant_a.ref):
        tried = repr(try_event({"rule": RULE}, one.pk))
        workflow = Workflow.objects.get(slug="mails")
        made = add_rule_test(
            workflow_id=workflow.pk, name="a case", payload=one.payload, expected=False,
            expected_revision=workflow.draft_revision, actor="user:1", now=timezone.now(),
        )  # fmt: skip

    page = enter(tenant_a).post(f"/workflows/{workflow.pk}/rule-tests/", {"event": str(one.pk)}).content.decode()

    assert (ADDRESS in tried) is not is_masked
    assert (ADDRESS in str(made.draft["tests"])) is not is_masked
    assert "customer" in page
    assert (ADDRESS in page) is not is_masked


def test_a_case_of_another_workflow_keeps_the_event_as_its_page_shows_it(
    tenant_a: Workspace, enter: Enter, event: tuple[Any, bool]
) -> None:
    one, is_masked = event
    with tenant_scope(tenant_a.ref):
        other = Workflow.objects.get(slug="sample")
    form = {"event": str(one.pk), "name": "kept", "expected": "no", "revision": str(other.draft_revision)}

    kept = enter(tenant_a).post(f"/workflows/{other.pk}/rule-tests/", form)

    with tenant_scope(tenant_a.ref):
        other.refresh_from_db()
    assert kept.status_code == 302
    assert [case["name"] for case in other.draft["tests"]] == ["kept"]
    assert (ADDRESS in str(other.draft["tests"])) is not is_masked
