"""Governance, Stored Secrets: names, uses and ages; values go in and are never shown.

Rotating, restoring and deleting ask for the member's password once more (`automate.reauthentication`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from automate import reauthentication
from automate.models import Workflow
from automate.secrets import references
from automate.secrets.backends import backend_name
from automate.services import secrets as services
from automate_governance.errors import Conflict, Invalid, NotFound
from automate_governance.models import StoredSecret, StoredSecretVersion
from automate_web.pages.people import person
from automate_web.requests import WorkspaceRequest, actor, demand, workspace_page

OLD_AFTER = timedelta(days=90)
_VALUE = forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false", "data-1p-ignore": ""})


class SecretForm(forms.Form):
    name = forms.CharField(label="Name", max_length=100, help_text="As workflows write it, such as STRIPE_LIVE_KEY.")
    value = forms.CharField(label="Value", widget=_VALUE, strip=False, help_text="It is never shown again, to nobody.")
    hosts = forms.CharField(
        label="May be sent to (optional)",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Hosts, one a line, such as api.stripe.com or *.stripe.com. Empty: wherever the policy allows.",
    )
    note = forms.CharField(label="Note (optional)", max_length=300, required=False)


class RotateForm(forms.Form):
    value = forms.CharField(label="New value", widget=_VALUE, strip=False)


class BindForm(forms.Form):
    hosts = SecretForm.base_fields["hosts"]
    note = SecretForm.base_fields["note"]


@dataclass(frozen=True)
class SecretRow:
    secret: StoredSecret
    users: list[Workflow]
    is_old: bool
    can_be_restored: bool


@require_http_methods(["GET", "POST"])
@workspace_page("automate.view_secrets")
def secrets(request: WorkspaceRequest) -> HttpResponse:
    """GET /governance/secrets/ lists them, what is missing on top; POST adds one."""
    form = SecretForm(request.POST or None, initial={"name": request.GET.get("name", "")[:100]})
    if request.method == "POST":
        demand(request, "automate.manage_secrets")
        if form.is_valid() and _add(request, form):
            return redirect("secrets")
    now = timezone.now()
    used = references.used_by()
    stored = list(StoredSecret.objects.order_by("name"))
    restorable = _restorable_ids(now)
    context = {
        "form": form,
        "backend": backend_name(),
        "rows": [_row(secret, used.get(secret.name, []), now, secret.pk in restorable) for secret in stored],
        "missing": sorted((name, users) for name, users in used.items() if name not in {s.name for s in stored}),
    }
    return render(request, "governance/secrets.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@workspace_page("automate.view_secrets")
def secret(request: WorkspaceRequest, secret: str) -> HttpResponse:
    """/governance/secrets/<name>/: versions, uses, and where it may be sent; POST changes hosts and note."""
    row = _find(secret)
    form = BindForm(request.POST or None, initial={"hosts": "\n".join(row.hosts), "note": row.note})
    if request.method == "POST":
        demand(request, "automate.manage_secrets")
        problem = reauthentication.find_problem(request)
        if problem:
            form.add_error(None, problem)
        elif form.is_valid() and _bind(request, row.name, form):
            messages.success(request, f"“{row.name}” is changed.", extra_tags="ok")
            return redirect("secret", row.name)
    now = timezone.now()
    used = references.used_by().get(row.name, [])
    made = row.versions.defer("sealed").order_by("-version_num")[:20]
    versions = [(version, person(version.created_by)) for version in made]
    context = {
        "form": form,
        "row": _row(row, used, now, row.pk in _restorable_ids(now)),
        "versions": versions,
        **reauthentication.context(request),
    }
    return render(request, "governance/secret.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@workspace_page("automate.manage_secrets")
def rotate(request: WorkspaceRequest, secret: str) -> HttpResponse:
    """/governance/secrets/<name>/rotate/: another value under the same reference."""
    row = _find(secret)
    form = RotateForm(request.POST or None)
    if request.method == "POST":
        problem = reauthentication.find_problem(request)
        if problem:
            form.add_error(None, problem)
        elif form.is_valid():
            try:
                services.rotate_secret(
                    name=row.name, value=form.cleaned_data["value"], actor=actor(request), now=timezone.now()
                )
            except Invalid as error:
                form.add_error("value", error.message)
            else:
                words = f"“{row.name}” has its new value; the next step to run reads it. Restore is possible for 24 h."
                messages.success(request, words, extra_tags="ok")
                return redirect("secret", row.name)
    context = {"form": form, "secret": row, **reauthentication.context(request)}
    return render(request, "governance/rotate.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@workspace_page("automate.manage_secrets")
def restore(request: WorkspaceRequest, secret: str) -> HttpResponse:
    """/governance/secrets/<name>/restore/: the value before the latest rotation, within 24 hours of it."""
    row = _find(secret)
    error = ""
    if request.method == "POST":
        error = reauthentication.find_problem(request)
        if not error:
            try:
                services.restore_secret(name=row.name, actor=actor(request), now=timezone.now())
            except Conflict as refused:
                error = refused.message
            else:
                messages.success(request, f"“{row.name}” has the value it had before.", extra_tags="ok")
                return redirect("secret", row.name)
    previous = services.restorable(row, timezone.now())
    context = {"secret": row, "previous": previous, "error": error, **reauthentication.context(request)}
    return render(request, "governance/restore.html", context, status=422 if error else 200)


@require_http_methods(["GET", "POST"])
@workspace_page("automate.manage_secrets")
def delete(request: WorkspaceRequest, secret: str) -> HttpResponse:
    """/governance/secrets/<name>/delete/: erased for good; refused while a workflow refers to it."""
    row = _find(secret)
    error = ""
    if request.method == "POST":
        error = reauthentication.find_problem(request)
        if not error:
            try:
                services.delete_secret(name=row.name, actor=actor(request), now=timezone.now())
            except services.SecretInUse as refused:
                error = refused.message
            else:
                messages.success(request, f"“{row.name}” is deleted.", extra_tags="ok")
                return redirect("secrets")
    context = {
        "secret": row,
        "users": references.used_by().get(row.name, []),
        "error": error,
        **reauthentication.context(request),
    }
    return render(request, "governance/delete.html", context, status=422 if error else 200)


@require_GET
@workspace_page("automate.view_event")
def governance(request: WorkspaceRequest) -> HttpResponse:
    """GET /governance/: the first of its pages that the member may see."""
    for name, permission in (("secrets", "automate.view_secrets"), ("audit", "automate.view_audit")):
        if request.user.has_perm(permission):
            return redirect(name)
    demand(request, "automate.view_secrets")
    raise AssertionError("demand refuses")


def _add(request: WorkspaceRequest, form: SecretForm) -> bool:
    given = form.cleaned_data
    try:
        made = services.create_secret(
            name=given["name"],
            value=given["value"],
            hosts=given["hosts"].split(),
            note=given["note"],
            actor=actor(request),
            now=timezone.now(),
        )
    except (Invalid, Conflict) as error:
        form.add_error(error.details.get("param", "name"), error.message)
        return False
    words = f"“{made.name}” is stored. Write {made.reference} where its value belongs."
    messages.success(request, words, extra_tags="ok")
    return True


def _bind(request: WorkspaceRequest, name: str, form: BindForm) -> bool:
    given = form.cleaned_data
    try:
        services.bind_secret(
            name=name, hosts=given["hosts"].split(), note=given["note"], actor=actor(request), now=timezone.now()
        )
    except Invalid as error:
        form.add_error("hosts", error.message)
        return False
    return True


def _row(secret: StoredSecret, users: list[Workflow], now: datetime, can_be_restored: bool) -> SecretRow:
    return SecretRow(secret, users, now - (secret.rotated_at or secret.created_at) > OLD_AFTER, can_be_restored)


def _restorable_ids(now: datetime) -> set[Any]:
    kept = StoredSecretVersion.objects.filter(sealed__isnull=False, replaced_at__gt=now - services.RESTORABLE)
    return set(kept.values_list("secret_id", flat=True))


def _find(name: str) -> StoredSecret:
    found = None if "\x00" in name else StoredSecret.objects.filter(name=name).first()
    if found is None:
        raise NotFound("There is no such secret in this workspace.")
    return found
