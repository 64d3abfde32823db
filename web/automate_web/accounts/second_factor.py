"""The second factor: an authenticator app, passkeys, recovery codes. allauth keeps and checks them; ours is the rest.

What must stay secret (the app's key, the seed of recovery codes) is sealed with a key of the key store, so no dump of
the database holds it. A factor is added only by who has confirmed the address: else somebody could sign up with
another person's address and lock that person out of it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from automate_governance.crypto import open_sealed, seal
from automate_governance.keys import KeyNotFound
from automate_tenants.key_store import key_store
from automate_web.accounts import email_code
from automate_web.requests import app_page

KEY_NAME = "accounts"  # of the installation's people; no workspace's: those start with t_
_AAD = b"automate_web.second_factor"


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """allauth's adapter with sealed secrets and names that say what they are."""

    def encrypt(self, text: str) -> str:
        return base64.b64encode(seal(_key(), text.encode(), aad=_AAD)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return open_sealed(_key(), base64.b64decode(encrypted_text), aad=_AAD).decode()

    def generate_authenticator_name(self, user: AbstractBaseUser, type: str) -> str:
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return "Passkey" if not count else f"Passkey {count + 1}"

    def _get_site_name(self) -> str:
        return str(settings.MFA_TOTP_ISSUER)


def confirmed_first(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A page of the app's host that adds a factor: for people whose address is confirmed."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated and not email_code.is_confirmed(request):
            words = "Confirm your e-mail address first: the code is on the start page of your workspace."
            messages.error(request, words, extra_tags="bad")
            return redirect("account")
        return view(request, *args, **kwargs)

    return app_page(inner)


def _key() -> bytes:
    store = key_store()
    try:
        return store.data_key(KEY_NAME)
    except KeyNotFound:
        store.create(KEY_NAME)
        return store.data_key(KEY_NAME)
