"""Every URL against everybody: an outsider gets no row and no byte of a workspace, and changes nothing in it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse

from automate_tenants.models import Membership
from automate_tenants.permissions import role_allows
from tests.isolation.conftest import client, host_of, logged_in, new_member
from tests.isolation.planted import CANARY, Planted, fingerprint
from tests.isolation.route import Route, address
from tests.isolation.routes import ROUTES, walked
from tests.support.workspaces import Workspace

pytestmark = pytest.mark.django_db

IN_A = [route for route in ROUTES if route.where in {"workspace", "both", "ticket"} and "api" not in route.pattern]
MEMBERS_ONLY = [route for route in ROUTES if route.where == "workspace"]
API = [route for route in ROUTES if route.where == "api"]
MOST_AT_ONCE = 24  # routes that one test asks, of several areas or one large one
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def by_area(routes: list[Route]) -> list[Any]:
    """The routes by the first part of their path: planting and looking at everything cost more than asking."""
    areas: dict[str, list[Route]] = {}
    for route in routes:
        parts = route.pattern.strip("^").removeprefix("api/v1/").split("/")
        areas.setdefault(parts[0] or "(root)", []).append(route)
    together: list[tuple[str, list[Route]]] = []
    for area, found in areas.items():
        if together and len(together[-1][1]) + len(found) <= MOST_AT_ONCE:
            name, before = together.pop()
            area, found = f"{name}, {area}", before + found
        together.append((area, found))
    return [pytest.param(found, id=area) for area, found in together]


def text_of(answer: Any) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content.decode(errors="replace") + str(dict(answer.headers)) + str(answer.cookies)


def assert_nothing_of(workspace: Workspace, answer: HttpResponse, what: str) -> None:
    text = text_of(answer)
    assert CANARY not in text, what
    assert workspace.ref.schema_name not in text, what
    assert workspace.owner.email not in text, what


def send(browser: Any, method: str, path: str, route: Route, **extra: Any) -> Any:
    if path.startswith("/api/") or route.where == "api":
        return browser.generic(method, path, b'{"type": "a", "payload": {}}', content_type="application/json", **extra)
    data = dict(route.body) if method == "POST" else None
    return getattr(browser, method.lower())(path, data, **extra)


def test_every_url_is_declared_and_every_declared_url_exists() -> None:
    declared = [route.pattern for route in ROUTES]

    assert sorted(declared) == sorted(walked())
    assert len(set(declared)) == len(declared)


@pytest.mark.parametrize("routes", by_area([route for route in ROUTES if route.shows]))
def test_its_owner_sees_the_canary_there(routes: list[Route], tenant_a: Workspace, planted: Planted) -> None:
    """Without this the searches below could be looking where nothing is."""
    for route in routes:
        path = address(route, planted.ids)
        if route.where == "api":
            answer = client("testserver").get(path, headers={"Authorization": f"Bearer {planted.api_key}"})
        else:
            answer = logged_in(tenant_a.owner, tenant_a, host_of(tenant_a)).get(path)

        assert answer.status_code == 200, path
        assert CANARY in text_of(answer), path


@pytest.mark.parametrize("routes", by_area(IN_A))
def test_an_outsider_at_the_door_of_a_workspace_sees_and_changes_nothing(
    routes: list[Route], tenant_a: Workspace, tenant_b: Workspace, planted: Planted, planted_b: Planted
) -> None:
    host_a = host_of(tenant_a)
    before = fingerprint(tenant_a.ref)

    for route in routes:
        path = address(route, planted.ids)
        visitors = {
            "anonymous": client(host_a),
            "a member of B with B's session": logged_in(tenant_b.owner, tenant_b, host_a),
            "a member of B with the app's session": logged_in(tenant_b.owner, None, host_a),
            "a member of B whose session claims A": logged_in(tenant_b.owner, tenant_a, host_a),
            "B's key": client(host_a),
        }
        for name, browser in visitors.items():
            extra = {"headers": {"Authorization": f"Bearer {planted_b.api_key}"}} if name == "B's key" else {}
            for prefix, host in (("", host_a), (f"/w/{tenant_a.ref.slug}", "testserver")):
                browser.defaults["HTTP_HOST"] = host
                for method in METHODS:
                    answer = send(browser, method, prefix + path, route, **extra)
                    what = f"{name}: {method} {host}{prefix}{path} -> {answer.status_code}"
                    assert_nothing_of(tenant_a, answer, what)
                    if route.where != "both":
                        assert answer.status_code in {301, 302, 401, 403, 404, 405}, what
                    if route.where == "workspace" and answer.status_code == 302:
                        assert "/login/" in answer["Location"], what
    assert fingerprint(tenant_a.ref) == before


@pytest.mark.parametrize("routes", by_area(MEMBERS_ONLY))
def test_a_member_of_b_at_home_does_not_reach_a_by_its_ids(
    routes: list[Route], tenant_a: Workspace, tenant_b: Workspace, planted: Planted
) -> None:
    before = fingerprint(tenant_a.ref)

    for route in routes:
        browser = logged_in(tenant_b.owner, tenant_b, host_of(tenant_b))
        path = address(route, planted.ids)
        names_an_object = route.names_an_object(planted.ids)
        point = transaction.savepoint()  # what they do to B is nobody's business here
        for method in METHODS:
            answer = send(browser, method, path, route)
            what = f"{method} {path} -> {answer.status_code}"
            assert_nothing_of(tenant_a, answer, what)
            assert answer.status_code < 500, what
            if names_an_object and method in route.needs:
                assert answer.status_code == 404, what
        assert fingerprint(tenant_a.ref) == before, path
        transaction.savepoint_rollback(point)

    assert fingerprint(tenant_a.ref) == before


@pytest.mark.parametrize("routes", by_area([route for route in MEMBERS_ONLY if route.pattern]))  # `/` leads on
def test_outside_of_every_workspace_there_is_no_such_page(
    routes: list[Route], tenant_a: Workspace, planted: Planted
) -> None:
    for route in routes:
        browser = logged_in(tenant_a.owner, None, "testserver")
        for method in METHODS:
            answer = send(browser, method, address(route, planted.ids), route)
            assert_nothing_of(tenant_a, answer, f"{method} {route.pattern}")
            assert answer.status_code in {301, 302, 404, 405}, (method, route.pattern, answer.status_code)


@pytest.mark.parametrize("role", Membership.Role.values)
def test_a_role_does_what_it_may_and_nothing_else(role: str, tenant_a: Workspace, planted: Planted) -> None:
    user = new_member(tenant_a, role)
    before = fingerprint(tenant_a.ref)
    browser = logged_in(user, tenant_a, host_of(tenant_a))
    cookies = deepcopy(browser.cookies)  # its session, for each request anew
    cells = [(route, method, needed) for route in MEMBERS_ONLY for method, needed in route.needs.items()]
    allowed = [role_allows(role, f"automate.{needed}") for _, _, needed in cells]

    for (route, method, _), may in zip(cells, allowed, strict=True):
        if not may:
            browser.cookies = deepcopy(cookies)
            answer = send(browser, method, address(route, planted.ids), route)
            what = f"{role}: {method} /{route.pattern} -> {answer.status_code}"
            assert answer.status_code == 403, what
            assert CANARY not in text_of(answer), what
    assert fingerprint(tenant_a.ref) == before, f"{role}: a request that was refused has changed something"

    for (route, method, _), may in zip(cells, allowed, strict=True):
        if may:
            browser.cookies = deepcopy(cookies)
            point = transaction.savepoint()
            answer = send(browser, method, address(route, planted.ids), route)
            what = f"{role}: {method} /{route.pattern} -> {answer.status_code}"
            assert answer.status_code < 500, what
            assert (answer.status_code == 404) is route.of_member, what
            assert answer.status_code not in {401, 403}, what
            assert not route.of_member or CANARY not in text_of(answer), what
            transaction.savepoint_rollback(point)


@pytest.mark.parametrize("routes", by_area(API))
def test_the_api_shows_a_stranger_nothing_and_takes_nothing_from_him(
    routes: list[Route], tenant_a: Workspace, tenant_b: Workspace, planted: Planted, planted_b: Planted
) -> None:
    b_key = {"Authorization": f"Bearer {planted_b.api_key}"}
    before = fingerprint(tenant_a.ref)

    for route in routes:
        path = address(route, planted.ids)
        names_an_object = route.names_an_object(planted.ids)
        visitors = {
            "anonymous": (client("testserver"), {}, {401}),
            "a session of A": (logged_in(tenant_a.owner, tenant_a, "testserver"), {}, {401}),
            "a session of B": (logged_in(tenant_b.owner, tenant_b, "testserver"), {}, {401}),
            "B's key on A's host": (client(host_of(tenant_a)), b_key, {401, 404}),
            "B's key": (client("testserver"), b_key, None),
        }
        point = transaction.savepoint()  # what B's key does to B is nobody's business here
        for name, (browser, headers, allowed) in visitors.items():
            for method in METHODS:
                answer = send(browser, method, path, route, headers={**headers, "If-Match": "*"})
                what = f"{name}: {method} {path} -> {answer.status_code} {answer.content[:200]!r}"
                if name == "B's key":
                    assert_nothing_but_own(tenant_a, answer, planted, what)
                else:
                    assert_nothing_of(tenant_a, answer, what)
                assert answer.status_code < 500, what
                if allowed is not None:
                    assert answer.status_code in allowed, what
                elif names_an_object and method in route.needs:
                    assert answer.status_code == 404, what
        assert fingerprint(tenant_a.ref) == before, path
        transaction.savepoint_rollback(point)


def assert_nothing_but_own(workspace: Workspace, answer: Any, planted: Planted, what: str) -> None:
    """B's own rows hold canaries too; none of A's ids may be among them, but the one that B named in the URL."""
    text = text_of(answer)
    assert workspace.ref.schema_name not in text, what
    if answer.status_code == 200:
        for name in ("event_id", "run_id", "step_run_id", "workflow_id"):
            assert str(planted.ids[name]) not in text, what


def test_a_cursor_of_one_workspace_shows_nothing_of_it_in_another(planted: Planted, planted_b: Planted) -> None:
    own = {"Authorization": f"Bearer {planted.api_key}"}
    other = {"Authorization": f"Bearer {planted_b.api_key}"}
    browser = client("testserver")
    for _ in range(2):
        browser.post("/api/v1/events", {"type": "a", "payload": {}}, content_type="application/json", headers=own)
    next_url = browser.get("/api/v1/events?limit=1", headers=own).json()["next"].removeprefix("http://testserver")

    mine = {event["id"] for event in browser.get(next_url, headers=own).json()["results"]}
    theirs = {event["id"] for event in browser.get(next_url, headers=other).json()["results"]}

    assert mine
    assert not mine & theirs


def test_search_boxes_do_not_open_a_neighbours_objects(tenant_b: Workspace, planted: Planted) -> None:
    browser = logged_in(tenant_b.owner, tenant_b, host_of(tenant_b))

    for page in ("/events/", "/runs/"):
        for name in ("event_id", "run_id", "workflow_id"):
            answer = browser.get(page, {"q": str(planted.ids[name])})
            assert answer.status_code == 200, (page, name)
            assert CANARY not in text_of(answer)
