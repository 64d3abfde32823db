"""The invited person's side: where a letter leads, the page its link opens, and joining, with or without an account."""

from __future__ import annotations

from typing import Any, cast

from allauth.account.adapter import get_adapter
from allauth.account.internal.userkit import filter_users_by_email
from allauth.account.utils import user_email
from django import forms
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from automate_tenants.invitations import accept, invitations_for, read_link
from automate_tenants.models import Invitation, Membership
from automate_web.accounts import email_code
from automate_web.addresses import app_url
from automate_web.invitation_letters import Inviter
from automate_web.requests import WorkspaceRequest, app_page

LOGIN_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


class PasswordForm(forms.Form):
    """What an invited person without an account has to choose."""

    password = forms.CharField(
        label="Choose a password",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "autofocus": True}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        return cast(str, get_adapter().clean_password(self.cleaned_data["password"], user=self.user))


def written_by(request: WorkspaceRequest) -> Inviter:
    """The member on this page as the writer of letters; links lead to the app's host as this browser sees it."""
    prefix = request.META.get("SCRIPT_NAME", "")

    def link(token: str) -> str:
        return request.build_absolute_uri(app_url(request, reverse("invitation", args=[token]).removeprefix(prefix)))

    return Inviter(request.user.email, request.workspace.name, link)


@require_http_methods(["GET", "POST"])
@app_page
@never_cache
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """/invitations/<token>/: what one is invited to. POST joins: as who is logged in, or as a new person."""
    found = read_link(token, now=timezone.now())
    if request.user.is_authenticated:
        return _as_known(request, found, request.user)
    if filter_users_by_email(found.email, prefer_verified=True):
        return render(request, "entrance/invitation.html", {"invitation": found, "state": "log_in"})
    person = get_adapter().new_user(request)
    user_email(person, found.email)
    form = PasswordForm(request.POST or None, user=person)
    if request.method == "POST" and form.is_valid():
        return _join_as_new(request, found, person, form.cleaned_data["password"])
    context = {"invitation": found, "state": "new", "form": form}
    return render(request, "entrance/invitation.html", context, status=422 if form.errors else 200)


@require_POST
@app_page
@login_required
def accept_waiting(request: HttpRequest, invitation_id: int) -> HttpResponse:
    """POST /workspaces/invitations/<id>/: join from the list of workspaces. Only a confirmed address sees it there."""
    user = cast(User, request.user)
    waiting = (
        invitations_for(user.email, timezone.now()) if email_code.is_confirmed(request) else Invitation.objects.none()
    )
    return _enter(accept(get_object_or_404(waiting, pk=invitation_id), user, now=timezone.now()))


def _as_known(request: HttpRequest, found: Invitation, user: User) -> HttpResponse:
    if user.email.lower() != found.email:
        context = {"invitation": found, "state": "other_person"}
        return render(request, "entrance/invitation.html", context, status=409)
    if request.method == "POST":
        return _join(found, user)
    return render(request, "entrance/invitation.html", {"invitation": found, "state": "join"})


@transaction.atomic
def _join_as_new(request: HttpRequest, found: Invitation, person: User, password: str) -> HttpResponse:
    adapter = get_adapter()
    adapter.populate_username(request, person)
    person.set_password(password)
    person.save()
    response = _join(found, person)
    login(request, person, backend=LOGIN_BACKEND)
    return response


@transaction.atomic
def _join(found: Invitation, user: User) -> HttpResponse:
    now = timezone.now()
    member = accept(found, user, now=now)
    email_code.confirm_by_letter(user, now=now)
    return _enter(member)


def _enter(member: Membership) -> HttpResponse:
    return redirect("enter", member.tenant.slug)
