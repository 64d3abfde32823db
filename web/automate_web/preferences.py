"""How a person wants pages drawn: the theme, and times in UTC or their own. Kept with the account, for every browser.

A visitor's theme is a cookie. Who logs in brings the account's own; pages of a workspace read it with what else they
tell, those of the app's host read the cookie, which is set whenever it differs.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase

from automate_tenants.models import Preference
from automate_web.security import View

COOKIE = "theme"
A_YEAR = 365 * 86_400


def keep(user_id: int, **chosen: str) -> None:
    """Store `theme` or `times`; the other stays."""
    Preference.objects.update_or_create(user_id=user_id, defaults=chosen)


def own_theme(request: HttpRequest, stored: str) -> str:
    """The theme to draw: the account's, else the browser's. The browser is told of the account's with the answer."""
    cookie = request.COOKIES.get(COOKIE, "")
    if stored and stored != cookie:
        request.theme_to_keep = stored  # type: ignore[attr-defined]  # for `theme_follows`
    return stored or (cookie if cookie in Preference.Theme.values else Preference.Theme.SYSTEM.value)


def set_cookie(response: HttpResponseBase, theme: str) -> None:
    response.set_cookie(COOKIE, theme, max_age=A_YEAR, samesite="Lax")


def theme_follows(get_response: View) -> View:
    """Middleware: the browser learns the theme of the account that it is logged in with."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if (theme := getattr(request, "theme_to_keep", None)) and COOKIE not in response.cookies:
            set_cookie(response, theme)
        return response

    return middleware


@receiver(user_logged_in)
def _bring_theme(request: HttpRequest, user: User, **kwargs: Any) -> None:
    own_theme(request, Preference.objects.filter(user=user).values_list("theme", flat=True).first() or "")
