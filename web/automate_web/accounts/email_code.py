"""The six digits that confirm an e-mail address: mailed at sign-up, typed on the start page.

A code lives 15 minutes and five guesses; five letters a day. So whoever signs up with another person's address has 25
guesses a day at one in a million. Only an HMAC of the code is stored.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import send_mail
from django.db import transaction
from django.http import HttpRequest

from automate_governance.errors import Invalid, NormalizedError
from automate_tenants.holding import let_go_of
from automate_tenants.models import EmailCode

logger = logging.getLogger("automate.accounts")

LIFE = timedelta(minutes=15)
MAX_GUESSES = 5
MAX_LETTERS = 5
LETTERS_SPAN = timedelta(days=1)
_SEEN = "confirmed_email"


class WrongCode(Invalid):
    """The digits are not those of the latest letter, or that letter is too old or was guessed at too often."""

    code = "wrong_code"


class TooManyLetters(NormalizedError):
    """Five letters went out within a day."""

    code, http_status = "too_many_letters", 429


def send(user: User, *, now: datetime) -> None:
    """Mail `user` a new code; the one before stops working. Raises TooManyLetters, OSError when no mail can be sent."""
    code = f"{secrets.randbelow(1_000_000):06}"
    with transaction.atomic():
        row, _ = EmailCode.objects.select_for_update().get_or_create(
            user=user, defaults={"digest": b"", "expires_at": now, "first_sent_at": now}
        )
        if now - row.first_sent_at > LETTERS_SPAN:
            row.letters, row.first_sent_at = 0, now
        if row.letters >= MAX_LETTERS:
            raise TooManyLetters(f"{MAX_LETTERS} letters went out today. Try again tomorrow.")
        row.digest, row.expires_at = _digest(user, code), now + LIFE
        row.wrong_guesses, row.letters = 0, row.letters + 1
        row.save()
    words = f"Type {code} on the start page of your workspace.\n\nIt works for {LIFE.seconds // 60} minutes. "
    closing = "If it was not you who signed up, ignore this letter: without the code the address stays unconfirmed.\n"
    send_mail(f"{code} is your code for Django Automate", words + closing, None, [user.email])


def send_first(user: User, *, now: datetime) -> None:
    """At sign-up: a mail server that is away costs nobody the workspace; the start page sends another."""
    try:
        send(user, now=now)
    except (OSError, TooManyLetters):
        logger.warning("the first code for user %s was not sent", user.pk, exc_info=True)


def confirm(user: User, typed: str, *, now: datetime) -> int:
    """Confirm the address, and let go what was held for it; how many events go on. Raises WrongCode."""
    with transaction.atomic():
        row = EmailCode.objects.select_for_update().filter(user=user).first()
        is_open = row is not None and now < row.expires_at and row.wrong_guesses < MAX_GUESSES
        is_right = row is not None and hmac.compare_digest(bytes(row.digest), _digest(user, "".join(typed.split())))
        if row is not None and is_open and not is_right:
            row.wrong_guesses += 1
            row.save(update_fields=["wrong_guesses"])
        if is_open and is_right and row is not None:
            address, _ = EmailAddress.objects.get_or_create(user=user, email=user.email, defaults={"primary": True})
            if not address.set_verified():
                raise WrongCode("This address is confirmed for another account.")
            row.delete()
    if not is_open:
        raise WrongCode("This code is used up or too old. Have a new one sent.")
    if not is_right:
        raise WrongCode("These are not the six digits of the latest letter.")
    return let_go_of(user.pk, now)


def confirm_by_letter(user: User, *, now: datetime) -> bool:
    """Confirm the address of who came by a link that was mailed there, as `confirm` does. False: it is another's."""
    address, _ = EmailAddress.objects.get_or_create(user=user, email=user.email, defaults={"primary": True})
    if not address.verified and not address.set_verified():
        return False
    EmailCode.objects.filter(user=user).delete()
    let_go_of(user.pk, now)
    return True


def is_confirmed(request: HttpRequest) -> bool:
    """Whether the visitor's own address is confirmed; asked of the database until it is, then of the session."""
    user = request.user
    if not user.is_authenticated:
        return False
    if request.session.get(_SEEN) == user.email:
        return True
    if not has_confirmed(user):
        return False
    request.session[_SEEN] = user.email
    return True


def has_confirmed(user: User) -> bool:
    """Whether the person's present address is confirmed; asks the database."""
    mine = EmailAddress.objects.filter(user_id=user.pk, email__iexact=user.email, verified=True)
    return bool(mine.exists())


def _digest(user: User, code: str) -> bytes:
    message = f"automate_web.email_code\x1f{user.pk}\x1f{user.email}\x1f{code}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), message, hashlib.sha256).digest()
