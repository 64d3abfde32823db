"""Letters of invitations: mailed one connection at a time; one that is not taken leaves its invitation and says so."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.core.mail import get_connection, send_mail
from django.utils import timezone

from automate_governance.errors import PermissionDenied
from automate_tenants.invitations import LIFE, Sent, note_letters
from automate_web.accounts import email_code

logger = logging.getLogger("automate.accounts")


class EmailUnconfirmed(PermissionDenied):
    """Who invites has not confirmed their own address."""

    code = "email_unconfirmed"


@dataclass(frozen=True)
class Inviter:
    """Who writes: the person, the workspace's name, and how a token becomes the full address of its page."""

    email: str
    workspace: str
    link: Callable[[str], str]


def demand_confirmed(user: User) -> None:
    """Raises EmailUnconfirmed for a person whose own address is not confirmed: strangers get no letters from them."""
    if not email_code.has_confirmed(user):
        raise EmailUnconfirmed("Who invites confirms their own e-mail address first: the code is on the start page.")


def mail_all(sent: Sequence[Sent], inviter: Inviter) -> list[str]:
    """Mail each, outside of a transaction; the addresses whose letter was not taken, which their invitations tell."""
    failed = [one.invitation.email for one in sent]
    try:
        with get_connection() as connection:
            failed = [one.invitation.email for one in sent if not _mail(one, inviter, connection)]
    except OSError:
        logger.warning("the mail server was not reached for invitations", exc_info=True)
    note_letters(sent, failed=failed, now=timezone.now())
    return failed


def _mail(sent: Sent, inviter: Inviter, connection: Any) -> bool:
    """Whether the mail server took the letter."""
    role, to = sent.invitation.get_role_display(), sent.invitation.email
    words = (
        f"{inviter.email} invites you to the workspace “{inviter.workspace}” as {role}.\n\n"
        f"Join: {inviter.link(sent.token)}\n\nThe link works once, for {LIFE.days} days, and only for {to}.\n"
        "If you do not know who this is, ignore this letter: nothing happens then.\n"
    )
    try:
        send_mail(f"Join “{inviter.workspace}” on Django Automate", words, None, [to], connection=connection)
    except OSError:
        logger.warning("an invitation's letter was not taken", exc_info=True)
        return False
    return True
