"""Testing a workflow on its page: with a payload, a past event, over the last days; without JavaScript."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from automate.dryrun import stored
from automate.models import Event, ExecutionRun, StoredBacktest, Workflow
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter, past_event, published

pytestmark = pytest.mark.django_db
DEFINITION: dict[str, Any] = {
    "slug": "orders",
    "name": "Orders",
    "trigger": {"type": "event", "event_type": "order.created"},
    "rule": {">": [{"var": "payload.total"}, 100]},
    "steps": [
        {
            "id": "charge",
            "connector": "http",
            "action": "request",
            "params": {"method": "POST", "url": "https://api.example.com/{{ payload.id }}"},
        },
        {
            "id": "tell",
            "connector": "core",
            "action": "log",
            "params": {"message": "Charged {{ steps.charge.output.body.id }}"},
        },
    ],
}


@pytest.fixture
def workflow(tenant_a: Workspace) -> Workflow:
    return published(tenant_a, DEFINITION)


def test_the_workflows_page_leads_to_its_test(workflow: Workflow, tenant_a: Workspace, enter: Enter) -> None:
    browser = enter(tenant_a, "builder")

    assert f"/workflows/{workflow.pk}/dry-runs/" in browser.get(f"/workflows/{workflow.pk}/").content.decode()
    page = browser.get(f"/workflows/{workflow.pk}/dry-runs/").content.decode()
    assert "Nothing is sent. A backtest runs in the background" in page
    assert "Version 1 (live)" in page


def test_the_path_is_drawn_with_requests_and_what_is_not_known(
    workflow: Workflow, tenant_a: Workspace, enter: Enter
) -> None:
    form = {"payload": '{"id": 7, "total": 250}', "version": "1"}
    page = enter(tenant_a, "builder").post(f"/workflows/{workflow.pk}/dry-runs/", form).content.decode()

    assert "It would start" in page
    assert "https://api.example.com/7" in page
    assert "needs steps.charge.output.body.id" in page
    assert "Some values are not known" in page
    with tenant_scope(tenant_a.ref):
        assert not Event.objects.exists()
        assert not ExecutionRun.objects.exists()


def test_a_rule_that_does_not_match_shows_its_conditions(workflow: Workflow, tenant_a: Workspace, enter: Enter) -> None:
    event = past_event(tenant_a, {"id": 1, "total": 5})
    browser = enter(tenant_a, "builder")

    page = browser.post(f"/workflows/{workflow.pk}/dry-runs/", {"event": str(event.pk), "payload": ""}).content.decode()

    assert "the rule does not match" in page
    assert "Not met" in page
    past = {"event": str(event.pk), "payload": "", "past_rule": "yes"}
    assert "https://api.example.com/1" in browser.post(f"/workflows/{workflow.pk}/dry-runs/", past).content.decode()


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"payload": "{"}, 422, "Not JSON"),
        ({"event": "nonsense", "payload": "{}"}, 422, "no such event"),
        ({"event": "019aa900-1c00-7a10-8000-0a1b2c3d4e5f"}, 404, "no such event"),
        ({"version": "9", "payload": "{}"}, 404, "no such version"),
    ],
)
def test_what_was_typed_stays_beside_what_is_wrong(
    form: dict[str, str], status: int, words: str, workflow: Workflow, tenant_a: Workspace, enter: Enter
) -> None:
    answer = enter(tenant_a, "builder").post(f"/workflows/{workflow.pk}/dry-runs/", form)

    assert answer.status_code == status
    assert words in answer.content.decode()


def work(workspace: Workspace) -> None:
    """What the worker does with the newest backtest's tick job."""
    with tenant_scope(workspace.ref):
        asked = StoredBacktest.objects.latest("created_at")
        assert stored.tick(asked.tick_job_id or 0, now=timezone.now())


def test_a_backtest_runs_in_the_background_and_lists_the_first_differences(
    workflow: Workflow, tenant_a: Workspace, enter: Enter
) -> None:
    event = past_event(tenant_a, {"id": 1, "total": 500})
    browser = enter(tenant_a, "builder")

    page = browser.post(f"/workflows/{workflow.pk}/backtests/", {"days": "7"}, follow=True)
    path = page.redirect_chain[-1][0]
    assert b"hx-trigger" in page.content
    assert f"0 of {page.context['stored'].events_total}".encode() in page.content
    assert path.encode() in browser.get(f"/workflows/{workflow.pk}/dry-runs/").content
    work(tenant_a)

    done = browser.get(path).content.decode()
    assert "Gained" in done
    assert f"/events/{event.pk}/" in done
    assert "http.request" in done
    part = browser.get(path, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "hx-trigger" not in part  # it has ended: nobody asks again
    assert browser.post(f"/workflows/{workflow.pk}/backtests/", {"days": "0"}).status_code == 422


def test_a_backtest_is_cancelled_from_its_page(workflow: Workflow, tenant_a: Workspace, enter: Enter) -> None:
    browser = enter(tenant_a, "builder")
    path = browser.post(f"/workflows/{workflow.pk}/backtests/", {"days": "7"}).headers["Location"]

    assert b"Cancelled. What was found" in browser.post(f"{path}cancellations/", follow=True).content
    work(tenant_a)
    with tenant_scope(tenant_a.ref):
        assert StoredBacktest.objects.get().status == "cancelled"
    other = f"/workflows/{workflow.pk}/backtests/{workflow.pk}/"
    assert browser.get(other).status_code == 404


def test_a_viewer_sees_that_testing_needs_more(workflow: Workflow, tenant_a: Workspace, enter: Enter) -> None:
    browser = enter(tenant_a, "viewer")

    assert "needs the role Builder" in browser.get(f"/workflows/{workflow.pk}/dry-runs/").content.decode()
    assert browser.post(f"/workflows/{workflow.pk}/dry-runs/", {"payload": "{}"}).status_code == 403
    assert browser.post(f"/workflows/{workflow.pk}/backtests/", {"days": "1"}).status_code == 403
