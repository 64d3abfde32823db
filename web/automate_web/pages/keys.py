"""API keys: made and rolled with the text shown once, revoked for good with the name typed."""

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

from automate.models import WebhookEndpoint
from automate_governance.errors import Conflict, Invalid, NotFound
from automate_tenants.keys import ALL_SCOPES, OVERLAPS, SCOPES, UNUSED_AFTER, create_key, revoke_key, roll_key
from automate_tenants.models import ApiKey
from automate_web.addresses import hook_url
from automate_web.pages import shown_once, snippets
from automate_web.pages.people import people
from automate_web.pages.start import SAMPLE
from automate_web.requests import WorkspaceRequest, actor, demand, workspace_page

KINDS = [
    ("live", "Live: what it sends is stored, and runs"),
    ("test", "Test: every check, nothing stored; for trying out a sender and for CI"),
]
LIFETIMES = [("", "Never"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year")]
OVERLAP_WORDS = {0: "at once", 3600: "in 1 hour", 86_400: "in 24 hours", 604_800: "in 7 days"}
SCOPE_WORDS = {
    "events:write": "send events",
    "events:read": "read events",
    "runs:read": "read runs",
    "runs:write": "run a workflow or a schedule by hand",
    "workflows:read": "read workflows",
    "workflows:write": "change drafts",
    "workflows:publish": "publish versions",
    "secrets:read": "list secrets, never their values",
    "secrets:write": "add, rotate and delete secrets",
    "secrets:use": "refer to secrets in workflows",
    "audit:read": "read the audit log",
    "policy:read": "read policies and what they blocked",
    "policy:write": "change policies",
    "usage:read": "read usage and the plan",
    "usage:write": "choose when usage is told",
    "webhooks:read": "read webhook endpoints with their addresses, and what came",
    "webhooks:write": "make and change webhook endpoints, roll their secrets, send tests",
    "keys:read": "list API keys, never their text",
    "keys:write": "make, roll and revoke API keys",
    "notifications:read": "read your notifications and what you chose",
    "notifications:write": "mark them read, choose, and manage your webhooks",
    "team:read": "list members and invitations",
    "team:write": "invite, change and remove members in your name; never an Owner",
    "workspace:export": "export everything; an Owner's to give",
    "workspace:delete": "delete the workspace; an Owner's to give",
}


class KeyForm(forms.Form):
    name = forms.CharField(label="Name", max_length=80, help_text="Where it is used, such as “shop backend”.")
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=[(scope, SCOPE_WORDS[scope]) for scope in SCOPES],
        widget=forms.CheckboxSelectMultiple,
        initial=["events:write"],
        error_messages={"required": "Choose at least one."},
    )
    kind = forms.ChoiceField(label="Kind", choices=KINDS, initial="live", required=False, widget=forms.RadioSelect)
    expires_in_days = forms.ChoiceField(label="It ends", choices=LIFETIMES, required=False)

    def __init__(self, *args: Any, by_owner: bool, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if by_owner:
            words = [(scope, SCOPE_WORDS[scope]) for scope in ALL_SCOPES]
            self.fields["scopes"].choices = words  # type: ignore[attr-defined]


@dataclass(frozen=True)
class KeyRow:
    key: ApiKey
    state: str  # active, expiring, expired, revoked
    is_unused: bool  # for 90 days, or never since it was made 90 days ago
    made_by: str


@require_http_methods(["GET", "POST"])
@workspace_page("automate.view_keys")
def keys(request: WorkspaceRequest) -> HttpResponse:
    """GET /developers/keys/ lists them; POST makes one and shows it on the next page, once."""
    by_owner = request.user.has_perm("automate.delete_workspace")
    form = KeyForm(request.POST or None, by_owner=by_owner)
    if request.method == "POST" and form.is_valid():
        demand(request, "automate.manage_keys")
        try:
            key, plain = create_key(
                tenant_id=request.tenant.id,
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                created_by=actor(request),
                now=timezone.now(),
                by_owner=by_owner,
                lifetime=_lifetime(form.cleaned_data["expires_in_days"]),
                is_test=form.cleaned_data["kind"] == "test",
            )
        except Invalid as error:
            form.add_error(error.details.get("param"), error.message)
        else:
            shown_once.put(request.session, f"key:{key.pk}", plain)
            return redirect("key-made", key.pk)
    now = timezone.now()
    found = list(ApiKey.objects.filter(tenant_id=request.tenant.id).order_by("-pk")[:200])
    makers = people({key.created_by for key in found})
    rows = [_row(key, now, makers[key.created_by]) for key in found]
    context = {
        "form": form,
        "live": [row for row in rows if row.state in {"active", "expiring"}],
        "ended": [row for row in rows if row.state in {"expired", "revoked"}],
    }
    return render(request, "keys/list.html", context, status=422 if form.errors else 200)


@require_GET
@workspace_page("automate.manage_keys")
def made(request: WorkspaceRequest, key_id: int) -> HttpResponse:
    """GET /developers/keys/<key_id>/: the text of a key just made, with a ready curl; without the text ever after."""
    key = _key(request, key_id)
    plain = shown_once.take(request.session, f"key:{key.pk}")
    context: dict[str, Any] = {"key": key, "plain": plain}
    endpoint = WebhookEndpoint.objects.filter(is_active=True).order_by("pk").first()
    if plain and endpoint and "events:write" in key.scopes:
        context["snippets"] = snippets.for_endpoint(hook_url(endpoint.token), endpoint.auth, key=plain, body=SAMPLE)
    return render(request, "keys/made.html", context)


@require_http_methods(["GET", "POST"])
@workspace_page("automate.manage_keys")
def roll(request: WorkspaceRequest, key_id: int) -> HttpResponse:
    """/developers/keys/<key_id>/roll/: a new key in the old one's place, which works on for the chosen overlap."""
    key = _key(request, key_id)
    error = ""
    if request.method == "POST":
        chosen = request.POST.get("overlap", "")
        overlap = timedelta(seconds=int(chosen)) if chosen.isdigit() and len(chosen) < 8 else timedelta(days=-1)
        try:
            new, plain = roll_key(
                tenant_id=request.tenant.id,
                key_id=key.pk,
                overlap=overlap,
                actor=actor(request),
                now=timezone.now(),
                by_owner=request.user.has_perm("automate.delete_workspace"),
                lifetime=_lifetime(request.POST.get("expires_in_days", "")),
            )
        except (Conflict, Invalid) as refused:
            error = refused.message
        else:
            shown_once.put(request.session, f"key:{new.pk}", plain)
            return redirect("key-made", new.pk)
    choices = [(int(span.total_seconds()), OVERLAP_WORDS[int(span.total_seconds())]) for span in OVERLAPS]
    days = str((key.expires_at - key.created_at).days) if key.expires_at else ""
    context = {"key": key, "choices": choices, "lifetimes": LIFETIMES, "days": days, "error": error}
    return render(request, "keys/roll.html", context, status=422 if error else 200)


@require_http_methods(["GET", "POST"])
@workspace_page("automate.manage_keys")
def revoke(request: WorkspaceRequest, key_id: int) -> HttpResponse:
    """/developers/keys/<key_id>/revoke/: end a key for good. Its name must be typed; it says what will stop."""
    key = _key(request, key_id)
    error = ""
    if request.method == "POST":
        if request.POST.get("name", "").strip() == key.name:
            revoke_key(tenant_id=request.tenant.id, key_id=key.pk, actor=actor(request), now=timezone.now())
            words = f"“{key.name}” is revoked: every request with it is refused within 5 s."
            messages.success(request, words, extra_tags="ok")
            return redirect("keys")
        error = f"Type the name exactly: {key.name}"
    return render(request, "keys/revoke.html", {"key": key, "error": error}, status=422 if error else 200)


def state_of(key: ApiKey, now: datetime) -> str:
    """active, expiring, expired or revoked."""
    if key.revoked_at:
        return "revoked"
    if key.expires_at:
        return "expired" if key.expires_at <= now else "expiring"
    return "active"


def _lifetime(days: str) -> timedelta | None:
    return timedelta(days=int(days)) if days in dict(LIFETIMES) and days else None


def _row(key: ApiKey, now: datetime, made_by: str) -> KeyRow:
    return KeyRow(key, state_of(key, now), now - (key.latest_used_at or key.created_at) > UNUSED_AFTER, made_by)


def _key(request: WorkspaceRequest, key_id: int) -> ApiKey:
    key = ApiKey.objects.filter(tenant_id=request.tenant.id, pk=key_id).first()
    if key is None:
        raise NotFound("There is no such key in this workspace.")
    return key
