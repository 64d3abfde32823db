"""The account log: what was changed about a person's way in, when, from where. Shown on the Account page to them alone.

allauth tells of each change by a signal; sessions that were ended are noted by the page that ends them. It is public
and no workspace's: a person may be in none, or in many.
"""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from django.db.models import QuerySet
from django.dispatch import Signal
from django.http import HttpRequest
from django.utils import timezone

from automate_tenants.models import AccountEvent
from automate_web.accounts.sessions import describe

WORDS = {
    "password_changed": "Password changed",
    "password_reset": "Password set anew by a letter",
    "password_set": "Password set",
    "email_changed": "E-mail address changed",
    "email_confirmed": "E-mail address confirmed",
    "factor_added": "Second factor added",
    "factor_removed": "Second factor removed",
    "codes_renewed": "Recovery codes made anew",
    "sessions_ended": "Logged out elsewhere",
}
SHOWN = 20
_FACTORS = {"totp": "authenticator app", "webauthn": "passkey", "recovery_codes": "recovery codes"}


def note(request: HttpRequest | None, user_id: int, action: str, details: str = "") -> None:
    """Write one line of the log, in the caller's transaction if there is one."""
    meta = request.META if request is not None else {}
    AccountEvent.objects.create(
        user_id=user_id,
        action=action,
        at=timezone.now(),
        ip=meta.get("REMOTE_ADDR") or None,
        browser=describe(meta.get("HTTP_USER_AGENT", ""))[:120],
        details=details[:200],
    )


def latest(user_id: int) -> QuerySet[AccountEvent]:
    """The newest lines of a person's log."""
    return AccountEvent.objects.filter(user_id=user_id).order_by("-id")[:SHOWN]


def _listen(signal: Signal, action: str) -> None:
    def receive(request: HttpRequest | None = None, user: Any = None, **told: Any) -> None:
        person = user or getattr(told.get("email_address"), "user", None)
        if person is not None:
            note(request, person.pk, action, _details(told))

    signal.connect(receive, weak=False, dispatch_uid=f"account_log.{action}")


def _details(told: dict[str, Any]) -> str:
    """Which address, or which kind of factor; no secret is among what the signals tell."""
    if address := told.get("to_email_address") or told.get("email_address"):
        return str(address.email)
    if factor := told.get("authenticator"):
        return _FACTORS.get(str(factor.type), str(factor.type))
    return ""


for _signal, _action in (
    (account.password_changed, "password_changed"),
    (account.password_reset, "password_reset"),
    (account.password_set, "password_set"),
    (account.email_changed, "email_changed"),
    (account.email_confirmed, "email_confirmed"),
    (mfa.authenticator_added, "factor_added"),
    (mfa.authenticator_removed, "factor_removed"),
    (mfa.authenticator_reset, "codes_renewed"),
):
    _listen(_signal, _action)
