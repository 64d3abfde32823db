"""Test keys: every check of a live key, and nothing of the workspace is touched."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from automate.models import Dedupe, Event, KeptAnswer, OutboxJob, Workflow
from automate_platform.cli import keys
from automate_platform.cli.parser import build
from automate_tenants.context import tenant_scope
from automate_tenants.keys import SCOPES, create_key
from automate_tenants.models import ApiKey
from tests.isolation.planted import fingerprint
from tests.isolation.routes import ROUTES
from tests.support.workspaces import Workspace
from tests.web.api.conftest import MakeApi
from tests.web.api.support import DEFINITION, Api
from tests.web.client.conftest import Automate, automate
from tests.web.portal.conftest import Enter, enter

__all__ = ["automate", "enter"]
pytestmark = pytest.mark.django_db
EVENT = {"type": "order.created", "payload": {"id": 7}}
FREE = {  # what a test key may call, and with which bodies it is refused all the same
    ("POST", "events"): [],
    ("POST", "workflow-validations"): [],
    ("POST", "rule-evaluations"): [
        {"workflow": "sample", "payload": {}},
        {"rule": True, "event_id": "019aa900-1c00-7a10-8000-0a1b2c3d4e5f"},
    ],
    ("POST", "workflow-dry-runs"): [
        {"workflow": "sample", "payload": {}},
        {"definition": DEFINITION, "event_id": "019aa900-1c00-7a10-8000-0a1b2c3d4e5f"},
    ],
    ("POST", "connector-steps"): [],
    ("GET", "key"): [],
}
BODIES: dict[str, Any] = {
    "events": EVENT,
    "workflow-validations": DEFINITION,
    "rule-evaluations": {"rule": True, "payload": {}},
    "workflow-dry-runs": {"definition": DEFINITION, "payload": {"total": 200}},
    "connector-steps": {"curl": "curl https://a.example"},
}


def key_of(workspace: Workspace, *scopes: str) -> Api:
    _, plain = create_key(
        tenant_id=workspace.ref.id,
        name="ci",
        scopes=scopes or SCOPES,
        created_by=f"user:{workspace.owner.pk}",
        now=timezone.now(),
        is_test=True,
    )
    assert plain.startswith("am_test_")
    return Api(plain)


def touched(workspace: Workspace) -> dict[str, str]:
    """A digest of each table that holds something of the workspace; that the key was used stands with the key."""
    return fingerprint(workspace.ref, without=["automate_tenants_apikey"])


@pytest.fixture
def test_api(tenant_a: Workspace) -> Api:
    """With every scope that can be given, so that none of them is what refuses."""
    return key_of(tenant_a)


def test_an_event_of_a_test_key_is_checked_and_nowhere(test_api: Api, tenant_a: Workspace) -> None:
    with tenant_scope(tenant_a.ref):
        before = Event.objects.count(), OutboxJob.objects.count()

    answers = [test_api.post("/events", EVENT, {"Idempotency-Key": "one"}) for _ in range(2)]
    other = test_api.post("/events", {**EVENT, "payload": {"id": 8}}, {"Idempotency-Key": "one"})

    assert {(answer.status_code, answer.json()["test"]) for answer in (*answers, other)} == {(202, True)}
    assert "Location" not in answers[0]
    assert answers[0].json().keys() == {"event_id", "trace_id", "test"}
    with tenant_scope(tenant_a.ref):
        assert (Event.objects.count(), OutboxJob.objects.count()) == before
        assert not Dedupe.objects.filter(key="one").exists()


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"{", {}, "invalid_json"),
        ({"type": "x"}, {}, "invalid"),
        ({"type": "x", "payload": {"a": "\x00"}}, {}, "unstorable_text"),
        (EVENT, {"Idempotency-Key": "x" * 256}, "invalid_dedupe_key"),
    ],
)
def test_what_a_live_key_is_refused_a_test_key_is_refused_alike(
    test_api: Api, make_api: MakeApi, tenant_a: Workspace, body: Any, headers: dict[str, str], code: str
) -> None:
    tried, live = (api.post("/events", body, headers) for api in (test_api, make_api("events:write")))

    assert (
        (tried.status_code, tried.json()["code"])
        == (live.status_code, live.json()["code"])
        == (tried.status_code, code)
    )
    assert key_of(tenant_a, "runs:read").post("/events", EVENT).json()["code"] == "forbidden_scope"


def test_whatever_may_touch_the_workspace_is_refused(test_api: Api, tenant_a: Workspace) -> None:
    """Every operation of the API: complete by construction, with the isolation matrix's table of routes."""
    before, wrong = touched(tenant_a), []
    for route in ROUTES:
        if route.where != "api":
            continue
        path = route.pattern.removeprefix("api/v1/")
        sent = "/" + "/".join("1" if part.startswith("<") else part for part in path.split("/"))
        for method in route.needs:
            if (method, path) in FREE:
                continue
            answer = test_api.send(method, sent, {}, {"If-Match": "*"})
            if (answer.status_code, answer.json()["code"]) != (403, "test_key"):
                wrong.append((method, path, answer.status_code))
    assert wrong == []
    for (_, path), bodies in FREE.items():
        for body in bodies:
            assert test_api.post(f"/{path}", body).json()["code"] == "test_key", (path, body)
    assert touched(tenant_a) == before


