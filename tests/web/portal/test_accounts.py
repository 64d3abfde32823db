"""Sign-up, log-in, hand-over, log-out, reset: what a visitor can do, and what nobody can find out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from automate_tenants.models import Membership, Tenant
from automate_web import mailbox
from automate_web.accounts import first_key
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import carry_over

PASSWORD = "correct horse battery"
pytestmark = pytest.mark.usefixtures("own_mailbox")


def sign_up(app: Client, **changes: str) -> Any:
    form = {"email": f"{uuid4().hex}@example.com", "password1": PASSWORD, "workspace_name": "Acme", "address": ""}
    return app.post("/signup/", {**form, **changes})


def follow_into_workspace(app: Client) -> Client:
    """Go where `/` leads: over the hand-over to the workspace's host, as a browser would."""
    browser, _, arrived = carry_over(app, app.get("/").headers["Location"])
    assert arrived == "/start/"
    return browser


@pytest.mark.django_db
def test_sign_up_makes_a_person_a_workspace_and_shows_its_key_until_it_is_saved(app: Client) -> None:
    assert sign_up(app, email="new@example.com").headers["Location"] == "/"
    browser = follow_into_workspace(app)

    tenant = Tenant.objects.get(slug="acme")
    assert Membership.objects.get(tenant=tenant).user.email == "new@example.com"
    shown = browser.get("/start/").content
    assert re.search(rb"am_live_\w{38}", shown)
    stored = str(browser.session.items()) + str(app.session.items())
    key = re.search(rb"am_live_\w{38}", shown)
    assert key and key[0].decode() not in stored  # the session's row holds sealed bytes only
    browser.post("/start/key-saved/")
    again = browser.get("/start/").content
    assert b"am_live_" not in again
    assert b"DJANGO_AUTOMATE_KEY" in again


@pytest.mark.django_db
def test_sign_up_with_a_known_address_cannot_be_told_from_one_with_a_new(app: Client) -> None:
    sign_up(app, email="known@example.com", workspace_name="First")
    unknown, known = Client(headers={"host": "app.localhost"}), Client(headers={"host": "app.localhost"})

    new_answer = sign_up(unknown, email="unknown@example.com", workspace_name="Second")
    known_answer = sign_up(known, email="known@example.com", password1="another password", workspace_name="Third")

    assert known_answer.status_code == new_answer.status_code == 302
    assert known_answer.headers["Location"] == new_answer.headers["Location"]
    assert known_answer.content == new_answer.content
    owners = {Membership.objects.get(tenant__slug=slug).user_id for slug in ("first", "third")}
    assert len(owners) == 2  # nobody got into the known person's account


@pytest.mark.django_db
def test_sign_up_again_with_ones_own_password_opens_one_more_workspace(app: Client) -> None:
    sign_up(app, email="twice@example.com", workspace_name="First")
    other = Client(headers={"host": "app.localhost"})
    sign_up(other, email="twice@example.com", workspace_name="Second")

    user = get_user_model().objects.get(email="twice@example.com")
    assert Membership.objects.filter(user=user).count() == 2
    assert b"Second" in other.get("/workspaces/").content


@pytest.mark.django_db
def test_a_taken_or_reserved_address_is_said_beside_its_field_and_nothing_is_left(app: Client) -> None:
    sign_up(app, workspace_name="Acme", address="acme")
    other = Client(headers={"host": "app.localhost"})
    people, tenants = get_user_model().objects.count(), Tenant.objects.count()

    taken = sign_up(other, email="late@example.com", address="acme")
    reserved = sign_up(other, email="late@example.com", address="api")
    short = sign_up(other, email="late@example.com", password1="short")

    assert b"acme-2" in taken.content
    assert b"late@example.com" in taken.content  # what was typed stays
    assert b"reserved" in reserved.content
    assert b"at least 10" in short.content
    assert (get_user_model().objects.count(), Tenant.objects.count()) == (people, tenants)


@pytest.mark.django_db
def test_a_workspace_that_cannot_be_made_leaves_nothing_and_offers_another_try(
    app: Client, settings: Any, tmp_path: Path
) -> None:
    good = settings.KEY_STORE_DIR
    (tmp_path / "file").touch()
    settings.KEY_STORE_DIR = tmp_path / "file" / "keys"  # a full or lost disk looks like this from here

    failed = sign_up(app, email="patient@example.com", workspace_name="Patience", address="patience")

    assert failed.status_code == 503
    assert "could not be made just now" in failed.text and "Please try again" in failed.text
    assert 'value="patient@example.com"' in failed.text and 'value="patience"' in failed.text
    assert not get_user_model().objects.filter(email="patient@example.com").exists()
    assert not Tenant.objects.filter(slug="patience").exists()
    settings.KEY_STORE_DIR = good
    assert sign_up(app, email="patient@example.com", address="patience").status_code == 302
    settings.KEY_STORE_DIR = tmp_path / "file" / "keys"
    one_more = app.post("/workspaces/", {"workspace_name": "More", "address": "more"})
    assert one_more.status_code == 503 and not Tenant.objects.filter(slug="more").exists()


