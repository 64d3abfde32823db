"""Ways in that have worked elsewhere: forged hosts and headers, carried cookies, replayed tickets, poisoned links."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from automate_tenants.context import public_scope
from automate_tenants.handover import InvalidTicket, issue_ticket, new_latch, redeem_ticket, seal_of
from automate_tenants.middleware.workspace import folder_cookie_name
from automate_tenants.models import Membership
from tests.isolation.conftest import client, host_of, logged_in
from tests.isolation.planted import CANARY, Planted, fingerprint
from tests.isolation.test_matrix import text_of
from tests.support.workspaces import Workspace

pytestmark = pytest.mark.django_db

PAGES = ("/events/", "/runs/", "/workflows/", "/developers/keys/", "/webhooks/", "/start/")


def carried(value: str, name: str, host: str = "testserver") -> Client:
    """A browser that sends a cookie which was given for another place."""
    browser = client(host)
    browser.cookies[name] = value
    return browser


def session_of(browser: Client) -> str:
    return browser.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.mark.parametrize(
    "host",
    [
        "alpha.localhost.evil.example",
        "alpha.evil.example",
        "evil.example",
        "beta.localhost, alpha.localhost",
        "alpha.localhost:8000@beta.localhost",
        "beta.localhost#.alpha.localhost",
        "alpha",
        "alpha.beta.localhost",
        "xn--alpha-.localhost",
        "alpha_.localhost",
        "",
        "\x00alpha.localhost",
        "a" * 300 + ".localhost",
        "[alpha].localhost",
        "127.0.0.1.alpha.localhost",
    ],
)
def test_a_forged_host_leads_into_no_workspace(host: str, tenant_b: Workspace, planted: Planted) -> None:
    browser = logged_in(tenant_b.owner, tenant_b, "testserver")
    browser.defaults["HTTP_HOST"] = host

    for page in PAGES:
        answer = browser.get(page)
        assert answer.status_code in {301, 302, 400, 404}, (page, answer.status_code)
        assert CANARY not in text_of(answer)


@pytest.mark.parametrize(
    "name", ["X-Forwarded-Host", "X-Forwarded-Server", "X-Original-URL", "X-Rewrite-URL", "Forwarded", "X-Host"]
)
def test_a_forged_header_leads_into_no_workspace(name: str, tenant_b: Workspace, planted: Planted) -> None:
    browser = logged_in(tenant_b.owner, tenant_b, host_of(tenant_b))

    for page in PAGES:
        for value in ("alpha.localhost", "/w/alpha/events/", "host=alpha.localhost"):
            answer = browser.get(page, headers={name: value})
            assert answer.status_code == 200, (page, value)
            assert CANARY not in text_of(answer)


@pytest.mark.parametrize(
    "path",
    [
        "/w/beta/../alpha/events/",
        "/w/beta/%2e%2e/alpha/events/",
        "/w/beta%2f..%2falpha/events/",
        "/w/beta/..%2falpha/events/",
        "/w//alpha/events/",
        "/w/alpha//events/",
        "/w/alpha%00/events/",
        "/w/alpha%20/events/",
        "/w/ALPHA/events/",
        "//w/alpha/events/",
        "/w/alpha;x=1/events/",
        "/w/%61lpha/events/",
        "/w/beta/w/alpha/events/",
        "/api/v1/../../w/alpha/events/",
        "/static/../w/alpha/events/",
        "/static/%2e%2e/%2e%2e/w/alpha/events/",
        "/docs/../w/alpha/events/",
    ],
)
def test_no_spelling_of_a_path_leads_a_member_of_b_into_a(path: str, tenant_b: Workspace, planted: Planted) -> None:
    name = folder_cookie_name(tenant_b.ref)
    browser = carried(session_of(logged_in(tenant_b.owner, tenant_b, "testserver")), name)

    answer = browser.get(path)

    assert CANARY not in text_of(answer)
    assert answer.status_code in {301, 302, 400, 404}, answer.status_code
    if answer.status_code in {301, 302}:
        followed = browser.get(answer["Location"])
        assert CANARY not in text_of(followed)
        assert followed.status_code in {302, 400, 404} or "/login/" in answer["Location"]


def test_a_session_of_one_workspace_opens_no_other_of_the_same_person(
    tenant_a: Workspace, tenant_b: Workspace, planted: Planted
) -> None:
    """One person in both: a cookie that leaks in B must not open A, nor the app's host, which leads everywhere."""
    with public_scope():
        Membership.objects.create(
            user=tenant_b.owner, tenant_id=tenant_a.ref.id, role="owner", created_at=timezone.now()
        )
    value = session_of(logged_in(tenant_b.owner, tenant_b, host_of(tenant_b)))
    session = settings.SESSION_COOKIE_NAME
    attempts = [
        (carried(value, session, host_of(tenant_a)), ""),
        (carried(value, folder_cookie_name(tenant_a.ref)), "/w/alpha"),
        (carried(value, folder_cookie_name(tenant_b.ref)), "/w/alpha"),
        (carried(value, session), "/w/alpha"),
    ]

    for browser, prefix in attempts:
        for page in PAGES:
            answer = browser.get(prefix + page)
            assert answer.status_code == 302, (prefix, page, answer.status_code)
            assert "/login/" in answer["Location"]
    app = carried(value, session)
    for page in ("/workspaces/", "/enter/alpha/"):
        answer = app.get(page)
        assert "ticket=" not in answer.headers.get("Location", ""), page
        assert "alpha" not in text_of(answer).lower() or "/login/" in answer.headers.get("Location", ""), page


