"""Notifications: the inbox, what reaches whom where, and webhooks of one's own. All of it is the member's alone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from automate_governance.errors import Conflict, Invalid, NotFound
from automate_tenants.notifications import choices, destinations, inbox, webhooks
from automate_tenants.notifications.kinds import BY_CODE, for_role
from automate_tenants.notifications.models import Channel, Delivery
from automate_web.context import shown_banners
from automate_web.cursor import paginate
from automate_web.filters import whole_number
from automate_web.pages import shown_once
from automate_web.requests import WorkspaceRequest, safe_path, wants_fragment, workspace_page

STATUSES = ("unread", "read")
LOG = 50  # deliveries on a webhook's page


class WebhookForm(forms.Form):
    url = forms.CharField(label="URL", max_length=500, help_text="It answers 2xx within 10 seconds, or we try again.")


@require_GET
@workspace_page("automate.view_members")
def listing(request: WorkspaceRequest) -> HttpResponse:
    """GET /notifications/?status=&kind="""
    status, kind = request.GET.get("status", ""), request.GET.get("kind", "")
    rows: QuerySet[Any] = inbox.of_member(request.membership)
    if status in STATUSES:
        rows = rows.filter(is_read=status == "read")
    if kind in BY_CODE:
        rows = rows.filter(kind=kind)
    page = paginate(rows, request.GET.get("cursor"))
    context = {
        "page": page,
        "rows": [(each, BY_CODE[each.kind].label) for each in page.results],
        "kinds": for_role(request.membership.role),
        "status": status if status in STATUSES else "",
        "kind": kind if kind in BY_CODE else "",
    }
    name = "notifications/_rows.html" if wants_fragment(request) else "notifications/list.html"
    return render(request, name, context)


@require_GET
@never_cache
@workspace_page("automate.view_members")
def go_to(request: WorkspaceRequest, notification_id: int) -> HttpResponse:
    """GET /notifications/<id>/: on to what it is about; it is read now."""
    found = inbox.of_member(request.membership).filter(pk=notification_id).first()
    if found is None:
        raise NotFound("There is no such notification, or it was older than 90 days.")
    if not getattr(request, "is_visit", False):  # an operator who only looks
        inbox.put_away(request.membership, [found.key], now=timezone.now())
    return redirect(f"{request.META.get('SCRIPT_NAME', '')}{safe_path(found.path)}")


@require_POST
@workspace_page("automate.view_members")
def reads(request: WorkspaceRequest) -> HttpResponse:
    """POST /notifications/reads/ with `id`s, or `all`; `is_read=no` the other way."""
    ids = [number for text in request.POST.getlist("id") if (number := whole_number(text)) is not None]
    if request.POST.get("is_read") == "no":
        inbox.mark_unread(member=request.membership, ids=ids)
    else:
        everything = request.POST.get("all") == "yes"
        inbox.mark_read(member=request.membership, now=timezone.now(), ids=None if everything else ids)
    return _back(request, "notifications")


@require_POST
@workspace_page("automate.view_members")
def dismissals(request: WorkspaceRequest) -> HttpResponse:
    """POST /notifications/banners/ with `key`: put a banner away that is shown and not grave."""
    mine = {one.banner.key for one in shown_banners(request) if not one.banner.is_grave}
    key = request.POST.get("key", "")
    if key in mine:
        inbox.put_away(request.membership, [key], now=timezone.now())
    return _back(request, "home")


@require_http_methods(["GET", "POST"])
@workspace_page("automate.view_members")
def settings(request: WorkspaceRequest) -> HttpResponse:
    """GET /notifications/settings/: kinds by channels, and webhooks. POST saves what is ticked."""
    member = request.membership
    if request.method == "POST":
        ticked = set(request.POST.getlist("on"))
        wanted = {
            kind.code: {channel.value: f"{kind.code}.{channel.value}" in ticked for channel in Channel}
            for kind in for_role(member.role)
        }
        choices.choose(member=member, wanted=wanted, now=timezone.now())
        messages.success(request, "Saved.", extra_tags="ok")
        return redirect("notification-settings")
    return _settings(request, WebhookForm())


@require_POST
@workspace_page("automate.view_members")
def webhooks_page(request: WorkspaceRequest) -> HttpResponse:
    """POST /notifications/webhooks/: a new one; its secret is shown on the next page, once."""
    form = WebhookForm(request.POST)
    if form.is_valid():
        try:
            added = destinations.add(member=request.membership, url=form.cleaned_data["url"], now=timezone.now())
        except (Invalid, Conflict) as error:
            form.add_error("url", error.message)
        else:
            shown_once.put(request.session, f"webhook_out:{added.destination.pk}", added.secret)
            return redirect("notification-webhook", added.destination.pk)
    return _settings(request, form)


@require_GET
@never_cache
@workspace_page("automate.view_members")
def webhook(request: WorkspaceRequest, destination_id: UUID) -> HttpResponse:
    """GET /notifications/webhooks/<id>/: the secret if it was just made, the log, what can be done."""
    found = destinations.find(request.membership, destination_id)
    rows = destinations.log(request.membership).filter(destination=found)[:LOG]
    context = {
        "destination": found,
        "secret": shown_once.take(request.session, f"webhook_out:{found.pk}"),
        "rows": [(row, _state(row)) for row in rows],
        "most": LOG,
    }
    return render(request, "notifications/webhook.html", context)


@require_POST
@workspace_page("automate.view_members")
def roll(request: WorkspaceRequest, destination_id: UUID) -> HttpResponse:
    """POST /notifications/webhooks/<id>/rolls/"""
    added = destinations.roll(member=request.membership, destination_id=destination_id, now=timezone.now())
    shown_once.put(request.session, f"webhook_out:{destination_id}", added.secret)
    return redirect("notification-webhook", destination_id)


@require_POST
@workspace_page("automate.view_members")
def enabled(request: WorkspaceRequest, destination_id: UUID) -> HttpResponse:
    """POST /notifications/webhooks/<id>/enabled/ with `is_enabled`."""
    is_on = request.POST.get("is_enabled") == "yes"
    destinations.enable(member=request.membership, destination_id=destination_id, is_on=is_on, now=timezone.now())
    return redirect("notification-webhook", destination_id)


@require_POST
@workspace_page("automate.view_members")
def removed(request: WorkspaceRequest, destination_id: UUID) -> HttpResponse:
    """POST /notifications/webhooks/<id>/removals/"""
    destinations.remove(member=request.membership, destination_id=destination_id, now=timezone.now())
    messages.success(request, "Removed. Nothing more is sent there.", extra_tags="ok")
    return redirect("notification-settings")


@require_POST
@workspace_page("automate.view_members")
def test(request: WorkspaceRequest, destination_id: UUID) -> HttpResponse:
    """POST /notifications/webhooks/<id>/tests/: one signed message now, and what came of it."""
    found = destinations.find(request.membership, destination_id)
    outcome = webhooks.ping(found, now=timezone.now())
    if outcome.is_ok:
        messages.success(request, f"It answered {outcome.status} after {outcome.took_ms} ms.", extra_tags="ok")
    else:
        messages.error(request, f"The test did not arrive. {outcome.error}", extra_tags="bad")
    return redirect("notification-webhook", destination_id)


@require_POST
@workspace_page("automate.view_members")
def redeliver(request: WorkspaceRequest, delivery_id: UUID) -> HttpResponse:
    """POST /notifications/deliveries/<id>/redeliveries/"""
    try:
        found = destinations.redeliver(member=request.membership, delivery_id=delivery_id, now=timezone.now())
    except Conflict as error:
        messages.error(request, error.message, extra_tags="bad")
        return redirect("notification-settings")
    messages.success(request, "It is sent again within seconds, with the same webhook-id.", extra_tags="ok")
    return redirect("notification-webhook", found.destination_id)


def _settings(request: WorkspaceRequest, form: forms.Form) -> HttpResponse:
    member = request.membership
    context: dict[str, Any] = {
        "wanted": [
            (one, [(channel, f"{one.kind.code}.{channel.value}", getattr(one, channel.value)) for channel in Channel])
            for one in choices.of_member(member)
        ],
        "channels": list(Channel),
        "destinations": list(destinations.of_member(member)),
        "most": destinations.MOST,
        "form": form,
    }
    return render(request, "notifications/settings.html", context, status=422 if form.errors else 200)


def _state(row: Delivery) -> tuple[str, str]:
    """Its pill: the state of `templatetags.portal` and the words."""
    if row.status == Delivery.Status.SENT:
        return "succeeded", f"Answered {row.http_status}"
    if row.status == Delivery.Status.FAILED:
        return "failed", "Given up"
    return ("waiting", "To be tried again") if row.attempts else ("queued", "Waiting")


def _back(request: WorkspaceRequest, name: str) -> HttpResponse:
    asked = request.POST.get("next", "")
    return redirect(safe_path(asked) if asked else reverse(name))
