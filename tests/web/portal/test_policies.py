"""Governance, Policies: a change is looked at before it is saved, and only by those who may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.test import Client

from automate.ids import new_id
from automate.models import Event, PolicyBlock, StepRun
from automate.policy import Policy, effective_policy, stored_policy
from automate_tenants import directory
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter

pytestmark = pytest.mark.django_db
URL = "/governance/policies/"


def test_a_change_shows_what_it_would_have_blocked_and_then_is_saved(enter: Enter, tenant_a: Workspace) -> None:
    with tenant_scope(tenant_a.ref):
        StepRun.objects.create(
            id=uuid4(), run_id=new_id(), step_id="a", position=0, connector="http", action="request",
            status="succeeded", input={"url": "https://api.paypal.com/"}, started_at=datetime.now(UTC),
        )  # fmt: skip
    browser = enter(tenant_a)
    change = {"host_allowlist": "*.stripe.com\n", "outbound_rates": "api.stripe.com = 60", "revision": "0"}

    looked = browser.post(URL, change)

    page = looked.content.decode()
    assert "api.paypal.com:443" in page
    assert "would have been blocked 1 time" in page
    with tenant_scope(tenant_a.ref):
        assert stored_policy().revision == 0
    checked = looked.context["checked"]
    assert browser.post(URL, {**change, "save": "1", "checked": "{}"}).status_code == 200  # another change: look again
    saved = browser.post(URL, {**change, "save": "1", "checked": checked}, follow=True)
    assert "Saved as revision 1" in saved.content.decode()
    with tenant_scope(tenant_a.ref):
        assert stored_policy().document == {
            "host_allowlist": ["*.stripe.com"],
            "outbound_rates": {"api.stripe.com": 60},
        }


def test_what_was_blocked_stands_beside_its_policy(enter: Enter, tenant_a: Workspace) -> None:
    now, run_id = datetime.now(UTC), uuid4()
    with tenant_scope(tenant_a.ref):
        for hour, count in ((now, 4), (now - timedelta(days=2), 3), (now - timedelta(days=8), 100)):
            PolicyBlock.objects.create(
                hour=hour.replace(minute=0, second=0, microsecond=0), rule="host_allowlist", layer="tenant",
                subject="api.paypal.com:443", outcome="denied", count=count, latest_at=hour, latest_run_id=run_id,
            )  # fmt: skip

    page = enter(tenant_a).get(URL).content.decode()

    assert "denied 7 times" in page
    assert f"/runs/{run_id}/" in page


@pytest.mark.parametrize(
    ("field", "text"),
    [("host_allowlist", "not a host"), ("outbound_rates", "api.stripe.com"), ("webhook_rate", "-1")],
)
def test_what_is_wrong_is_told_at_its_field(enter: Enter, tenant_a: Workspace, field: str, text: str) -> None:
    answer = enter(tenant_a).post(URL, {field: text, "revision": "0"})

    assert answer.status_code == 422
    assert field in answer.context["form"].errors


def test_the_second_of_two_people_is_told(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    first = browser.post(URL, {"webhook_rate": "5", "revision": "0"}).context["checked"]
    browser.post(URL, {"webhook_rate": "5", "revision": "0", "save": "1", "checked": first})

    late = browser.post(URL, {"webhook_rate": "5", "revision": "0", "save": "1", "checked": first})

    assert late.status_code == 422
    assert "Somebody changed the policy meanwhile" in late.content.decode()


def test_a_viewer_sees_no_policies_and_an_operator_cannot_change_them(enter: Enter, tenant_a: Workspace) -> None:
    assert enter(tenant_a, "viewer").get(URL).status_code == 403
    operator = enter(tenant_a, "operator")
    assert "needs the role Admin or Owner" in operator.get(URL).content.decode()
    assert operator.post(URL, {"webhook_rate": "5", "revision": "0"}).status_code == 403


def test_masked_addresses_are_masked_on_pages_and_over_the_api(enter: Enter, tenant_a: Workspace) -> None:
    with tenant_scope(tenant_a.ref):
        event = Event.objects.create(
            id=new_id(), type="order.created", payload={"to": "ann@example.com"}, source="api", trace_id=uuid4(),
            received_at=datetime.now(UTC),
        )  # fmt: skip
    browser, api = enter(tenant_a), Client(headers={"Authorization": f"Bearer {tenant_a.api_key}"})
    places = ((browser, f"/events/{event.pk}/"), (api, f"/api/v1/events/{event.pk}"))
    before = [client.get(path).content.decode() for client, path in places]
    change = {"mask_emails": "on", "llm_budget_run": "0", "revision": "0"}

    checked = browser.post(URL, change).context["checked"]
    browser.post(URL, {**change, "save": "1", "checked": checked})
    directory.forget("alpha")  # which happens at the commit, here there is none

    after = [client.get(path).content.decode() for client, path in places]
    assert ["ann@example.com" in text for text in before + after] == [True, True, False, False]
    assert (
        '<td data-label="Limit">yes<br><span class="small faint">set by this workspace'
        in browser.get(URL).content.decode()
    )
    with tenant_scope(tenant_a.ref):
        assert stored_policy().document == {"mask_emails": True, "llm_budget_run": "0"}


def test_the_installations_daily_budget_for_models_is_shown_where_nobody_set_one(
    enter: Enter, tenant_a: Workspace
) -> None:
    page = enter(tenant_a).get(URL).content.decode()

    assert effective_policy_of(tenant_a).llm_budget_daily == (Decimal("10.0"), "installation")
    assert "$10.0" in page


def effective_policy_of(workspace: Workspace) -> Policy:
    with tenant_scope(workspace.ref):
        return effective_policy()
