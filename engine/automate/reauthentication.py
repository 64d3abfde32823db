"""Proving again who sits there, before something that a borrowed browser must not do: 15 minutes' grace.

The password is asked for in the form itself, so it works without JavaScript and without a detour. Five wrong ones end
the session: whoever holds it must log in. Serves the portal and the admin of a project that uses the engine alone.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate, logout
from django.http import HttpRequest
from django.utils import timezone

from automate_governance.errors import Unauthenticated

GRACE_SECONDS = 15 * 60
MAX_WRONG = 5
FIELD = "current_password"
_AT, _WRONG = "reauthenticated_at", "reauthentication_wrong"


def is_fresh(request: HttpRequest) -> bool:
    """Whether this session's user has proven it within the grace."""
    at = request.session.get(_AT)
    return isinstance(at, float) and 0 <= timezone.now().timestamp() - at < GRACE_SECONDS


def context(request: HttpRequest) -> dict[str, Any]:
    """What `governance/_password.html` needs to know."""
    return {"asks_password": not is_fresh(request), "password_field": FIELD}


def find_problem(request: HttpRequest) -> str:
    """What is wrong with the password of this POST; "" when it is right, or none is needed yet.

    Raises Unauthenticated after five wrong ones; the session is over then.
    """
    if is_fresh(request):
        return ""
    password = request.POST.get(FIELD, "")
    if not password:
        return "Enter your password to go on."
    if _is_theirs(request, password):
        request.session[_AT] = timezone.now().timestamp()
        request.session.pop(_WRONG, None)
        return ""
    wrong = request.session[_WRONG] = request.session.get(_WRONG, 0) + 1
    if wrong >= MAX_WRONG:
        logout(request)
        raise Unauthenticated("Five wrong passwords: you are logged out. Log in to go on.")
    return "This is not your password."


def _is_theirs(request: HttpRequest, password: str) -> bool:
    """A user without a password here may have one elsewhere: then the project's backends are asked."""
    user: Any = request.user
    if user.has_usable_password():
        return bool(user.check_password(password))
    found: Any = authenticate(request, username=user.get_username(), password=password)
    return found is not None and found.pk == user.pk
