"""From a request's host or folder to the workspace and the member, before any page runs."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from automate_tenants import directory, onboarding
from automate_tenants.context import tenant_or_none
from automate_tenants.models import Membership
from tests.support.workspaces import Workspace
from tests.tenants.conftest import mark

pytestmark = pytest.mark.django_db
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(autouse=True)
def pages(settings: Any, tenant_a: Workspace, tenant_b: Workspace) -> None:
    settings.ROOT_URLCONF = "tests.tenants.urls"
    settings.BASE_URL, settings.ALLOWED_HOSTS = "https://app.automate.example", ["*"]
    for workspace in (tenant_a, tenant_b):
        directory.forget(workspace.ref.slug)
        mark(workspace.ref)


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


def arrived(client: Client, workspace: Workspace, host: str, prefix: str = "") -> Client:
    """The workspace's owner, logged in on this host (and folder)."""
    answer = client.get(f"{prefix}/arrive/{workspace.owner.pk}/", headers={"host": host})
    assert answer.content == b"in"
    return client


# Hosts and folders


@pytest.mark.parametrize(
    "host", ["alpha.localhost", "alpha.localhost:8000", "ALPHA.localhost", "alpha.automate.example"]
)
def test_a_host_names_the_workspace(client: Client, tenant_a: Workspace, host: str) -> None:
    told = arrived(client, tenant_a, host).get("/tell/", headers={"host": host}).json()
    assert (told["tenant"], told["request_tenant"], told["role"]) == ("alpha", "alpha", "owner")
    assert (told["path"], told["path_info"], told["reversed"]) == ("/tell/", "/tell/", "/tell/")
    assert told["events"] == ["of.alpha"]


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "app.localhost", "app.automate.example"]
)
def test_a_folder_names_it_where_hosts_cannot(client: Client, tenant_a: Workspace, host: str) -> None:
    told = arrived(client, tenant_a, host, "/w/alpha").get("/w/alpha/tell/", headers={"host": host}).json()
    assert (told["tenant"], told["role"], told["events"]) == ("alpha", "owner", ["of.alpha"])
    assert (told["path"], told["path_info"], told["reversed"]) == ("/w/alpha/tell/", "/tell/", "/w/alpha/tell/")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "app.localhost", "automate.example", "unknown.example"])
def test_elsewhere_there_is_no_tenant(client: Client, host: str) -> None:
    told = client.get("/tell/", headers={"host": host}).json()
    assert (told["tenant"], told["request_tenant"], told["role"], told["events"]) == (None, None, None, None)
    assert told["reversed"] == "/tell/"
    assert not told["may_publish"]


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("nobody.localhost", "/tell/"),
        ("127.0.0.1", "/w/nobody/tell/"),
        ("www.localhost", "/"),
        ("127.0.0.1", "/w//tell/"),
        ("127.0.0.1", "/w/Alpha/tell/"),
        ("127.0.0.1", "/w/alpha%0A/tell/"),
        ("127.0.0.1", "/w/%27;drop/tell/"),
        ("127.0.0.1", "/w/../tell/"),
        ("127.0.0.1", "/w/alpha%00/tell/"),
    ],
)
def test_an_unknown_workspace_is_not_found(client: Client, host: str, path: str) -> None:
    assert client.get(path, headers={"host": host}).status_code == 404


def test_a_folder_gets_its_slash(client: Client) -> None:
    answer = client.get("/w/alpha", headers={"host": "127.0.0.1"})
    assert (answer.status_code, answer["Location"]) == (301, "/w/alpha/")


def test_nothing_is_left_set_after_a_request(client: Client, tenant_a: Workspace) -> None:
    arrived(client, tenant_a, "127.0.0.1", "/w/alpha")
    client.get("/w/alpha/nowhere/", headers={"host": "127.0.0.1"})
    assert tenant_or_none() is None
    assert client.get("/tell/", headers={"host": "127.0.0.1"}).json()["reversed"] == "/tell/"


def test_a_streamed_body_is_made_in_the_tenants_scope(client: Client, tenant_a: Workspace) -> None:
    answer: Any = arrived(client, tenant_a, "alpha.localhost").get("/stream/", headers={"host": "alpha.localhost"})
    assert b"".join(answer).startswith(b"of.alphaTenantRef(")
    assert tenant_or_none() is None


# Members and sessions


def test_a_visitor_is_sent_to_log_in_and_back(client: Client) -> None:
    by_host = client.get("/tell/?a=1", headers={"host": "alpha.localhost:8000"})
    assert by_host["Location"] == (
        "http://app.localhost:8000/login/?next=http%3A%2F%2Falpha.localhost%3A8000%2Ftell%2F%3Fa%3D1"
    )
    by_folder = client.get("/w/alpha/tell/?a=1", headers={"host": "127.0.0.1:8000"})
    assert by_folder["Location"] == "/login/?next=%2Fw%2Falpha%2Ftell%2F%3Fa%3D1"
    named = client.get("/tell/", headers={"host": "alpha.automate.example"})
    assert named["Location"].startswith("https://app.automate.example/login/?next=http")


