"""“Copy as”: every page's requests exist in the API, take the page's own filters, and stand on the page as pasted."""

from __future__ import annotations

import html
import shlex
import subprocess
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import get_resolver, resolve

from automate_platform.cli.parser import build
from automate_web import workflow_list
from automate_web.copy_as import PAGES, Call, calls_of, lines_of
from automate_web.copy_as.calls import flag
from automate_web.copy_as.lines import curl, python
from automate_web.pages import audit, events, failures, runs
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter, make_runs

ADDRESS = {
    "run_id": UUID(int=1), "event_id": UUID(int=2), "workflow_id": UUID(int=3), "schedule_id": UUID(int=4),
    "version_num": 1,
    "secret": "TOKEN", "key_id": 1, "member_id": 1, "endpoint_id": UUID(int=5), "code": "core", "api": "shop",
}  # fmt: skip
FILTERED: dict[str, ModuleType] = {
    "runs": runs,
    "events": events,
    "failures": failures,
    "audit": audit,
    "workflows": workflow_list,
}
VALUES = {
    "verdict": "accepted",
    "status": "failed", "workflow": "sample", "trace_id": "a" * 32, "since": "24h", "until": "15m", "q": "a b",
    "type": "order.created", "source": "webhook:default", "actor": "user:1", "action": "key", "resource": "key",
    "step": "s", "code": "boom", "fingerprint": "f" * 32, "day": "2026-11-22", "period": "2026-11",
}  # fmt: skip

OTHERS = {"events": {"status": "started"}, "workflows": {"status": "live", "type": "webhook"}}


def all_calls() -> list[tuple[str, Call]]:
    return [(page, call) for page in PAGES for call in calls_of(page, ADDRESS, VALUES, lambda permission: True)]


@pytest.mark.parametrize(("page", "call"), all_calls(), ids=lambda value: getattr(value, "label", value))
def test_a_page_s_request_is_one_of_the_api_and_the_page_is_one_of_the_portal(page: str, call: Call) -> None:
    found = resolve(f"/api/v1{call.path}")

    assert found.url_name != "unknown"
    assert call.method in found.func.view_class.scopes  # type: ignore[attr-defined]
    assert page in get_resolver().reverse_dict


COMMANDS = [call.cli for _, call in all_calls() if call.cli]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_command_line_takes_every_line_that_a_page_offers(words: tuple[str, ...]) -> None:
    assert build().parse_args(words)  # a word that it does not know ends the process


@pytest.mark.parametrize("page", FILTERED)
def test_a_list_passes_on_every_filter_that_its_page_has(page: str) -> None:
    assert set(PAGES[page][0].filters) == set(FILTERED[page].FILTERS)


@pytest.mark.django_db
def test_the_api_knows_every_filter_that_is_passed_on(client: Client, tenant_a: Workspace) -> None:
    headers = {"authorization": f"Bearer {tenant_a.api_key}"}
    known = {**ADDRESS, "endpoint_id": tenant_a.opened.endpoint.pk}
    refused = {}
    for page in PAGES:
        asked = {**VALUES, **OTHERS.get(page, {})}
        for call in calls_of(page, known, asked, lambda permission: True):
            if call.query and (answer := client.get(f"/api/v1{call.path}", dict(call.query), headers=headers)):
                code = answer.json().get("code")
                if code not in {None, "forbidden_scope"}:
                    refused[page] = answer.json()
    assert refused == {}


@pytest.mark.django_db
def test_the_page_holds_the_lines_for_what_it_shows(enter: Enter, tenant_a: Workspace) -> None:
    make_runs(tenant_a, 1)
    browser = enter(tenant_a)

    page = html.unescape(browser.get("/runs/?status=failed&since=24h&cursor=").content.decode())

    url = "http://testserver/api/v1/runs?status=failed&since=24h"
    assert f"curl -H \"Authorization: Bearer $DJANGO_AUTOMATE_KEY\" '{url}'" in page
    assert "automate runs list --status failed --since 24h" in page
    assert f'"{url}",' in page
    assert "am_live_" not in page


@pytest.mark.django_db
def test_a_role_is_offered_what_it_may_do(enter: Enter, tenant_a: Workspace) -> None:
    make_runs(tenant_a, 1)
    paths = {role: enter(tenant_a, role) for role in ("operator", "viewer")}
    href = paths["viewer"].get("/runs/").context["rows"][0][0].pk

    offered = {role: browser.get(f"/runs/{href}/").content for role, browser in paths.items()}

    assert {role: b"/retries" in page for role, page in offered.items()} == {"operator": True, "viewer": False}
    assert all(f"automate runs get {href}".encode() in page for page in offered.values())
    assert b"/api/v1/events" not in paths["viewer"].get("/events/?status=rejected").content


def test_what_was_chosen_on_the_page_is_in_the_action(enter: Enter) -> None:
    query = {"from": "start", "version": "latest"}
    call = calls_of("run-retry", ADDRESS, query, lambda permission: True)[0]

    assert call.body == query
    assert call.cli == ("runs", "retry", str(ADDRESS["run_id"]), "--from", "start", "--version", "latest")


@pytest.mark.parametrize("value", ["it's $HOME", 'a "quoted" `date`', "-x", "ü & more"])
def test_no_value_breaks_out_of_its_line(value: str) -> None:
    call = Call("x", "POST", "/runs", (("q", value),), {"note": value}, cli=("runs", "list", flag("q"), value))
    lines = {line.name: line.code for line in lines_of(call)}

    said: Any = subprocess.run(
        ["sh", "-c", lines["curl"].replace("curl", "printf '%s\\n'", 1)],
        env={"DJANGO_AUTOMATE_KEY": "k"}, capture_output=True, text=True, check=True,
    )  # fmt: skip

    arguments = said.stdout.splitlines()
    assert "Authorization: Bearer k" in arguments
    assert arguments[-1].startswith("http://testserver/api/v1/runs?q=")
    assert shlex.split(lines["CLI"])[-1] == value
    compile(lines["Python"], "copied", "exec")


def test_a_request_that_changes_says_how() -> None:
    publish = next(call for page, call in all_calls() if page == "workflow" and call.label.startswith("Publish"))

    assert "-H 'If-Match: *'" in curl(publish)
    assert '"If-Match": "*"' in python(publish) and 'method="POST"' in python(publish)
    delete = Call("x", "DELETE", "/secrets/A")
    assert curl(delete).startswith("curl -X DELETE ")
