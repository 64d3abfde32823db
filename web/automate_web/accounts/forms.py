"""Sign-up: a person and their workspace in one form and one transaction. allauth owns the person's part."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import LoginForm as PlainLoginForm
from allauth.account.forms import ResetPasswordForm as PlainResetForm
from allauth.account.forms import SignupForm as PersonForm
from allauth.account.internal.userkit import filter_users_by_email
from allauth.account.models import EmailAddress
from allauth.core import context
from django import forms
from django.contrib.auth.models import User
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from automate_governance.errors import NormalizedError
from automate_tenants.holding import hold_until_confirmed
from automate_tenants.models import Tenant
from automate_tenants.onboarding import open_workspace
from automate_tenants.provisioning import SlugTaken
from automate_tenants.slugs import MAX_LENGTH, derive_slug, find_slug_problem, with_number, with_random
from automate_web.accounts import email_code, first_key

logger = logging.getLogger("automate.accounts")
NOT_MADE = "The workspace could not be made just now, and nothing of it was left behind. Please try again."


class WorkspaceNotMade(Exception):
    """Opening the workspace failed for a reason that is ours; everything was rolled back, so it may be tried again."""


class WorkspaceFields(forms.Form):
    """A workspace's name and its address; the address follows from the name when it is left empty."""

    workspace_name = forms.CharField(
        label="Workspace name", max_length=80, widget=forms.TextInput(attrs={"autocomplete": "organization"})
    )
    address = forms.CharField(
        label="Address",
        max_length=MAX_LENGTH,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def clean_workspace_name(self) -> str:
        name = " ".join(self.cleaned_data["workspace_name"].split())
        if not name:
            raise forms.ValidationError("Please name the workspace.")
        return name

    def clean_address(self) -> str:
        """A free address. Left empty it is derived, and given a number when it is taken."""
        typed: str = self.cleaned_data["address"].strip().lower()
        if not typed:
            return free_slug(derive_slug(self.data.get("workspace_name", "")))
        if problem := address_problem(typed):
            raise forms.ValidationError(problem)
        return typed


class SignupForm(WorkspaceFields, PersonForm):  # type: ignore[misc]  # allauth ships no types
    """E-mail, password, workspace. Whether the e-mail is known cannot be told from the answer.

    An unknown e-mail makes a person. A known one with its own password opens one more workspace for that person. A
    known one with another password makes a second, unverified person: allauth's strict prevention of enumeration.
    """

    field_order = ["email", "password1", "workspace_name", "address"]

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.person: User | None = None
        self.fields["email"].label = "E-mail"
        self.fields["email"].widget.attrs |= {"autocomplete": "username", "placeholder": "", "autofocus": True}
        self.fields["password1"].widget.attrs |= {"autocomplete": "new-password", "placeholder": ""}
        self.fields["password1"].help_text = "At least 10 characters. A password manager is welcome."

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors:
            self.person = _known_person(cleaned["email"], cleaned["password1"])
        return cleaned

    def save(self, request: HttpRequest) -> User:
        """The person and the workspace, or neither."""
        with _whole_or_not_at_all():
            user = self.person or super().save(request)
            tenant = make_workspace(
                request, user, name=self.cleaned_data["workspace_name"], slug=self.cleaned_data["address"]
            )
            if not EmailAddress.objects.filter(user=user, verified=True).exists():
                hold_until_confirmed(tenant.pk)
                transaction.on_commit(lambda: email_code.send_first(user, now=timezone.now()))
        return user

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        return self.save(request), None


def _known_person(email: str, password: str) -> User | None:
    """Whose e-mail and password these are. Takes as long for an unknown e-mail as for a known one.

    A wrong password of a known person counts as a failed log-in, so that sign-up is no way to guess it.
    """
    if filter_users_by_email(email, prefer_verified=True):
        try:
            person: User | None = get_adapter().authenticate(context.request, email=email, password=password)
        except forms.ValidationError:  # guessed too often: answered as any sign-up is
            pass
        else:
            return person
    User().set_password(password)  # thrown away: only its time matters
    return None


class LoginForm(PlainLoginForm):  # type: ignore[misc]  # allauth ships no types
    """allauth's, in our words, with the first field ready to be typed into."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "E-mail"
        self.fields["login"].widget.attrs |= {"autocomplete": "username", "placeholder": "", "autofocus": True}
        self.fields["password"].widget.attrs |= {"autocomplete": "current-password", "placeholder": ""}
        self.fields["password"].help_text = ""


class ResetForm(PlainResetForm):  # type: ignore[misc]  # allauth ships no types
    """allauth's, in the words of the other forms."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "E-mail"
        self.fields["email"].widget.attrs |= {"autocomplete": "email", "placeholder": "", "autofocus": True}


def make_workspace(request: HttpRequest, user: User, *, name: str, slug: str) -> Tenant:
    """Open a workspace for `user` and keep its first key, sealed, for the page that shows it."""
    with _whole_or_not_at_all():
        opened = open_workspace(name=name, slug=slug, owner_id=user.pk, now=timezone.now())
    first_key.put(request.session, opened.tenant.pk, opened.api_key)
    request.session["enter"] = opened.tenant.slug
    return opened.tenant


@contextmanager
def _whole_or_not_at_all() -> Iterator[None]:
    """One transaction. Raises SlugTaken as it is, and WorkspaceNotMade for what a second try may mend."""
    try:
        with transaction.atomic():
            yield
    except SlugTaken:
        raise
    except (DatabaseError, OSError, NormalizedError) as error:
        logger.exception("a workspace was not made")
        raise WorkspaceNotMade from error


def address_problem(slug: str) -> str:
    """Why this address cannot be had, with one that can; "" when it is free."""
    if problem := find_slug_problem(slug):
        return f"{problem} {free_slug(derive_slug(slug))} is free."
    if Tenant.objects.filter(slug=slug).exists():
        return f"“{slug}” is taken; {free_slug(slug)} is free."
    return ""


def free_slug(slug: str) -> str:
    """`slug`, or the first of slug-2 … slug-9 that nobody has, or one with random digits: one query."""
    wanted = [slug, *(with_number(slug, n) for n in range(2, 10))]
    taken = set(Tenant.objects.filter(slug__in=wanted).values_list("slug", flat=True))
    return next((one for one in wanted if one not in taken), with_random(slug))
