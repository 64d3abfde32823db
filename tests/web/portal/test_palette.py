"""The command palette: finds what a member may see, by name and by id, and nothing of others."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client

from automate.models import ExecutionRun, Workflow
from automate_tenants.context import tenant_scope
from automate_tenants.models import Membership
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter, make_runs
from tests.web.portal.test_lists import queries

HTMX = {"HX-Request": "true"}


def found(browser: Client, query: str, **more: str) -> dict[str, str]:
    """What the palette lists, label to address; a button's address is empty."""
    answer = browser.get("/find/", {"q": query, **more}, headers=HTMX)
    assert answer.status_code == 200
    options = re.findall(r'<(?:a|button) role="option"(.*?)>(.*?)</(?:a|button)>', answer.content.decode(), re.DOTALL)
    addresses = [re.search(r'href="(.*?)"', attributes) for attributes, _ in options]
    labels = [" ".join(re.sub("<.*?>", " ", unescape(text)).split()) for _, text in options]
    return dict(zip(labels, [unescape(found[1]) if found else "" for found in addresses], strict=True))


def test_without_words_it_lists_pages_and_actions(enter: Enter, tenant_a: Workspace) -> None:
    listed = found(enter(tenant_a), "")

    assert listed["Runs"] == "/runs/"
    assert listed["Create an API key"] == "/developers/keys/#make"


def test_words_narrow_it_down_in_any_order(enter: Enter, tenant_a: Workspace) -> None:
    assert "Create an API key" in found(enter(tenant_a), "KEY crea")


def test_a_workflow_is_found_by_a_part_of_its_name(enter: Enter, tenant_a: Workspace) -> None:
    with tenant_scope(tenant_a.ref):
        address = f"/workflows/{Workflow.objects.get(slug='sample').pk}/"

    listed = found(enter(tenant_a), "echo every")

    assert listed == {**listed, "Sample: echo every event sample": address}


def test_an_id_of_a_run_an_event_and_a_trace_opens_it(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    [event] = make_runs(tenant_a, 1)
    with tenant_scope(tenant_a.ref):
        run = ExecutionRun.objects.get(event_id=event.pk)

    assert f"/runs/{run.pk}/" in found(browser, str(run.pk)).values()
    assert f"/events/{event.pk}/" in found(browser, f" {event.pk} ").values()
    assert f"/runs/?trace_id={event.trace_id.hex}" in found(browser, event.trace_id.hex).values()
    assert browser.get("/find/", {"q": str(run.pk)}).headers["Location"] == f"/runs/{run.pk}/"


def test_an_id_of_a_neighbour_is_not_found(enter: Enter, tenant_a: Workspace, tenant_b: Workspace) -> None:
    [event] = make_runs(tenant_b, 1)

    page = enter(tenant_a).get("/find/", {"q": str(event.pk)})

    assert page.status_code == 200
    assert "Nothing is called" in page.content.decode()


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("viewer", "Runs", "Create a workflow"),
        ("operator", "Send a test event", "Create an API key"),
        ("billing", "Team", "Runs"),
    ],
)
def test_each_role_finds_what_it_may_use(enter: Enter, tenant_a: Workspace, role: str, may: str, may_not: str) -> None:
    browser = enter(tenant_a, role)
    [event] = make_runs(tenant_a, 1)

    listed = found(browser, "")

    assert may in listed
    assert may_not not in listed
    assert (f"/events/{event.pk}/" in found(browser, str(event.pk)).values()) is (role != "billing")
    assert ("Sample: echo every event sample" in found(browser, "sample")) is (role != "billing")


def test_another_workspace_is_entered_on_the_same_kind_of_page(
    enter: Enter, tenant_a: Workspace, tenant_b: Workspace
) -> None:
    browser = enter(tenant_a)
    Membership.objects.create(
        user=tenant_a.owner, tenant_id=tenant_b.ref.id, role="viewer", created_at=tenant_b.owner.date_joined
    )

    listed = found(browser, "switch to beta", kind="/failures/")
    [address] = [address for label, address in listed.items() if label.startswith("Switch to")]

    assert "/enter/beta/?next=%2Ffailures%2F" in address
    assert "evil" not in "".join(found(browser, "switch to beta", kind="//evil.example/").values())


def test_a_theme_is_a_button(enter: Enter, tenant_a: Workspace) -> None:
    assert found(enter(tenant_a), "dark theme")["Switch to the dark theme"] == ""


def test_what_is_typed_is_never_markup(enter: Enter, tenant_a: Workspace) -> None:
    for headers in (HTMX, {}):
        page = enter(tenant_a).get("/find/", {"q": "<b>x</b>" * 100}, headers=headers)

        assert page.status_code == 200
        assert b"<b>x" not in page.content


@pytest.mark.parametrize("query", ["", "sample", "01900000-0000-7000-8000-000000000000"])
def test_it_asks_the_database_a_few_times(enter: Enter, tenant_a: Workspace, query: str) -> None:
    browser = enter(tenant_a)
    make_runs(tenant_a, 3)

    assert queries(browser, f"/find/?q={query}") <= 15
