"""allauth's adapter: where people land, and which messages of its own we keep quiet about."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    error_messages = {
        **DefaultAccountAdapter.error_messages,  # one limit counts log-ins and sign-ups from an address together
        "too_many_login_attempts": "Too many attempts from your network. Wait a minute, then try again.",
    }

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        """To the workspace just made; `/` finds it."""
        return "/"

    def add_message(self, request: HttpRequest, level: int, *args: Any, **kwargs: Any) -> None:
        """ "Signed in as …" says nothing that the page does not show; what failed or was changed is said."""
        template = args[0] if args else kwargs.get("message_template")
        if template in {"account/messages/logged_in.txt", "account/messages/email_confirmation_sent.txt"}:
            return
        super().add_message(request, level, *args, **kwargs)
