"""The policy by the API: read, replaced at a revision, tried against what happened; and the rate of a key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from automate.models import AuditLogEntry, StepRun
from automate.policy import save_policy, stored_policy
from automate_tenants.context import tenant_scope
from automate_tenants.models import WebhookLimit
from tests.support.workspaces import Workspace
from tests.web.api.conftest import MakeApi
from tests.web.api.support import Api

pytestmark = pytest.mark.django_db


def put(api: Api, document: dict[str, Any], revision: str = "*") -> Any:
    return api.send("PUT", "/policy", document, headers={"If-Match": revision})


def test_a_policy_is_replaced_at_the_revision_that_was_seen(api: Api, tenant_a: Workspace) -> None:
    first = api.get("/policy")
    assert first.json()["revision"] == 0
    assert first["ETag"] == '"0"'

    saved = put(api, {"webhook_rate": 100, "host_allowlist": ["*.stripe.com"]}, '"0"')

    assert saved.status_code == 200
    assert saved.json()["document"] == {"webhook_rate": 100, "host_allowlist": ["*.stripe.com"]}
    assert saved.json()["in_force"]["webhook_rate"] == {"value": 100, "layer": "tenant"}
    assert put(api, {}, '"0"').status_code == 409
    assert api.send("PUT", "/policy", {}).status_code == 428
    with tenant_scope(tenant_a.ref):
        assert stored_policy().revision == 1
        assert AuditLogEntry.objects.filter(action="policy.change").count() == 1
    assert list(WebhookLimit.objects.values_list("tenant_id", "per_window")) == [(tenant_a.ref.id, 100)]


def test_a_limit_that_is_taken_away_is_gone_where_webhooks_are_accepted(api: Api) -> None:
    put(api, {"webhook_rate": 100, "endpoint_rates": {"*": 5}, "over_limit": "hold"})
    assert sorted(WebhookLimit.objects.values_list("per_window", "is_held")) == [(5, True), (100, True)]

    put(api, {})

    assert not WebhookLimit.objects.exists()


def test_every_problem_is_told_with_its_place(api: Api) -> None:
    refused = put(api, {"webhook_rate": 0, "host_allowlist": ["not a host"], "allow_ssrf": True})

    assert refused.status_code == 422
    assert refused.json()["code"] == "invalid_policy"
    assert [error["path"] for error in refused.json()["details"]["errors"]] == [
        "/webhook_rate",
        "/host_allowlist/0",
        "/allow_ssrf",
    ]


def test_a_preview_counts_what_would_have_been_blocked(api: Api, tenant_a: Workspace) -> None:
    now = datetime.now(UTC)
    from automate.ids import new_id

    with tenant_scope(tenant_a.ref):
        for url in ("https://api.paypal.com/v1", "https://api.paypal.com/v2", "https://api.stripe.com/"):
            StepRun.objects.create(
                id=uuid4(), run_id=new_id(), step_id="a", position=0, connector="http", action="request",
                status="succeeded", input={"url": url}, started_at=now,
            )  # fmt: skip

    found = api.post("/policy-previews", {"host_allowlist": ["*.stripe.com"], "outbound_rates": {"*.stripe.com": 1}})

    assert found.json() == {
        "would_have_blocked": [
            {"rule": "host_allowlist", "subject": "api.paypal.com:443", "outcome": "denied", "count": 2}
        ]
    }
    with tenant_scope(tenant_a.ref):
        assert stored_policy().revision == 0


def test_a_key_has_a_rate_and_every_answer_says_how_it_stands(make_api: MakeApi, tenant_a: Workspace) -> None:
    with tenant_scope(tenant_a.ref):
        save_policy(document={"api_rate": 3}, expected_revision=0, actor="user:1", now=datetime.now(UTC))
    one, other = make_api("runs:read"), make_api("runs:read")

    answers = [one.get("/runs") for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0", "0"]
    assert answers[0]["RateLimit-Policy"] == '"default";q=3;w=60'
    refused = answers[3]
    assert refused.json()["code"] == "rate_limited"
    assert 58 <= int(refused["Retry-After"]) <= 60
    assert other.get("/runs").status_code == 200
    assert one.get("/events").status_code == 403  # what a key may not do uses up nothing


def test_without_a_rate_there_are_no_headers(api: Api) -> None:
    assert "RateLimit" not in api.get("/runs").headers
