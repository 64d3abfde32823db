"""Saved views: kept from what a list shows, opened by a tab or by default, shared, changed and deleted by who may."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from automate.models import SavedView
from automate_tenants.context import tenant_scope
from automate_web.copy_as import PAGES
from automate_web.saved_views import LISTS
from tests.support.workspaces import Workspace
from tests.web.api.support import Api
from tests.web.portal.conftest import Enter, make_runs


def keep(browser: Client, **said: str) -> str:
    """Where saving a view led."""
    answer: Any = browser.post("/views/", {"page": "runs", "query": "status=failed&since=24h&cursor=x", **said})
    assert answer.status_code == 302
    return str(answer.headers["Location"])


def names_of(browser: Client, path: str = "/runs/?view=all") -> list[str]:
    page = browser.get(path).content.decode()
    bar = page[page.index('aria-label="Saved views"') :].partition("</nav>")[0]
    return [part.partition("</a>")[0].partition(" <")[0].partition(">")[2] for part in bar.split("<a href=")[2:]]


def test_what_is_in_force_is_kept_under_a_name_and_opened_again(enter: Enter, tenant_a: Workspace) -> None:
    make_runs(tenant_a, 2)
    browser = enter(tenant_a)

    there = keep(browser, name="Failed today")
    page = browser.get(there)

    assert there.startswith("/runs/?status=failed&since=24h&view=")
    assert len(page.context["rows"]) == 2
    assert 'aria-current="page">Failed today</a>' in page.content.decode()
    assert "Remove the filter view" not in page.content.decode()
    assert names_of(browser) == ["Failed today"]
    assert names_of(enter(tenant_a, "admin")) == []


def test_a_default_is_what_the_list_opens_with(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    there = keep(browser, name="Mine", is_default="yes")

    assert browser.get("/runs/").headers["Location"] == there
    for path in ("/runs/?view=all", "/runs/?status=held"):
        assert browser.get(path).status_code == 200
    assert browser.get("/runs/", headers={"HX-Request": "true"}).status_code == 200
    assert enter(tenant_a, "admin").get("/runs/").status_code == 200


def test_a_shared_one_is_everybody_s_to_see_and_its_owner_s_to_change(enter: Enter, tenant_a: Workspace) -> None:
    builder, viewer, admin = (enter(tenant_a, role) for role in ("builder", "viewer", "admin"))
    keep(builder, name="Ours", is_shared="yes")
    with tenant_scope(tenant_a.ref):
        view = SavedView.objects.get()
    assert names_of(viewer) == ["Ours"]

    told = viewer.post(f"/views/{view.pk}/", {"name": "Mine now", "is_shared": "yes"}, follow=True)
    viewer.post(f"/views/{view.pk}/removals/")
    admin.post(f"/views/{view.pk}/", {"name": "Renamed", "is_shared": "yes"})

    assert "Only whoever saved this view may change it" in told.content.decode()
    assert names_of(viewer) == ["Renamed"]
    builder.post(f"/views/{view.pk}/removals/")
    assert names_of(admin) == []


def test_sharing_needs_a_role_that_may_act_and_a_list_s_view_its_list(enter: Enter, tenant_a: Workspace) -> None:
    viewer = enter(tenant_a, "viewer")

    assert viewer.post("/views/", {"page": "runs", "name": "x", "is_shared": "yes"}).status_code == 403
    assert viewer.post("/views/", {"page": "audit", "name": "x"}).status_code == 403
    assert viewer.post("/views/", {"page": "usage", "name": "x"}).status_code == 422
    assert keep(viewer, name="own")
    operator = enter(tenant_a, "operator")
    assert "/governance/audit/" in keep(operator, name="audit", page="audit", query="action=key")


def test_a_view_takes_over_what_is_shown_and_refuses_a_name_that_is_taken(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    keep(browser, name="One")
    there = keep(browser, name="Two")
    number = there.rpartition("=")[2]

    taken = browser.post(f"/views/{number}/", {"name": "One"}, follow=True)
    browser.post(f"/views/{number}/", {"name": "Two", "query": "status=held&evil=1", "is_default": "yes"})

    assert "There is a view “One” already" in taken.content.decode()
    with tenant_scope(tenant_a.ref):
        changed = SavedView.objects.get(pk=number)
    assert (changed.query, changed.is_default) == ("status=held", True)
    assert "There is a view “Two” already" in browser.get(keep(browser, name="Two")).content.decode()


def test_a_neighbour_s_view_does_not_exist(enter: Enter, tenant_a: Workspace, tenant_b: Workspace) -> None:
    keep(enter(tenant_a), name="Ours", is_shared="yes")

    assert names_of(enter(tenant_b)) == []


@pytest.mark.parametrize("page", LISTS)
def test_each_list_that_can_be_kept_shows_its_tabs(enter: Enter, tenant_a: Workspace, page: str) -> None:
    path = {"audit": "/governance/audit"}.get(page, f"/{page}")

    assert names_of(enter(tenant_a), f"{path}/?view=all") == []
    assert LISTS[page].filters == PAGES[page][0].filters


@pytest.mark.django_db
def test_the_api_makes_lists_changes_and_deletes_them(tenant_a: Workspace, enter: Enter) -> None:
    api = Api(tenant_a.api_key)
    new = {"page": "runs", "name": "By program", "filters": {"status": "failed", "since": "24h"}}
    made: Any = api.post("/views", new)
    listed: Any = api.get("/views", page="runs")
    view = made.json()

    assert made.status_code == 201
    assert view["filters"] == new["filters"] and view["is_shared"]
    assert listed.json()["results"] == [view]
    assert names_of(enter(tenant_a, "viewer")) == ["By program"]
    assert api.post("/views", new).status_code == 409
    assert api.post("/views", {**new, "filters": {"nonsense": "1"}}).json()["code"] == "invalid"
    changed: Any = api.send("PATCH", f"/views/{view['id']}", {"filters": {}, "name": "All"})
    assert (changed.json()["filters"], changed.json()["name"]) == ({}, "All")
    assert api.send("DELETE", f"/views/{view['id']}").json() == {"id": view["id"], "deleted": True}
    assert api.get(f"/views/{view['id']}").status_code == 404
