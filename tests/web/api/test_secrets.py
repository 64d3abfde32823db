"""`/secrets` and `/audit`: values go in and never come out; each change has its entry."""

from __future__ import annotations

from typing import Any

import pytest

from automate import secrets
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.api.conftest import MakeApi
from tests.web.api.support import DEFINITION, Api

pytestmark = pytest.mark.django_db
VALUE = "canary-value-31af"


def test_the_whole_life_of_a_secret_without_one_answer_holding_a_value(api: Api, tenant_a: Workspace) -> None:
    answers = [
        api.post("/secrets", {"name": "KEY", "value": VALUE, "hosts": ["api.stripe.com"]}),
        api.get("/secrets"),
        api.post("/secrets/KEY/versions", {"value": "second value"}),
        api.post("/secrets/KEY/restorations"),
        api.send("PATCH", "/secrets/KEY", {"note": "live"}),
        api.get("/secrets/KEY"),
    ]
    with tenant_scope(tenant_a.ref):
        assert secrets.resolve("$secret:KEY") == VALUE
    answers += [api.send("DELETE", "/secrets/KEY"), api.get("/audit", action="secret.")]

    assert [answer.status_code for answer in answers] == [201, 200, 201, 201, 200, 200, 200, 200]
    assert answers[5].json()["hosts"] == ["api.stripe.com"]
    assert answers[0]["Location"] == "/api/v1/secrets/KEY"
    told = [entry["action"] for entry in answers[-1].json()["results"]]
    assert told == ["secret.delete", "secret.change", "secret.restore", "secret.rotate", "secret.create"]
    for answer in answers:
        assert VALUE not in answer.content.decode()
        assert "second value" not in answer.content.decode()


def test_an_entry_says_from_where_and_in_which_trace(api: Api) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    api.post("/secrets", {"name": "KEY", "value": VALUE}, headers=headers)

    [entry] = api.get("/audit", trace_id=trace).json()["results"]

    assert (entry["action"], entry["ip"], entry["trace_id"]) == ("secret.create", "127.0.0.1", trace)
    assert entry["actor"].startswith("key:")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": "with space", "value": "x"}, "name"),
        ({"name": "KEY", "value": ""}, None),
        ({"name": "KEY"}, None),
        ({"name": "KEY", "value": 5}, None),
        ({"name": "KEY", "value": "short", "hosts": ["a.example"]}, "hosts"),
        ({"name": "KEY", "value": VALUE, "unknown": 1}, None),
    ],
    ids=str,
)
def test_what_is_refused_is_not_repeated(api: Api, body: dict[str, Any], param: str | None) -> None:
    answer = api.post("/secrets", body)

    assert answer.status_code == 422
    assert answer.json()["details"].get("param") == param
    assert VALUE not in answer.content.decode()


def test_the_same_name_twice_and_an_unknown_one(api: Api) -> None:
    api.post("/secrets", {"name": "KEY", "value": VALUE})

    assert api.post("/secrets", {"name": "KEY", "value": "x"}).status_code == 409
    assert api.post("/secrets/KEY/restorations").status_code == 409
    for path in ("/secrets/OTHER", "/secrets/a%00b"):
        assert api.get(path).status_code == 404


def test_a_key_needs_the_scope_to_refer_to_a_secret(make_api: MakeApi) -> None:
    referring = {**DEFINITION, "steps": [
        {"id": "a", "connector": "core", "action": "log", "params": {"message": {"$secret": "KEY"}}},
    ]}  # fmt: skip

    refused = make_api("workflows:write").post("/workflows", referring)
    made = make_api("workflows:write", "secrets:use").post("/workflows", referring)

    assert (refused.status_code, refused.json()["code"]) == (403, "secret_not_allowed")
    assert made.status_code == 201


def test_what_is_used_is_not_deleted(api: Api) -> None:
    api.post("/secrets", {"name": "KEY", "value": VALUE})
    steps = [{"id": "a", "connector": "core", "action": "log", "params": {"message": {"$secret": "KEY"}}}]
    api.post("/workflows", {**DEFINITION, "steps": steps})

    refused = api.send("DELETE", "/secrets/KEY")

    assert (refused.status_code, refused.json()["code"]) == (409, "secret_in_use")
    assert api.get("/secrets/KEY").json()["used_by"] == ["order-flow"]
