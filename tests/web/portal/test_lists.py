"""Lists: filters in the address, stable pages, no query per row, redacted values."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from automate.models import Event, ExecutionRun
from automate_tenants import directory
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter, make_runs


@pytest.mark.parametrize("path", ["/events/", "/runs/", "/workflows/", "/webhooks/", "/developers/keys/", "/start/"])
def test_a_list_asks_the_database_as_often_for_thirty_rows_as_for_one(
    enter: Enter, tenant_a: Workspace, path: str
) -> None:
    browser = enter(tenant_a)
    make_runs(tenant_a, 1)
    one = queries(browser, path)
    make_runs(tenant_a, 29)

    assert queries(browser, path) == one <= 15


def queries(browser: Client, path: str) -> int:
    """How often the page asks the database, who is asking included, with nothing remembered from earlier."""
    directory.forget("alpha")
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(path).status_code == 200
    return len([query for query in captured if not query["sql"].startswith("SET search_path")])


def test_a_detail_page_asks_a_fixed_number_of_times(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    event = make_runs(tenant_a, 1)[0]
    with tenant_scope(tenant_a.ref):
        run = ExecutionRun.objects.get(event_id=event.pk)
    for path in (f"/events/{event.pk}/", f"/runs/{run.pk}/"):
        assert queries(browser, path) <= 15, path


def test_pages_stay_the_same_while_new_events_arrive(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    make_runs(tenant_a, 60)
    first = browser.get("/events/")
    shown = [row.event.pk for row in first.context["rows"]]
    following = first.context["page"].next_cursor

    make_runs(tenant_a, 3)
    second = browser.get("/events/", {"cursor": following})
    back = browser.get("/events/", {"cursor": second.context["page"].previous_cursor})

    assert len(shown) == 50
    assert len(second.context["rows"]) == 10
    assert not {row.event.pk for row in second.context["rows"]} & set(shown)
    assert [row.event.pk for row in back.context["rows"]] == shown


def test_filters_narrow_the_list_and_are_shown_as_removable_chips(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    make_runs(tenant_a, 1, type_="a.b")
    make_runs(tenant_a, 1, type_="c.d")

    answer = browser.get("/events/", {"type": "a.b", "since": "1h", "status": "started"})

    assert [row.event.type for row in answer.context["rows"]] == ["a.b"]
    assert b"Remove the filter type" in answer.content
    assert not browser.get("/events/", {"since": "1h", "until": "30m"}).context["rows"]
    assert len(browser.get("/runs/", {"workflow": "sample", "status": "failed"}).context["rows"]) == 2
    assert not browser.get("/runs/", {"workflow": "other"}).context["rows"]


@pytest.mark.parametrize("query", ["since=nonsense", "status=nonsense", "cursor=nonsense", "cursor=bzEyMw"])
def test_a_filter_that_means_nothing_is_said_and_not_guessed(enter: Enter, tenant_a: Workspace, query: str) -> None:
    answer = enter(tenant_a).get(f"/runs/?{query}")

    assert answer.status_code == 422
    assert answer.headers["X-Trace-Id"].encode() in answer.content


def test_a_pasted_id_opens_what_it_names(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    event = make_runs(tenant_a, 1)[0]
    with tenant_scope(tenant_a.ref):
        run = ExecutionRun.objects.get(event_id=event.pk)

    assert browser.get("/runs/", {"q": str(event.pk)}).headers["Location"] == f"/events/{event.pk}/"
    assert browser.get("/events/", {"q": run.pk.hex}).headers["Location"] == f"/runs/{run.pk}/"
    assert (
        browser.get("/events/", {"q": event.trace_id.hex}).headers["Location"]
        == f"/runs/?trace_id={event.trace_id.hex}"
    )


def test_what_looks_like_a_secret_is_never_shown(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    event = make_runs(tenant_a, 1)[0]

    for path in (f"/events/{event.pk}/", f"/events/{event.pk}/payload.json"):
        answer = browser.get(path)
        assert b"hunter2" not in answer.content
        assert b"********" in answer.content


def test_an_id_that_does_not_exist_is_not_found(enter: Enter, tenant_a: Workspace, tenant_b: Workspace) -> None:
    theirs = make_runs(tenant_b, 1)[0]
    browser = enter(tenant_a)

    assert browser.get(f"/events/{theirs.pk}/").status_code == 404
    with tenant_scope(tenant_b.ref):
        assert Event.objects.filter(pk=theirs.pk).exists()


def test_a_list_that_holds_still_asks_how_many_came_on_top(enter: Enter, tenant_a: Workspace) -> None:
    browser, htmx = enter(tenant_a), {"HX-Request": "true"}
    make_runs(tenant_a, 2)
    top = {
        "/events/": browser.get("/events/").context["rows"][0].event.pk,
        "/runs/": browser.get("/runs/").context["rows"][0][0].pk,
    }
    make_runs(tenant_a, 3)
    make_runs(tenant_a, 1, type_="other.thing")

    for path, newest in top.items():
        assert browser.get(path, {"newer_than": newest}, headers=htmx).content == b"4", path
        assert browser.get(path, {"newer_than": "nonsense"}, headers=htmx).status_code == 422
        assert b"<html" in browser.get(path, {"newer_than": newest}).content  # without htmx it is the page
        assert b"data-live-bar" in browser.get(path).content
    asked = {"newer_than": top["/events/"], "type": "order.created"}
    assert browser.get("/events/", asked, headers=htmx).content == b"3"
    make_runs(tenant_a, 100)
    assert browser.get("/runs/", {"newer_than": top["/runs/"]}, headers=htmx).content == b"99+"
    assert b"data-live-bar" not in browser.get("/events/?status=rejected").content
