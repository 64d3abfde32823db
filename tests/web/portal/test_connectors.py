"""The catalogue of connectors: found by a word, denied by policy in words, used by whom; a curl command as a step."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from automate.policy import save_policy
from automate.services import create_workflow
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter, published

pytestmark = pytest.mark.django_db
CALL = {"id": "call", "connector": "http", "action": "request", "params": {"url": "https://a.example"}}
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
