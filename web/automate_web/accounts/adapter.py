"""allauth's adapter: where people land, and which messages of its own we keep quiet about."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

logger = logging.getLogger("automate.accounts")


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    error_messages = {
        **DefaultAccountAdapter.error_messages,  # one limit counts log-ins and sign-ups from an address together
        "too_many_login_attempts": "Too many attempts from your network. Wait a minute, then try again.",
    }

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        """To the workspace just made; `/` finds it."""
        return "/"

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that TraceMiddleware settled; one that nobody has where no trusted proxy said it."""
        return request.META.get("REMOTE_ADDR") or "0.0.0.0"  # noqa: S104 - a mark, nothing listens there

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """A mail server that is away undoes no change of password: the letter about it is left out, and noted."""
        try:
            super().send_notification_mail(*args, **kwargs)
        except OSError:
            logger.warning("a letter about a changed account was not taken", exc_info=True)

    def add_message(self, request: HttpRequest, level: int, *args: Any, **kwargs: Any) -> None:
        """ "Signed in as …" says nothing that the page does not show; what failed or was changed is said."""
        template = args[0] if args else kwargs.get("message_template")
        if template in {"account/messages/logged_in.txt", "account/messages/email_confirmation_sent.txt"}:
            return
        super().add_message(request, level, *args, **kwargs)
