"""The catalogue of connectors: found by a word, denied by policy in words, used by whom; a curl command as a step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from automate.models import AuditLogEntry
from automate.policy import save_policy
from automate.policy.stored import stored_policy
from automate.services import create_workflow
from automate.services.secrets import create_secret
from automate_tenants.context import tenant_scope
from tests.engine.automate_connectors.standin import Answer, Received, StandIn, standing_in
from tests.support.workspaces import Workspace
from tests.web.api.conftest import new_key
from tests.web.api.support import Api
from tests.web.portal.conftest import Enter, published

pytestmark = pytest.mark.django_db
CALL = {"id": "call", "connector": "http", "action": "request", "params": {"url": "https://a.example"}}
TOKEN = "a-token-of-their-api"
LOG = {"id": "say", "connector": "core", "action": "log", "params": {"message": "hi"}}


def flow(slug: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"slug": slug, "name": slug.title(), "trigger": {"type": "manual"}, "steps": list(steps), **more}


def text_of(browser: Client, path: str) -> str:
    return browser.get(path).content.decode()


def test_the_list_is_searched_by_what_connectors_do(tenant_a: Workspace, enter: Enter) -> None:
    browser = enter(tenant_a, "viewer")

    assert text_of(browser, "/connectors/").index("/connectors/http/") < text_of(browser, "/connectors/").index(
        "/email/"
    )
    assert "/connectors/github/" in text_of(browser, "/connectors/?q=ISSUE")
    assert "/connectors/stripe/" not in text_of(browser, "/connectors/?q=ISSUE")
    assert "No connector has “fax”" in text_of(browser, "/connectors/?q=fax")


def test_a_connector_says_who_uses_it_in_drafts_live_versions_and_handlers(tenant_a: Workspace, enter: Enter) -> None:
    handled = {**LOG, "on_error": {"steps": [CALL], "then": "fail"}}
    published(tenant_a, flow("in-a-handler", handled))
    published(tenant_a, flow("at-the-end", LOG, **{"finally": [{**CALL, "id": "end"}]}))
    with tenant_scope(tenant_a.ref):
        create_workflow(definition=flow("only-a-draft", CALL), actor="user:1", now=timezone.now())
        create_workflow(definition=flow("something-else", LOG), actor="user:1", now=timezone.now())

    page = text_of(enter(tenant_a, "viewer"), "/connectors/http/")

    assert [name in page for name in ("in-a-handler", "at-the-end", "only-a-draft", "something-else")] == [
        *([True] * 3),
        False,
    ]


def test_what_policy_denies_is_said_with_the_layer(tenant_a: Workspace, enter: Enter) -> None:
    with tenant_scope(tenant_a.ref):
        document = {"connector_allowlist": ["core", "http", "github.get_issue"]}
        save_policy(document=document, actor="user:1", now=timezone.now(), expected_revision=0)
    browser = enter(tenant_a)

    listed, detail = text_of(browser, "/connectors/"), text_of(browser, "/connectors/github/")

    assert "5 of 6 actions not allowed" in listed
    assert detail.count("does not name it: a step that calls it fails") == 5
    assert "allowlist of this workspace does not name it" in detail
    assert "Not allowed" not in text_of(browser, "/connectors/http/")


def test_a_curl_command_becomes_a_step_without_its_credential(tenant_a: Workspace, enter: Enter) -> None:
    browser = enter(tenant_a, "viewer")

    made = browser.post("/connectors/http/curl/", {"command": "curl https://api.acme.example -H 'X-Api-Key: S3CRET'"})
    wrong = browser.post("/connectors/http/curl/", {"command": "wget https://api.acme.example"})

    page = made.content.decode()
    assert "ACME_X_API_KEY" in page
    assert "S3CRET" not in page
    assert wrong.status_code == 422
    assert "must begin with `curl`" in wrong.content.decode()
    assert "wget https://api.acme.example" in wrong.content.decode()


def test_an_unknown_connector_is_not_found(tenant_a: Workspace, enter: Enter) -> None:
    assert enter(tenant_a).get("/connectors/fax/").status_code == 404


def test_pages_cost_the_same_with_one_workflow_and_with_many(tenant_a: Workspace, enter: Enter) -> None:
    browser = enter(tenant_a)
    counts = []
    for number in (1, 12):
        for each in range(number):
            published(tenant_a, flow(f"flow-{number}-{each}", CALL))
        text_of(browser, "/connectors/")
        with CaptureQueriesContext(connection) as queries:
            text_of(browser, "/connectors/")
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 15


@pytest.fixture
def their_api(settings: Any) -> Iterator[StandIn]:
    def answer(request: Received) -> Answer:
        if request.headers.get("authorization") == f"Bearer {TOKEN}":
            return Answer(200, {"ok": True})
        return Answer(401, f"no: {request.headers.get('authorization')}")

    with standing_in(answer) as server:
        policy = {"private_targets": [f"127.0.0.1:{server.port}"]}
        settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "POLICY": policy}
        yield server


def store(workspace: Workspace, name: str, value: str, **more: Any) -> None:
    with tenant_scope(workspace.ref):
        create_secret(name=name, value=value, actor=f"user:{workspace.owner.pk}", now=timezone.now(), **more)


def allow(workspace: Workspace, document: dict[str, Any]) -> None:
    with tenant_scope(workspace.ref):
        save_policy(document=document, actor="user:1", now=timezone.now(), expected_revision=stored_policy().revision)


def test_a_connection_is_tested_with_a_stored_secret(tenant_a: Workspace, enter: Enter, their_api: StandIn) -> None:
    store(tenant_a, "RIGHT", TOKEN)
    store(tenant_a, "WRONG", "another-token-value")
    store(tenant_a, "BOUND", "a-token-for-one-host", hosts=["api.example.com"])
    builder = enter(tenant_a, "builder")

    def tested(**asked: str) -> str:
        return builder.post("/connectors/http/tests/", {"method": "GET", **asked}).content.decode()

    right, wrong = tested(url=their_api.url, secret="RIGHT"), tested(url=their_api.url, secret="WRONG")
    assert "It works." in right
    assert "127.0.0.1 answered 200" in right
    assert "refuses the credentials" in wrong
    assert "<code>http_401</code>" in wrong
    assert "another-token-value" not in wrong
    assert "Add the host to those of the secret" in tested(url=their_api.url, secret="BOUND")
    assert "private and local" in tested(url="http://10.0.0.1/").casefold()
    assert "<code>name_not_resolved</code>" in tested(url="http://nowhere.invalid/")
    assert "This field is required" in tested(url="")
    assert len(their_api.received) == 2
    with tenant_scope(tenant_a.ref):
        entries = AuditLogEntry.objects.filter(action="connection.test").order_by("pk")
        assert [entry.details["code"] for entry in entries][:3] == ["ok", "http_401", "egress_denied"]
        assert entries[0].details["refers_to"] == ["RIGHT"]
        assert entries[0].details["target"] == f"127.0.0.1:{their_api.port}"


def test_a_test_obeys_the_policy_and_its_own_rate(tenant_a: Workspace, their_api: StandIn) -> None:
    api = Api(new_key(tenant_a, ["workflows:write", "workflows:read"]))

    def tested(**params: Any) -> Any:
        return api.post("/connector-tests", {"connector": "http", "params": {"url": their_api.url, **params}})

    assert tested().json()["code"] == "http_401"
    assert tested(secret="typed").status_code == 422
    assert tested(secret={"$secret": "NOWHERE"}).json()["code"] in {"secret_not_found", "secret_not_allowed"}
    allow(tenant_a, {"host_allowlist": ["api.example.com"]})
    assert "host allowlist does not name" in tested().json()["message"]
    allow(tenant_a, {"connector_allowlist": ["core"]})
    assert tested().json()["code"] == "connector_not_allowed"
    assert len(their_api.received) == 1
    assert [field["name"] for field in api.get("/connectors/http").json()["connection"]][:2] == ["url", "method"]
    for _ in range(20):
        last = tested()
    assert (last.status_code, last.json()["code"]) == (429, "rate_limited")
    assert int(last["Retry-After"]) > 0


YAML = """
openapi: 3.1.0
info: {title: Parcels, version: "2"}
servers: [{url: "https://api.parcels.example"}]
paths:
  /parcels/{id}:
    get: {summary: Track a parcel, tags: [tracking]}
    delete: {summary: Cancel a parcel, security: [{key: []}]}