def test_the_apps_session_opens_no_workspace_without_a_ticket(tenant_a: Workspace, planted: Planted) -> None:
    value = session_of(logged_in(tenant_a.owner, None, "testserver"))

    for browser, prefix in (
        (carried(value, settings.SESSION_COOKIE_NAME, host_of(tenant_a)), ""),
        (carried(value, settings.SESSION_COOKIE_NAME), "/w/alpha"),
        (carried(value, folder_cookie_name(tenant_a.ref)), "/w/alpha"),
    ):
        answer = browser.get(f"{prefix}/events/")
        assert answer.status_code == 302
        assert CANARY not in text_of(answer)


def test_a_removed_member_is_out_with_the_next_request(tenant_a: Workspace, planted: Planted) -> None:
    browser = logged_in(tenant_a.owner, tenant_a, host_of(tenant_a))
    assert browser.get("/events/").status_code == 200

    with public_scope():
        Membership.objects.filter(user=tenant_a.owner).delete()

    for page in (*PAGES, "/live-token/"):
        answer = browser.get(page)
        assert answer.status_code == 404
        assert CANARY not in text_of(answer)


def test_a_blocked_person_is_out_with_the_next_request(tenant_a: Workspace, planted: Planted) -> None:
    browser = logged_in(tenant_a.owner, tenant_a, host_of(tenant_a))

    with public_scope():
        tenant_a.owner.__class__.objects.filter(pk=tenant_a.owner.pk).update(is_active=False)

    assert browser.get("/events/").status_code == 302


LATCH = new_latch()
SEAL = seal_of(LATCH)


def latched(host: str, latch: str = LATCH) -> Client:
    """A browser that has been at the workspace's host before."""
    browser = client(host)
    browser.cookies["automate_latch"] = latch
    return browser


def test_a_ticket_opens_one_door_once_and_not_for_long(tenant_a: Workspace, tenant_b: Workspace) -> None:
    now = timezone.now()
    with public_scope():
        ticket = issue_ticket(tenant_a.owner.pk, tenant_a.ref.id, now, seal=SEAL)
        other = issue_ticket(tenant_b.owner.pk, tenant_b.ref.id, now, seal=SEAL)
        old = issue_ticket(tenant_a.owner.pk, tenant_a.ref.id, now - timedelta(seconds=61), seal=SEAL)
        with pytest.raises(InvalidTicket):
            issue_ticket(tenant_b.owner.pk, tenant_a.ref.id, now, seal=SEAL)
    signed, _, mac = ticket.rpartition(":")
    nonce, user, tenant, seal = signed.split(".")
    forged = [old, other, "", "x", mac, f"{signed}:", ticket.swapcase(), ticket + "x", "\x00", ticket * 10]
    forged += [f"{nonce}.{tenant_b.owner.pk}.{tenant}.{seal}:{mac}", f"{nonce}.{user}.{tenant}0.{seal}:{mac}"]
    forged += [f"{nonce}.{user}.{tenant}:{mac}", f"{nonce}.{user}.{tenant}.{seal_of(new_latch())}:{mac}"]
    forged += [f"{signed}:{other.rpartition(':')[2]}"]

    for text in forged:
        browser = latched(host_of(tenant_a))
        answer = browser.get("/handover/", {"ticket": text})
        assert answer.status_code == 401, (text, answer.status_code)
        assert settings.SESSION_COOKIE_NAME not in browser.cookies, text

    first, second = latched(host_of(tenant_a)), latched(host_of(tenant_a))
    for latch in ("", new_latch(), SEAL):  # whoever only has the link: a log, a neighbour, somebody it was sent to
        stranger = latched(host_of(tenant_a), latch)
        assert stranger.get("/handover/", {"ticket": ticket}).status_code == 401
        assert settings.SESSION_COOKIE_NAME not in stranger.cookies
    assert first.get("/handover/", {"ticket": ticket}).status_code == 302
    assert first.get("/events/").status_code == 200
    assert second.get("/handover/", {"ticket": ticket}).status_code == 401
    assert second.get("/events/").status_code == 302
    with public_scope(), pytest.raises(InvalidTicket):
        redeem_ticket(ticket, tenant_a.ref.id, now, latch=LATCH)