@pytest.mark.django_db
def test_an_address_is_checked_as_it_is_typed(app: Client) -> None:
    sign_up(app, address="acme")

    assert b"is free" in app.get("/signup/address/", {"address": "other"}).content
    assert b"acme-2" in app.get("/signup/address/", {"address": "acme"}).content
    assert b"is free" in app.get("/signup/address/", {"workspace_name": "Acme"}).content
    assert app.get("/signup/address/").content == b""


def test_a_ticket_opens_its_workspace_once(app: Client, tenant_a: Workspace, tenant_b: Workspace) -> None:
    app.force_login(tenant_a.owner, backend="allauth.account.auth_backends.AuthenticationBackend")
    browser, ticket, arrived = carry_over(app, app.get("/enter/alpha/", {"next": "/runs/?q=1"}).headers["Location"])

    assert arrived == "/runs/?q=1"
    assert browser.get("/runs/").status_code == 200
    assert browser.get(ticket).status_code == 401  # spent
    assert Client(headers={"host": "beta.localhost"}).get(ticket).status_code == 401
    assert app.get("/enter/beta/").status_code == 404


def test_a_link_into_ones_own_account_logs_nobody_else_in(
    app: Client, tenant_a: Workspace, tenant_b: Workspace
) -> None:
    """Log-in by a foreign link: what the victim then types would land in the sender's workspace."""
    app.force_login(tenant_a.owner, backend="allauth.account.auth_backends.AuthenticationBackend")
    attacker = Client(headers={"host": "alpha.localhost"})
    back = attacker.get("/handover/").headers["Location"].removeprefix("http://app.localhost")
    link = app.get(back).headers["Location"].removeprefix("http://alpha.localhost")

    victim = Client(headers={"host": "alpha.localhost"})
    victim.get("/handover/")  # has a latch of their own
    refused = victim.get(link)

    assert refused.status_code == 401 and "Log in" in refused.text
    assert victim.get("/runs/").status_code == 302
    assert attacker.get(link).status_code == 302


@pytest.mark.django_db
def test_the_latch_is_for_one_host_and_out_of_scripts_reach(tenant_a: Workspace, settings: Any) -> None:
    browser = Client(headers={"host": "alpha.localhost"})

    first = browser.get("/handover/", {"at": "evil.example"})
    second = browser.get("/handover/", {"at": "localhost"})

    cookie = browser.cookies["automate_latch"]
    assert (cookie["domain"], cookie["path"], cookie["httponly"], cookie["samesite"]) == ("", "/", True, "Lax")
    assert first.headers["Location"].startswith("http://app.localhost/enter/alpha/?next=%2F&seal=")
    assert second.headers["Location"].startswith("http://localhost/enter/alpha/")  # the app's other name
    assert cookie.value not in first.headers["Location"]
    settings.SESSION_COOKIE_SECURE = True
    browser.get("/handover/", secure=True)
    assert browser.cookies["__Host-automate_latch"]["secure"]
    folder = Client(headers={"host": "127.0.0.1"}).get("/w/alpha/handover/")
    assert folder.headers["Location"].startswith("/enter/alpha/?")
    assert folder.cookies["automate_latch"]["path"] == "/w/alpha/"