def test_a_lost_log_in_moves_the_whole_page_under_htmx(client: Client) -> None:
    answer = client.get("/w/alpha/tell/", headers={"host": "127.0.0.1", "hx-request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (401, "/login/?next=%2Fw%2Falpha%2Ftell%2F")


def test_a_post_leads_back_to_the_workspaces_first_page(client: Client) -> None:
    answer = client.post("/w/alpha/tell/", headers={"host": "127.0.0.1"})
    assert answer["Location"] == "/login/?next=%2Fw%2Falpha%2F"


def test_a_stranger_is_told_the_same_as_for_no_workspace(client: Client, tenant_b: Workspace) -> None:
    arrived(client, tenant_b, "alpha.localhost")
    assert client.get("/tell/", headers={"host": "alpha.localhost"}).status_code == 404


def test_a_removed_member_is_out_at_once(client: Client, tenant_a: Workspace) -> None:
    arrived(client, tenant_a, "alpha.localhost")
    Membership.objects.filter(user=tenant_a.owner).delete()
    assert client.get("/tell/", headers={"host": "alpha.localhost"}).status_code == 404


def test_a_deactivated_person_is_out_at_once(client: Client, tenant_a: Workspace) -> None:
    arrived(client, tenant_a, "alpha.localhost")
    get_user_model().objects.filter(pk=tenant_a.owner.pk).update(is_active=False)
    assert client.get("/tell/", headers={"host": "alpha.localhost"}).status_code == 302


def test_a_session_of_one_workspace_opens_no_other(client: Client, tenant_a: Workspace, tenant_b: Workspace) -> None:
    """Even for a member of both: the cookie of one host, replayed on another, is nobody's log-in there."""
    Membership.objects.create(
        user=tenant_a.owner, tenant=tenant_b.opened.tenant, role="owner", created_at=timezone.now()
    )
    arrived(client, tenant_a, "alpha.localhost")
    assert client.get("/tell/", headers={"host": "alpha.localhost"}).status_code == 200
    assert client.get("/tell/", headers={"host": "beta.localhost"}).status_code == 302


def test_the_apps_session_opens_no_workspace(client: Client, tenant_a: Workspace) -> None:
    arrived(client, tenant_a, "127.0.0.1")
    assert client.get("/tell/", headers={"host": "127.0.0.1"}).status_code == 200
    assert client.get("/w/alpha/tell/", headers={"host": "127.0.0.1"}).status_code == 302
    assert client.get("/tell/", headers={"host": "alpha.localhost"}).status_code == 302


def test_a_folders_session_has_a_cookie_of_its_own(client: Client, tenant_a: Workspace) -> None:
    arrived(client, tenant_a, "127.0.0.1", "/w/alpha")
    assert set(client.cookies) == {f"sessionid_{tenant_a.ref.schema_name}", "csrftoken"}
    cookie = client.cookies[f"sessionid_{tenant_a.ref.schema_name}"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"], cookie["domain"]) == ("/w/alpha/", True, "Lax", "")
    told = client.get("/tell/", headers={"host": "127.0.0.1"}).json()  # the app does not take it for its own
    assert told["tenant"] is None


def test_permissions_come_from_the_role_here(client: Client, tenant_a: Workspace) -> None:
    arrived(client, tenant_a, "alpha.localhost")
    assert client.get("/tell/", headers={"host": "alpha.localhost"}).json()["may_publish"]
    Membership.objects.filter(user=tenant_a.owner).update(role="viewer")
    assert not client.get("/tell/", headers={"host": "alpha.localhost"}).json()["may_publish"]


def test_the_api_decides_by_key_and_not_by_session(client: Client) -> None:
    told = client.get("/api/tell/", headers={"host": "alpha.localhost"}).json()
    assert (told["request_tenant"], told["role"]) == ("alpha", None)


# Suspension


def test_a_suspended_workspace_says_so_in_words(client: Client, tenant_a: Workspace) -> None:
    arrived(client, tenant_a, "alpha.localhost")
    now = timezone.now()
    onboarding.suspend(tenant_id=tenant_a.ref.id, actor="system", reason="unpaid", now=now)
    answer = client.get("/tell/", headers={"host": "alpha.localhost"})
    assert answer.status_code == 403
    assert "This workspace is suspended" in answer.text
    assert "unpaid" not in answer.text

    onboarding.resume(tenant_id=tenant_a.ref.id, actor="system", now=now)
    assert client.get("/tell/", headers={"host": "alpha.localhost"}).status_code == 200


# Trace and address


def test_a_trace_goes_on_or_begins(client: Client) -> None:
    given = client.get("/tell/", headers={"host": "127.0.0.1", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert (given.json()["trace_id"], given["X-Trace-Id"]) == (TRACE, TRACE)
    fresh = client.get("/tell/", headers={"host": "127.0.0.1", "traceparent": "00-broken-01"})
    assert len(fresh["X-Trace-Id"]) == 32
    assert fresh["X-Trace-Id"] != TRACE
    refused = client.get("/tell/", headers={"host": "nobody.localhost"})
    assert len(refused["X-Trace-Id"]) == 32


@pytest.mark.parametrize(
    ("proxies", "header", "expected"),
    [
        (0, "6.6.6.6", "127.0.0.1"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
    ],
)
def test_the_callers_address_is_what_trusted_proxies_saw(
    client: Client, settings: Any, proxies: int, header: str, expected: str
) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies
    told = client.get("/tell/", headers={"host": "127.0.0.1", "x-forwarded-for": header}).json()
    assert told["ip"] == expected


def test_a_workspace_is_looked_up_once_in_a_while(client: Client, tenant_a: Workspace, statements: list[str]) -> None:
    arrived(client, tenant_a, "alpha.localhost")
    statements.clear()
    client.get("/tell/", headers={"host": "alpha.localhost"})
    assert not [sql for sql in statements if '"automate_tenants_tenant"."slug"' in sql]
