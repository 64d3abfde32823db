"""Account: address, password, second factor, passkeys' pages, and where a person is logged in."""

from __future__ import annotations

import base64
import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.usersessions.models import UserSession
from django.contrib.auth import get_user_model
from django.test import Client

from automate_tenants.models import AccountEvent, Tenant
from automate_web import mailbox
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter, carry_over

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_mailbox")]
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def log_in(workspace: Workspace, **headers: str) -> Client:
    """A browser at the app's host; the owner's address is confirmed."""
    EmailAddress.objects.get_or_create(user=workspace.owner, email=workspace.owner.email, verified=True, primary=True)
    browser = Client(headers={"host": "app.localhost", "user-agent": AGENT, **headers}, REMOTE_ADDR="127.0.0.1")
    answer = browser.post("/login/", {"login": workspace.owner.email, "password": workspace.password})
    assert answer.status_code == 302
    return browser


def prove(browser: Client, workspace: Workspace) -> None:
    """Type the password again, as every change asks."""
    done = browser.post("/account/again/", {"password": workspace.password, "next": "/account/"})
    assert done.headers["Location"] == "/account/"


def digits(secret: str, step: int = 0) -> str:
    """What an authenticator app shows (RFC 6238), now or `step` periods later."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + step)))


def turn_on(browser: Client, workspace: Workspace) -> str:
    """Set up an authenticator app as a person does; the key that the app keeps."""
    prove(browser, workspace)
    page = browser.get("/account/app/").content.decode()
    secret = re.search(r"<code class=\"breaks\">([A-Z2-7]+)</code>", page)
    assert secret, page
    done = browser.post("/account/app/", {"code": digits(secret[1])})
    assert done.headers["Location"] == "/account/codes/"
    return secret[1]


def test_the_account_is_one_page_and_for_nobody_else(app: Client, tenant_a: Workspace) -> None:
    assert app.get("/account/").headers["Location"].startswith("/login/")
    shown = log_in(tenant_a).get("/account/").content.decode()

    assert tenant_a.owner.email in shown
    assert "Firefox on Linux" in shown
    assert "this browser" in shown


def test_an_app_is_asked_for_at_log_in_and_its_key_is_sealed_in_the_database(tenant_a: Workspace) -> None:
    browser = log_in(tenant_a)
    secret = turn_on(browser, tenant_a)
    stored = str([one.data for one in Authenticator.objects.all()])
    assert secret not in stored
    assert base64.b32decode(secret).hex() not in stored

    other = Client(headers={"host": "app.localhost"}, REMOTE_ADDR="127.0.0.1")
    half = other.post("/login/", {"login": tenant_a.owner.email, "password": tenant_a.password})
    assert half.headers["Location"] == "/login/code/"
    assert other.get("/workspaces/").headers["Location"].startswith("/login/")  # the password alone opens nothing
    assert other.post("/login/code/", {"code": "000000"}).status_code == 200
    assert other.post("/login/code/", {"code": digits(secret, 1)}).headers["Location"] == "/"
    assert other.get("/workspaces/").status_code == 200


def test_a_recovery_code_opens_once(tenant_a: Workspace) -> None:
    browser = log_in(tenant_a)
    turn_on(browser, tenant_a)
    code = browser.get("/account/codes/file/").content.decode().split()[-1]
    assert code in browser.get("/account/codes/").content.decode()

    for expected in (302, 200):
        other = Client(headers={"host": "app.localhost"}, REMOTE_ADDR="127.0.0.1")
        other.post("/login/", {"login": tenant_a.owner.email, "password": tenant_a.password})
        assert other.post("/login/code/", {"code": code}).status_code == expected


def test_sign_up_with_ones_own_password_does_not_go_round_the_second_factor(tenant_a: Workspace) -> None:
    turn_on(log_in(tenant_a), tenant_a)
    visitor = Client(headers={"host": "app.localhost"}, REMOTE_ADDR="127.0.0.1")

    form = {"email": tenant_a.owner.email, "password1": tenant_a.password, "workspace_name": "More", "address": ""}
    answer = visitor.post("/signup/", form)

    assert answer.headers["Location"] == "/login/code/"
    assert visitor.get("/workspaces/").headers["Location"].startswith("/login/")


def test_nobody_protects_an_account_whose_address_is_not_theirs(enter: Enter, tenant_a: Workspace) -> None:
    browser = Client(headers={"host": "app.localhost"}, REMOTE_ADDR="127.0.0.1")
    browser.post("/login/", {"login": tenant_a.owner.email, "password": tenant_a.password})

    for path in ("/account/app/", "/account/passkeys/new/"):
        refused = browser.get(path, follow=True)
        assert refused.redirect_chain[-1][0] == "/account/"
        assert b"Confirm your e-mail address first" in refused.content


def test_what_protects_the_account_is_changed_only_by_who_has_just_proven_it(tenant_a: Workspace) -> None:
    browser = log_in(tenant_a)

    for path in ("/account/app/", "/account/passkeys/new/", "/account/codes/new/"):
        assert browser.get(path).headers["Location"].startswith("/account/again/"), path
    asked = browser.post("/account/email/", {"email": "new@example.com", "action_add": "yes"})
    assert asked.headers["Location"].startswith("/account/again/")
    assert "Is it you?" in browser.get(asked.headers["Location"]).content.decode()
    assert browser.post("/account/again/", {"password": "wrong", "next": "/account/"}).status_code == 200
    assert not EmailAddress.objects.filter(email="new@example.com").exists()
    assert "oldpassword" in browser.get("/account/password/").content.decode()  # asked beside the new one


def test_a_new_password_logs_every_other_browser_out_and_a_letter_says_so(tenant_a: Workspace) -> None:
    here, there = log_in(tenant_a), log_in(tenant_a)
    new = "another horse battery"

    form = {"oldpassword": tenant_a.password, "password1": new, "password2": new}
    assert here.post("/account/password/", form).status_code == 302

    assert here.get("/account/").status_code == 200
    assert there.get("/account/").status_code == 302
    assert any("password" in letter.subject.lower() for letter in mailbox.letters())


def test_a_new_address_counts_once_its_letter_is_answered(tenant_a: Workspace) -> None:
    browser, old, new = log_in(tenant_a), tenant_a.owner.email, "ada.new@example.com"

    prove(browser, tenant_a)
    browser.post("/account/email/", {"email": new, "action_add": "yes"})
    user = get_user_model().objects.get(pk=tenant_a.owner.pk)
    assert user.email == old
    assert "takes its place" in browser.get("/account/").content.decode()
    [letter] = [one for one in mailbox.letters() if one.to == new]
    link = re.search(r"/confirm-email/[^/\s]+/", letter.body)
    assert link, letter.body
    browser.post(link[0])

    user.refresh_from_db()
    assert user.email == new
    assert list(EmailAddress.objects.filter(user=user).values_list("email", "verified")) == [(new, True)]


def test_a_browser_is_logged_out_from_another_with_the_workspaces_it_opened(tenant_a: Workspace) -> None:
    here, there = log_in(tenant_a), log_in(tenant_a)
    inside, _, _ = carry_over(there, there.get("/").headers["Location"])
    assert inside.get("/team/").status_code == 200
    shown = here.get("/account/").content.decode()
    assert "in alpha" in shown
    sessions = UserSession.objects.filter(user=tenant_a.owner)
    [other] = [one for one in sessions if one.session_key == there.session.session_key]

    here.post("/account/sessions/ends/", {"session": str(other.pk)})

    assert there.get("/account/").status_code == 302
    assert inside.get("/team/").status_code == 302
    assert here.get("/account/").status_code == 200


def test_nobody_ends_a_session_of_somebody_else(tenant_a: Workspace, tenant_b: Workspace) -> None:
    mine, theirs = log_in(tenant_a), log_in(tenant_b)
    [session] = UserSession.objects.filter(user=tenant_b.owner)

    mine.post("/account/sessions/ends/", {"session": str(session.pk)})

    assert theirs.get("/account/").status_code == 200


def test_all_others_are_logged_out_at_once(tenant_a: Workspace) -> None:
    here, *others = [log_in(tenant_a) for _ in range(3)]

    said = here.post("/account/sessions/ends/", {"others": "yes"}, follow=True).content.decode()

    assert "Logged out 2 browsers." in said
    assert [one.get("/account/").status_code for one in others] == [302, 302]


def test_a_workspace_that_demands_a_second_factor_leads_there_and_lets_in_who_has_one(tenant_a: Workspace) -> None:
    browser = log_in(tenant_a)
    inside, _, _ = carry_over(browser, browser.get("/").headers["Location"])
    Tenant.objects.filter(pk=tenant_a.ref.id).update(requires_second_factor=True)
    _forget(tenant_a)

    led = inside.get("/workflows/")
    way = urlsplit(led.headers["Location"])
    assert (way.path, parse_qs(way.query)) == ("/account/", {"needed": ["alpha"]})
    assert inside.get("/workflows/", headers={"HX-Request": "true"}).headers["HX-Redirect"] == led.headers["Location"]
    assert "lets in only members with a second factor" in browser.get(f"{way.path}?{way.query}").content.decode()
    turn_on(browser, tenant_a)
    assert inside.get("/workflows/").status_code == 200
    _forget(tenant_a)


def test_who_is_led_to_the_account_can_still_log_out(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a, "viewer")
    Tenant.objects.filter(pk=tenant_a.ref.id).update(requires_second_factor=True)
    _forget(tenant_a)

    assert browser.get("/team/").status_code == 302
    assert browser.post("/leave/").headers["Location"].startswith("http://app.localhost/left/")
    _forget(tenant_a)


def _forget(workspace: Workspace) -> None:
    from automate_tenants import directory

    directory.forget(workspace.ref.slug)


def test_what_happens_to_an_account_is_listed_with_time_and_address(tenant_a: Workspace) -> None:
    browser = log_in(tenant_a)
    log_in(tenant_a)
    prove(browser, tenant_a)
    changed = {"oldpassword": tenant_a.password, "password1": "another-horse-1", "password2": "another-horse-1"}
    browser.post("/account/sessions/ends/", {"others": "yes"})
    browser.post("/account/password/", changed)

    page = browser.get("/account/").content.decode()

    log = AccountEvent.objects.filter(user=tenant_a.owner).order_by("id")
    assert [(one.action, one.ip, one.browser) for one in log] == [
        ("sessions_ended", "127.0.0.1", "Firefox on Linux"),
        ("password_changed", "127.0.0.1", "Firefox on Linux"),
    ]
    assert "Password changed" in page
    assert "another-horse-1" not in str(list(log.values()))


def test_the_status_page_is_open_and_names_no_workspace(tenant_a: Workspace) -> None:
    page = Client(headers={"host": "app.localhost"}).get("/status/")

    assert page.status_code == 200
    assert "Work is late" in page.content.decode()  # no worker listens here
    assert "alpha" not in page.content.decode()