@pytest.mark.parametrize("path", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"])
def test_no_redirect_leads_to_another_site(app: Client, tenant_a: Workspace, path: str) -> None:
    app.force_login(tenant_a.owner, backend="allauth.account.auth_backends.AuthenticationBackend")

    _, _, arrived = carry_over(app, app.get("/enter/alpha/", {"next": path}).headers["Location"])
    assert arrived == "/"
    assert app.get("/login/", {"next": path}).headers["Location"] == "/"
    assert app.post("/theme/", {"theme": "dark", "next": path}).headers["Location"] == "/"


def test_log_out_of_a_workspace_ends_the_apps_session_too_but_only_ones_own(
    app: Client, tenant_a: Workspace, tenant_b: Workspace
) -> None:
    backend = "allauth.account.auth_backends.AuthenticationBackend"
    app.force_login(tenant_a.owner, backend=backend)
    browser, _, _ = carry_over(app, app.get("/enter/alpha/").headers["Location"])

    word = browser.post("/leave/").headers["Location"].removeprefix("http://app.localhost")
    other = Client(headers={"host": "app.localhost"})
    other.force_login(tenant_b.owner, backend=backend)
    other.get(word)
    app.get("/left/?word=forged")

    assert other.get("/workspaces/").status_code == 200
    assert app.get("/workspaces/").status_code == 200
    app.get(word)
    assert app.get("/workspaces/").status_code == 302
    assert browser.get("/runs/").status_code == 302


def test_a_password_is_reset_by_the_letter_in_the_mailbox(app: Client, tenant_a: Workspace) -> None:
    known = app.post("/password/reset/", {"email": tenant_a.owner.email})
    unknown = app.post("/password/reset/", {"email": "nobody@example.com"})
    assert known.headers["Location"] == unknown.headers["Location"]

    letter = next(one for one in mailbox.letters() if one.to == tenant_a.owner.email)
    link = re.search(r"http://app\.localhost(/password/reset/key/\S+)", letter.body)
    assert link and link[0].encode() in app.get("/mailbox/").content
    form = app.get(link[1], follow=True)
    app.post(form.redirect_chain[-1][0], {"password1": "a whole new phrase", "password2": "a whole new phrase"})

    answer = app.post("/login/", {"login": tenant_a.owner.email, "password": "a whole new phrase"})
    assert answer.status_code == 302
    assert app.get("/workspaces/").status_code == 200


def test_letters_are_for_this_machine_alone(app: Client, tenant_a: Workspace, settings: Any) -> None:
    app.post("/password/reset/", {"email": tenant_a.owner.email})

    files = list(Path(settings.MAILBOX_DIR).glob("*.eml"))
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600]
    assert app.get("/mailbox/").status_code == 200
    assert app.get("/mailbox/", REMOTE_ADDR="203.0.113.7").status_code == 404
    settings.BASE_URL = "https://app.automate.example"
    assert app.get("/mailbox/").status_code == 404
    settings.BASE_URL, settings.EMAIL_BACKEND = "http://localhost", "django.core.mail.backends.smtp.EmailBackend"
    assert app.get("/mailbox/").status_code == 404


def test_a_wrong_password_is_refused_and_guessing_is_limited(app: Client, tenant_a: Workspace, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/5m/key"}
    tries = [app.post("/login/", {"login": tenant_a.owner.email, "password": f"guess {n}"}) for n in range(5)]

    assert b"not correct" in tries[0].content
    assert b"Too many" in tries[-1].content
    assert app.get("/workspaces/").status_code == 302


def test_a_sealed_key_opens_for_its_workspace_and_within_its_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    session: Any = {}
    first_key.put(session, 7, "am_live_text")

    assert first_key.get(session, 7) == "am_live_text"
    assert first_key.get(session, 8) is None
    assert "am_live_text" not in str(session)
    sealed = first_key.take_sealed(session, 7)
    assert sealed and not session
    first_key.accept_sealed(session, 8, sealed)
    assert not session
    first_key.accept_sealed(session, 7, sealed)
    assert first_key.get(session, 7) == "am_live_text"
    monkeypatch.setattr("automate_web.accounts.first_key.LIFE_SECONDS", -1)
    first_key.put(session, 7, "am_live_text")
    assert first_key.get(session, 7) is None


@pytest.mark.django_db
def test_many_people_behind_one_address_can_sign_up_but_none_can_guess_by_it(app: Client, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "2/5m/ip,2/5m/key"}
    sign_up(app, email="known@example.com", workspace_name="Mine")

    for number in range(4):
        visitor = Client(headers={"host": "app.localhost"}, REMOTE_ADDR="127.0.0.1")
        assert sign_up(visitor, workspace_name=f"Neighbour {number}").status_code == 302
    for number in range(4):
        visitor = Client(headers={"host": "app.localhost"}, REMOTE_ADDR="127.0.0.1")
        guess = sign_up(visitor, email="known@example.com", password1=f"guess number {number}")
        assert guess.status_code == 302
    right = Client(headers={"host": "app.localhost"}, REMOTE_ADDR="127.0.0.1")
    sign_up(right, email="known@example.com", workspace_name="Not mine")

    assert b"Mine" not in right.get("/workspaces/").content.replace(b"Not mine", b"")
