"""Governance, LLM spend: what was spent, what a call cost, and the prices that the workspace sets."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from automate.models import AuditLogEntry
from automate_llm.budgets import ledger, reconcile
from automate_llm.models import Budget, LedgerEntry, Preferences
from automate_tenants.context import tenant_scope
from tests.isolation.conftest import host_of, logged_in
from tests.support.workspaces import Workspace
from tests.web.api.conftest import new_key
from tests.web.api.support import Api

pytestmark = pytest.mark.django_db
PRICES = [{"model": "m", "input": "0.5", "output": "1.5"}]


@pytest.fixture
def browser(tenant_a: Workspace) -> Client:
    return logged_in(tenant_a.owner, tenant_a, host_of(tenant_a))


@pytest.fixture
def spent(tenant_a: Workspace) -> LedgerEntry:
    now = timezone.now()
    day = now.date().isoformat()
    with tenant_scope(tenant_a.ref):
        Budget.objects.create(
            scope="tenant", period=day, spent_micros=4_200_000, reserved_micros=50_000, updated_at=now
        )
        fields: dict[str, Any] = {"at": now, "day": day, "time_zone": "UTC", "expires_at": now, "reserved_micros": 0}
        return LedgerEntry.objects.create(
            **fields, workflow_id=uuid4(), run_id=uuid4(), step_id="ask", action="chat", provider="openai",
            model="big-model", status="settled", cost_micros=4_200_000, input_tokens=70, output_tokens=12,
        )  # fmt: skip


def test_the_page_shows_today_against_the_cap_and_each_call(browser: Client, spent: LedgerEntry) -> None:
    page = browser.get("/governance/llm/").content.decode()

    assert "<strong>$4.20</strong> spent" in page
    assert "<strong>$0.05</strong> set aside" in page
    assert "of <strong>$10.00</strong> (42 %)" in page
    assert "big-model" in page and "70 / 12" in page
    assert f"/runs/{spent.run_id}/" in page


def test_without_a_call_the_page_says_what_will_be_there(browser: Client) -> None:
    page = browser.get("/governance/llm/").content.decode()

    assert "No call yet" in page
    assert "<strong>$0.00</strong> spent" in page


def test_prices_are_saved_with_an_audit_entry(browser: Client, tenant_a: Workspace) -> None:
    answer = browser.post("/governance/llm/", {"prices": json.dumps(PRICES), "keeps_prompts": "on"})

    assert answer.status_code == 302
    with tenant_scope(tenant_a.ref):
        saved = Preferences.objects.get()
        assert (saved.prices, saved.keeps_prompts) == (PRICES, True)
        entry = AuditLogEntry.objects.get(action="llm.preferences")
        assert entry.details["after"] == {"prices": PRICES, "keeps_prompts": True}


@pytest.mark.parametrize("prices", ["{", "{}", '[{"model": "m"}]', '[{"model": "m", "input": -1, "output": 1}]'])
def test_what_is_no_price_is_explained_and_not_saved(prices: str, browser: Client, tenant_a: Workspace) -> None:
    answer = browser.post("/governance/llm/", {"prices": prices})

    assert answer.status_code == 422
    with tenant_scope(tenant_a.ref):
        assert not Preferences.objects.exists()


def test_the_api_tells_the_same(spent: LedgerEntry, tenant_a: Workspace) -> None:
    api = Api(new_key(tenant_a, ["policy:read", "policy:write"]))

    usage = json.loads(api.get("/llm/usage").content)
    calls = json.loads(api.get("/llm/calls", run_id=str(spent.run_id)).content)
    saved = api.send("PUT", "/llm/preferences", {"prices": PRICES})
    refused = api.send("PUT", "/llm/preferences", {"prices": [{"model": "m"}]})

    assert (usage["spent_usd"], usage["reserved_usd"], usage["cap_usd"]) == ("4.200000", "0.050000", "10.000000")
    assert [(share["key"], share["cost_usd"]) for share in usage["by_model"]] == [("big-model", "4.200000")]
    assert [(call["id"], call["cost_usd"]) for call in calls["results"]] == [(str(spent.pk), "4.200000")]
    assert (saved.status_code, refused.status_code) == (200, 422)
    assert json.loads(refused.content)["details"]["errors"][0]["path"] == "/prices/0"
    assert api.get("/llm/usage", day="yesterday").status_code == 422


def test_calls_of_long_ago_are_their_months_on_the_page_and_in_the_api(
    browser: Client, spent: LedgerEntry, tenant_a: Workspace
) -> None:
    now = timezone.now()
    long_ago = now - timedelta(days=430)
    with tenant_scope(tenant_a.ref):
        for micros in (1_500_000, 2_000_000):
            LedgerEntry.objects.create(
                at=long_ago, day=long_ago.date().isoformat(), time_zone="UTC", expires_at=long_ago, reserved_micros=0,
                workflow_id=uuid4(), action="chat", provider="openai", model="old-model", status="settled",
                cost_micros=micros, input_tokens=30, output_tokens=4,
            )  # fmt: skip
        assert reconcile.forget_calls(now=now) == 2
    api = Api(new_key(tenant_a, ["policy:read"]))

    usage = json.loads(api.get("/llm/usage").content)
    page = browser.get("/governance/llm/").content.decode()

    month = long_ago.date().isoformat()[:7]
    assert usage["earlier"] == [
        {
            "month": month, "model": "old-model", "calls": 2, "cost_usd": "3.500000", "input_tokens": 60,
            "output_tokens": 8,
        }
    ]  # fmt: skip
    assert usage["spent_usd"] == "4.200000"
    assert month in page and "old-model" in page and "$3.50" in page


def test_an_alert_stands_on_the_page(browser: Client, spent: LedgerEntry, tenant_a: Workspace) -> None:
    now = timezone.now()
    with tenant_scope(tenant_a.ref):
        for cost in (800_000, 0):  # 5.00 of 10.00, and once more
            LedgerEntry.objects.all().update(status="reserved", reserved_micros=0)
            Budget.objects.update(cap_micros=10_000_000)
            ledger.settle(spent.pk, cost_micros=cost, now=now)
        told = AuditLogEntry.objects.filter(action="llm_budget.alert").values_list("details", flat=True)
        assert [details["percent"] for details in told] == [50]

    page = browser.get("/governance/llm/").content.decode()

    assert "50 % of the tenant’s budget of $10.00 was reached" in page