STRANGERS = ("//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "\t//evil.example")
OURS = re.compile(r"(https?://((alpha|app)\.)?(localhost|testserver)(:\d+)?)?/(?![/\\])")


@pytest.mark.parametrize("next_", STRANGERS)
def test_no_way_in_leads_to_a_strangers_site(next_: str, tenant_a: Workspace) -> None:
    with public_scope():
        ticket = issue_ticket(tenant_a.owner.pk, tenant_a.ref.id, timezone.now(), seal=SEAL)
    app = logged_in(tenant_a.owner, None, "testserver")

    answers = [
        latched(host_of(tenant_a)).get("/handover/", {"ticket": ticket, "next": next_}),
        client(host_of(tenant_a)).get("/handover/", {"next": next_, "at": "evil.example"}),
        app.get("/enter/alpha/", {"next": next_, "seal": SEAL}),
        app.get("/enter/alpha/", {"next": next_}),
        app.get("/login/", {"next": next_}),
        app.post("/theme/", {"theme": "dark", "next": next_}),
    ]

    for answer in answers:
        assert OURS.match(answer.headers.get("Location", "/")), answer.headers["Location"]


@pytest.fixture
def letters(tmp_path: Path, settings: Any) -> Path:
    """The folder of the mailbox of home, and mail going there."""
    settings.MAILBOX_DIR = tmp_path
    settings.EMAIL_BACKEND = "automate_web.mailbox.MailboxBackend"
    return tmp_path


def test_a_reset_link_leads_to_us_whatever_host_asked_for_it(tenant_a: Workspace, letters: Path) -> None:
    """The mail is the proof of who one is: a link to a stranger's host would hand it over."""
    for host in ("evil.example", "testserver.evil.example", "alpha.localhost.evil.example"):
        for headers in ({"Host": host}, {"X-Forwarded-Host": host}):
            client("testserver").post("/password/reset/", {"email": tenant_a.owner.email}, headers=headers)

    for letter in letters.glob("*.eml"):
        assert "evil.example" not in letter.read_text()


def test_the_mailbox_of_home_is_shown_at_home_only(tenant_a: Workspace, letters: Path, settings: Any) -> None:
    """A page elsewhere whose name is made to resolve to this machine (DNS rebinding) must not read reset links."""
    settings.BASE_URL = "http://localhost:8000"
    client("localhost:8000").post("/password/reset/", {"email": tenant_a.owner.email})
    assert list(letters.glob("*.eml"))

    at_home = client("localhost:8000").get("/mailbox/")
    rebound = client("evil.example").get("/mailbox/")
    neighbour = client("localhost:8000", REMOTE_ADDR="203.0.113.9").get("/mailbox/")

    assert (at_home.status_code, rebound.status_code, neighbour.status_code) == (200, 400, 404)
    assert tenant_a.owner.email in text_of(at_home)
    assert tenant_a.owner.email not in text_of(rebound) + text_of(neighbour)


@pytest.mark.parametrize("number", ["0", "2147483648", "9223372036854775808", "9" * 60])
def test_a_number_too_large_for_a_column_is_not_found(number: str, tenant_a: Workspace, planted: Planted) -> None:
    browser = logged_in(tenant_a.owner, tenant_a, host_of(tenant_a))

    for path in (f"/developers/keys/{number}/", f"/workflows/{planted.ids['workflow_id']}/versions/{number}/"):
        assert browser.get(path).status_code == 404, path


def test_a_form_of_another_site_changes_nothing(tenant_a: Workspace, planted: Planted) -> None:
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    value = session_of(logged_in(tenant_a.owner, tenant_a, host_of(tenant_a)))
    browser.cookies[settings.SESSION_COOKIE_NAME] = value
    browser.defaults["HTTP_HOST"] = host_of(tenant_a)
    before = fingerprint(tenant_a.ref)

    for path in (f"/developers/keys/{planted.ids['key_id']}/revoke/", "/start/events/", "/developers/keys/", "/leave/"):
        for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "http://beta.localhost"}):
            assert browser.post(path, {"name": f"{CANARY} key"}, headers=headers).status_code == 403, path

    assert fingerprint(tenant_a.ref) == before
