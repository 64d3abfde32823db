"""The Team page, the letter, and the ways in for who was invited."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.core.mail.backends.base import BaseEmailBackend
from django.test import Client

from automate_tenants.models import Invitation, Membership
from automate_web import mailbox
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter, carry_over

PASSWORD = "correct horse battery"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_mailbox")]


class AwayBackend(BaseEmailBackend):
    """A mail server that is down."""

    def send_messages(self, email_messages: Any) -> int:
        raise OSError("connection refused")


@pytest.fixture
def owner(enter: Enter, tenant_a: Workspace) -> Client:
    """The owner's browser; the owner's address is confirmed."""
    EmailAddress.objects.create(user=tenant_a.owner, email=tenant_a.owner.email, verified=True, primary=True)
    return enter(tenant_a)


def invite(browser: Client, emails: str, role: str = "builder") -> Any:
    return browser.post("/team/", {"emails": emails, "role": role}, follow=True)


def link_mailed(to: str) -> str:
    """The path of the link in the newest letter to this address."""
    letter = next(one for one in mailbox.letters() if to in one.to)
    found = re.search(r"http://app\.localhost(/invitations/[\w-]+/)", letter.body)
    assert found, letter.body
    return found[1]


def test_several_people_are_invited_at_once_and_stand_in_the_list(owner: Client) -> None:
    page = invite(owner, "ada@example.com, Bob@example.com\ncleo@example.com", "operator")

    assert "A letter is on its way to ada@example.com, bob@example.com, cleo@example.com." in page.text
    assert [one.email for one, _ in page.context["invitations"]] == [
        "cleo@example.com",
        "bob@example.com",
        "ada@example.com",
    ]
    assert {one.role for one, _ in page.context["invitations"]} == {"operator"}
    assert len({link_mailed(f"{name}@example.com") for name in ("ada", "bob", "cleo")}) == 3


def test_who_has_no_account_chooses_a_password_and_is_in(owner: Client, app: Client, tenant_a: Workspace) -> None:
    invite(owner, "ada@example.com", "operator")
    link = link_mailed("ada@example.com")
    page = app.get(link)
    assert "Join Alpha" in page.text and "Operator" in page.text
    assert app.post(link, {"password": "short"}).status_code == 422

    answer = app.post(link, {"password": PASSWORD})
    browser, _, arrived = carry_over(app, app.get(answer.headers["Location"]).headers["Location"])

    assert arrived == "/"
    joined = Membership.objects.get(user__email="ada@example.com", tenant_id=tenant_a.ref.id)
    assert joined.role == "operator"
    assert EmailAddress.objects.get(email="ada@example.com").verified
    assert "Welcome to Alpha" in browser.get("/runs/").text
    browser.post("/team/tour/")
    assert "Welcome to Alpha" not in browser.get("/runs/").text
    assert app.get(link).status_code == 404


def test_an_invited_billing_member_lands_where_the_role_may_look(owner: Client, app: Client) -> None:
    invite(owner, "bill@example.com", "billing")
    link = link_mailed("bill@example.com")
    answer = app.post(link, {"password": PASSWORD})
    browser, _, arrived = carry_over(app, app.get(answer.headers["Location"]).headers["Location"])

    page = browser.get(arrived)

    assert (page.status_code, arrived) == (200, "/")
    assert "Welcome to Alpha" in page.text
    assert "<strong>Events</strong>" not in page.text
    assert browser.post("/team/tour/", follow=True).status_code == 200


def test_who_has_an_account_logs_in_first(owner: Client, app: Client) -> None:
    user = get_user_model().objects.create_user(username="ada", email="ada@example.com", password=PASSWORD)
    invite(owner, "ada@example.com")
    link = link_mailed("ada@example.com")
    assert f"/login/?next={link}" in app.get(link).text
    assert app.post(link, {"password": "a new password"}).status_code == 200
    user.refresh_from_db()
    assert user.check_password(PASSWORD)

    answer = app.post(f"/login/?next={link}", {"login": "ada@example.com", "password": PASSWORD})
    assert answer.headers["Location"] == link
    assert app.post(link).headers["Location"] == "/enter/alpha/"
    assert Membership.objects.get(user=user).role == "builder"


def test_a_link_of_another_address_is_told_and_opens_nothing(owner: Client, app: Client) -> None:
    other = get_user_model().objects.create_user(username="bob", email="bob@example.com")
    app.force_login(other, backend="allauth.account.auth_backends.AuthenticationBackend")
    invite(owner, "ada@example.com")

    answer = app.post(link_mailed("ada@example.com"))

    assert answer.status_code == 409
    assert "You are logged in as bob@example.com" in answer.text
    assert not Membership.objects.filter(user=other).exists()


@pytest.mark.parametrize("is_confirmed", [True, False])
def test_the_list_of_workspaces_shows_invitations_of_a_confirmed_address_only(
    owner: Client, app: Client, is_confirmed: bool
) -> None:
    user = get_user_model().objects.create_user(username="ada", email="ada@example.com")
    EmailAddress.objects.create(user=user, email=user.email, verified=is_confirmed, primary=True)
    app.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    invite(owner, "ada@example.com")
    waiting = Invitation.objects.get(email="ada@example.com")

    page = app.get("/workspaces/")
    answer = app.post(f"/workspaces/invitations/{waiting.pk}/")

    assert list(page.context["invitations"]) == ([waiting] if is_confirmed else [])
    assert answer.status_code == (302 if is_confirmed else 404)
    assert Membership.objects.filter(user=user).exists() is is_confirmed


def test_inviting_waits_for_the_inviters_own_confirmed_address(enter: Enter, tenant_a: Workspace) -> None:
    answer = enter(tenant_a).post("/team/", {"emails": "ada@example.com", "role": "viewer"})
    assert answer.status_code == 422
    assert "Confirm your own e-mail address first" in answer.text
    assert mailbox.letters() == []


def test_a_mail_server_that_is_away_loses_no_invitation(owner: Client, settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.AwayBackend"
    page = invite(owner, "ada@example.com")
    assert "The mail server did not take the letter to ada@example.com" in page.text
    settings.EMAIL_BACKEND = "automate_web.mailbox.MailboxBackend"

    waiting = Invitation.objects.get()
    page = owner.post(f"/team/invitations/{waiting.pk}/letters/", follow=True)
    assert "on its way to ada@example.com" in page.text
    assert link_mailed("ada@example.com")


def test_a_revoked_link_says_so(owner: Client, app: Client) -> None:
    invite(owner, "ada@example.com")
    link = link_mailed("ada@example.com")
    page = owner.post(f"/team/invitations/{Invitation.objects.get().pk}/revocations/", follow=True)
    assert page.context["invitations"] == []
    answer = app.get(link)
    assert answer.status_code == 404
    assert "Ask for a new one." in answer.text


def test_a_role_changes_what_the_next_request_may_do(owner: Client, enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a, "viewer")
    member = Membership.objects.get(tenant_id=tenant_a.ref.id, role="viewer")
    assert browser.get("/developers/keys/").status_code == 403
    owner.post(f"/team/members/{member.pk}/role/", {"role": "admin"})
    assert browser.get("/developers/keys/").status_code == 200
    assert owner.post(f"/team/members/{member.pk}/role/", {"role": "king"}).status_code == 404


def test_a_removed_member_is_out_at_the_next_request(owner: Client, enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a, "builder")
    member = Membership.objects.get(tenant_id=tenant_a.ref.id, role="builder")
    assert browser.get("/runs/").status_code == 200

    page = owner.get(f"/team/members/{member.pk}/remove/")
    assert f"Remove {member.user.email}" in page.text
    owner.post(f"/team/members/{member.pk}/remove/")

    assert browser.get("/runs/").status_code == 404


def test_a_member_of_any_role_may_leave_and_the_last_owner_may_not(
    owner: Client, enter: Enter, tenant_a: Workspace
) -> None:
    browser = enter(tenant_a, "billing")
    mine = Membership.objects.get(tenant_id=tenant_a.ref.id, role="billing")
    assert browser.get("/team/").status_code == 200
    assert browser.post(f"/team/members/{mine.pk}/remove/").headers["Location"] == "http://app.localhost/workspaces/"
    assert not Membership.objects.filter(pk=mine.pk).exists()

    last = Membership.objects.get(user=tenant_a.owner)
    answer = owner.post(f"/team/members/{last.pk}/remove/")
    assert answer.status_code == 409
    assert "Make someone else an Owner first." in answer.text


def test_an_admin_is_offered_no_owner(enter: Enter, tenant_a: Workspace) -> None:
    page = enter(tenant_a, "admin").get("/team/")
    assert "owner" not in [value for value, _ in page.context["roles_to_give"]]
    changeable = {member.role for member, may_change in page.context["members"] if may_change}
    assert changeable == {"admin"}


def test_a_visit_is_noted_once_in_ten_minutes(owner: Client, tenant_a: Workspace) -> None:
    Membership.objects.filter(user=tenant_a.owner).update(latest_seen_at=None)
    owner.get("/team/")
    first = Membership.objects.get(user=tenant_a.owner).latest_seen_at
    assert first is not None
    owner.get("/team/")
    assert Membership.objects.get(user=tenant_a.owner).latest_seen_at == first


def test_a_token_that_is_none_is_not_found(app: Client) -> None:
    assert app.get(f"/invitations/{uuid4().hex}/").status_code == 404
