"""Sessions: one planted by somebody else is worth nothing after log-in, and one that was left is over."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from automate_tenants.handover import issue_ticket, new_latch, seal_of
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter

COOKIE = django_settings.SESSION_COOKIE_NAME


@pytest.fixture(autouse=True)
def _no_limits(settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = False
    settings.BASE_URL = "http://app.localhost"


def planted(browser: Client) -> str:
    """A session that exists before its owner logs in, as an attacker would plant it."""
    session = browser.session
    session["seen"] = True
    session.save()
    return str(session.session_key)


def log_in(browser: Client, workspace: Workspace) -> Any:
    answer = browser.post("/login/", {"login": workspace.owner.email, "password": workspace.password})
    assert answer.status_code == 302, answer.content
    return answer


@pytest.mark.django_db
def test_log_in_gives_a_new_session_id(app: Client, tenant_a: Workspace) -> None:
    key = planted(app)

    log_in(app, tenant_a)

    assert app.cookies[COOKIE].value != key
    assert not Session.objects.filter(session_key=key).exists()
    thief = Client(headers={"host": "app.localhost"}, REMOTE_ADDR="127.0.0.1")
    thief.cookies[COOKIE] = key
    assert thief.get("/workspaces/").status_code == 302


@pytest.mark.django_db
def test_a_hand_over_gives_a_new_session_id(tenant_a: Workspace) -> None:
    browser = Client(headers={"host": "alpha.localhost"}, REMOTE_ADDR="127.0.0.1")
    key = planted(browser)
    latch = new_latch()
    browser.cookies["automate_latch"] = latch
    ticket = issue_ticket(tenant_a.owner.pk, tenant_a.ref.id, timezone.now(), seal=seal_of(latch))

    assert browser.get("/handover/", {"ticket": ticket}).status_code == 302

    name = next(
        name for name in browser.cookies if browser.cookies[name].value and name not in {"csrftoken", "automate_latch"}
    )
    assert browser.cookies[name].value != key
    assert browser.get("/runs/").status_code == 200
    assert not Session.objects.filter(session_key=key).exists()


@pytest.mark.django_db
def test_a_cookie_kept_from_before_log_out_opens_nothing(tenant_a: Workspace, enter: Enter) -> None:
    browser = enter(tenant_a)
    kept = {name: morsel.value for name, morsel in browser.cookies.items()}
    assert browser.get("/runs/").status_code == 200

    browser.post("/leave/")

    thief = Client(headers={"host": "alpha.localhost"}, REMOTE_ADDR="127.0.0.1")
    thief.cookies.load(kept)
    assert thief.get("/runs/").status_code == 302


@pytest.mark.django_db
def test_the_cookie_is_for_the_host_alone_and_out_of_scripts_reach(app: Client, tenant_a: Workspace) -> None:
    log_in(app, tenant_a)

    cookie = app.cookies[COOKIE]
    assert (cookie["domain"], cookie["httponly"], cookie["samesite"]) == ("", True, "Lax")