def test_what_is_in_the_body_alone_is_answered_and_nothing_is_kept(test_api: Api, tenant_a: Workspace) -> None:
    before = touched(tenant_a)
    for path, body in BODIES.items():
        answer = test_api.post(f"/{path}", body, {"Idempotency-Key": "a-name"})
        assert answer.status_code < 300, (path, answer.content)

    assert test_api.get("/key").json()["is_test"] is True
    assert touched(tenant_a) == before
    with tenant_scope(tenant_a.ref):
        assert not KeptAnswer.objects.exists()
        assert not Workflow.objects.filter(slug=DEFINITION["slug"]).exists()


def test_a_test_key_is_made_and_rolled_as_one(make_api: MakeApi) -> None:
    api = make_api("keys:read", "keys:write", "events:write")

    made = api.post("/keys", {"name": "ci", "scopes": ["events:write"], "is_test": True}).json()
    rolled = api.post(f"/keys/{made['id']}/rolls", {}).json()
    live = api.post("/keys", {"name": "shop", "scopes": ["events:write"]}).json()

    assert [(key["is_test"], key["api_key"][:8]) for key in (made, rolled, live)] == [
        (True, "am_test_"), (True, "am_test_"), (False, "am_live_"),
    ]  # fmt: skip
    assert Api(live["api_key"].replace("am_live_", "am_test_")).get("/key").status_code == 401
    assert Api(rolled["api_key"].replace("am_test_", "am_live_")).get("/key").status_code == 401


def test_the_portal_makes_and_shows_it_as_what_it_is(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    made = browser.post("/developers/keys/", {"name": "ci", "scopes": ["events:write"], "kind": "test"})
    key = ApiKey.objects.get(tenant_id=tenant_a.ref.id, name="ci")

    page = browser.get(made.headers["Location"]).text
    assert "am_test_" in page and "A test key" in page
    for path in ("", f"{key.pk}/roll/", f"{key.pk}/revoke/"):
        assert 'class="pill held"' in browser.get(f"/developers/keys/{path}").text, path
    assert b",test," in b"".join(browser.get("/developers/keys.csv"))  # type: ignore[arg-type]


def test_the_command_line_makes_one(automate: Automate, capsys: pytest.CaptureFixture[str]) -> None:
    options = build().parse_args(["keys", "create", "--name", "ci", "--scope", "events:write", "--test"])
    capsys.readouterr()

    assert keys.run(options) == 0
    assert capsys.readouterr().out.startswith("am_test_")
    assert "yes" in automate("keys", "list").out
