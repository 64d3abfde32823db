"""Log-in of operators: password and a code of the authenticator app, or a recovery code, in one form.

Both are checked before either is said to be wrong. Guesses are limited per address and per account by allauth's own
limits. The mark that the second factor was proven lies in the session, which is of this host alone.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest

MARK = "operator_proven"  # in the session: the id of who proved it
_WRONG = "E-mail, password or code are not right, or this is no operator's account."


class LogInForm(AuthenticationForm):
    """Django's, with a code. Who has no second factor sets one up on the Account page first."""

    code = forms.CharField(
        label="Code",
        max_length=40,
        help_text="Of your authenticator app, or one of your recovery codes.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "text"}),
    )

    def __init__(self, request: HttpRequest | None = None, *args: Any, **kwargs: Any):
        super().__init__(request, *args, **kwargs)
        self.fields["username"].label = "E-mail"

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        email, password, code = (str(given.get(name) or "") for name in ("username", "password", "code"))
        if not (email and password and code) or self.request is None:
            return given
        user = get_adapter().authenticate(self.request, email=email, password=password)  # counts failures, and stops
        if user is None or not user.is_active or not user.is_staff or not is_right_code(user, code):
            raise forms.ValidationError(_WRONG, code="invalid_login")
        self.user_cache = user
        self.request.session[MARK] = user.pk
        return given


def is_right_code(user: Any, code: str) -> bool:
    """Whether it is a code of one of the person's factors; a recovery code is used up by it."""
    factors = Authenticator.objects.filter(
        user_id=user.pk, type__in=(Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES)
    )
    return any(factor.wrap().validate_code(code) for factor in factors)


def is_proven(request: HttpRequest) -> bool:
    """Whether this session's person proved the second factor, and still has one."""
    user = request.user
    if not user.is_authenticated or request.session.get(MARK) != user.pk:
        return False
    return bool(Authenticator.objects.filter(user_id=user.pk).exists())
