"""The six digits: mailed at sign-up, typed on the start page; few guesses, few letters, nothing stored in plain."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.core.mail.backends.base import BaseEmailBackend
from django.test import Client
from django.utils import timezone

from automate_tenants.models import EmailCode, Tenant
from automate_web import mailbox
from automate_web.accounts import email_code
from tests.web.portal.test_accounts import follow_into_workspace, sign_up

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_mailbox")]


class AwayBackend(BaseEmailBackend):
    """A mail server that is down."""

    def send_messages(self, email_messages: Any) -> int:
        raise OSError("connection refused")


def code_mailed() -> str:
    found = re.search(r"\b\d{6}\b", mailbox.letters()[0].subject)
    assert found
    return found[0]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


@pytest.fixture
def browser(app: Client) -> Client:
    sign_up(app, email="ada@example.com", address=f"w{uuid4().hex[:12]}")  # workspaces are remembered by address
    return follow_into_workspace(app)


def is_confirmed() -> bool:
    return EmailAddress.objects.filter(email="ada@example.com", verified=True).exists()


def test_the_digits_of_the_letter_confirm_the_address_and_lift_the_limit(browser: Client) -> None:
    assert Tenant.objects.get(memberships__user__email="ada@example.com").hold_after == 100
    assert b"Confirm your e-mail address" in browser.get("/start/").content
    assert b"not confirmed" in browser.get("/runs/").content

    answer = browser.post("/start/email/", {"code": f" {code_mailed()[:3]} {code_mailed()[3:]}"}, follow=True)

    assert b"is confirmed" in answer.content
    assert is_confirmed()
    assert Tenant.objects.get(memberships__user__email="ada@example.com").hold_after is None
    assert b"Confirm your e-mail address" not in browser.get("/start/").content
    assert b"not confirmed" not in browser.get("/runs/").content
    assert not EmailCode.objects.exists()


def test_five_wrong_guesses_end_a_code(browser: Client) -> None:
    code = code_mailed()
    for _ in range(email_code.MAX_GUESSES):
        assert b"not the six digits" in browser.post("/start/email/", {"code": wrong(code)}, follow=True).content

    assert b"used up" in browser.post("/start/email/", {"code": code}, follow=True).content
    assert not is_confirmed()


def test_a_new_letter_ends_the_code_before_it_and_five_a_day_are_sent(browser: Client) -> None:
    first = code_mailed()
    for _ in range(email_code.MAX_LETTERS - 1):
        assert b"on its way" in browser.post("/start/email/letters/", follow=True).content
    assert b"letters went out today" in browser.post("/start/email/letters/", follow=True).content
    assert len(mailbox.letters()) == email_code.MAX_LETTERS

    latest = code_mailed()
    if latest != first:
        browser.post("/start/email/", {"code": first})
        assert not is_confirmed()
    browser.post("/start/email/", {"code": latest})
    assert is_confirmed()


@pytest.mark.parametrize("typed", ["", "12345", "abcdef", "١٢٣٤٥٦", "1" * 1000, "\x00"])
def test_nonsense_is_a_wrong_guess_not_a_crash(browser: Client, typed: str) -> None:
    assert browser.post("/start/email/", {"code": typed}, follow=True).status_code == 200
    assert not is_confirmed()


def test_a_code_ends_after_a_quarter_of_an_hour(browser: Client) -> None:
    user = get_user_model().objects.get(email="ada@example.com")
    later = timezone.now() + email_code.LIFE + timedelta(seconds=1)

    with pytest.raises(email_code.WrongCode):
        email_code.confirm(user, code_mailed(), now=later)
    assert email_code.confirm(user, code_mailed(), now=timezone.now()) == 0


def test_neither_the_row_nor_another_person_helps_to_guess(browser: Client) -> None:
    code, row = code_mailed(), EmailCode.objects.get()
    other = get_user_model().objects.create_user(username="eve", email="eve@example.com")

    assert code.encode() not in bytes(row.digest)
    with pytest.raises(email_code.WrongCode):
        email_code.confirm(other, code, now=timezone.now())


def test_a_mail_server_that_is_away_costs_nobody_the_workspace(app: Client, settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.AwayBackend"

    assert sign_up(app, email="ada@example.com", address=f"w{uuid4().hex[:12]}").status_code == 302
    browser = follow_into_workspace(app)

    assert b"did not take the letter" in browser.post("/start/email/letters/", follow=True).content
    settings.EMAIL_BACKEND = "automate_web.mailbox.MailboxBackend"
    browser.post("/start/email/letters/")
    browser.post("/start/email/", {"code": code_mailed()})
    assert is_confirmed()