components:
  securitySchemes: {key: {type: apiKey, in: query, name: key}}
"""


def test_an_openapi_file_becomes_actions_of_the_catalogue(tenant_a: Workspace, enter: Enter) -> None:
    builder = enter(tenant_a, "builder")
    file = SimpleUploadedFile("parcels.yaml", YAML.encode())

    done = builder.post("/connectors/apis/", {"file": file}, follow=True)
    assert "2 operations of Parcels" in done.content.decode()
    assert "/connectors/apis/parcels/?q=track" in text_of(builder, "/connectors/?q=track")
    assert "/connectors/apis/parcels/" not in text_of(builder, "/connectors/?q=invoice")
    found = text_of(builder, "/connectors/apis/parcels/?q=delete+cancel")
    assert "PARCELS_KEY" in found
    assert "Track a parcel" not in found
    assert builder.post("/connectors/apis/", {"document": YAML}).status_code == 422  # the name is taken
    assert enter(tenant_a, "viewer").post("/connectors/apis/parcels/removals/").status_code == 403
    assert builder.post("/connectors/apis/parcels/removals/").status_code == 302
    assert builder.get("/connectors/apis/parcels/").status_code == 404
    with tenant_scope(tenant_a.ref):
        actions = (
            AuditLogEntry.objects.filter(action__startswith="api.").order_by("pk").values_list("action", flat=True)
        )
        assert list(actions) == ["api.import", "api.remove"]
