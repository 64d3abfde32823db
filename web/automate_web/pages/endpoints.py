"""Webhook endpoints: their addresses, what each demands of a sender, what came, and a test that really signs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from automate.ingest import schemes
from automate.models import WebhookEndpoint
from automate_governance.errors import Conflict, Invalid, NotFound, Unavailable
from automate_tenants.endpoints import (
    OVERLAPS,
    CreatedEndpoint,
    EndpointInUse,
    create_endpoint,
    end_overlap,
    remove_endpoint,
    roll_secret,
    set_paused,
    update_endpoint,
    workflows_of,
)
from automate_tenants.keys import brief_key
from automate_web import columns, filters, webhook_traffic
from automate_web.addresses import hook_url
from automate_web.pages import shown_once, snippets
from automate_web.pages.endpoint_forms import EndpointForm, NewEndpointForm, initial
from automate_web.pages.providers import PROVIDERS, Provider
from automate_web.pages.start import SAMPLE
from automate_web.requests import WorkspaceRequest, actor, demand, wants_fragment, workspace_page
from automate_web.webhook_tests import read_payload, send_test

OVERLAP_WORDS = {0: "at once", 3600: "in 1 hour", 86_400: "in 24 hours", 604_800: "in 7 days"}
GUIDES = {"slack": "endpoints/_slack.html", "shopify": "endpoints/_shopify.html"}  # beside those of PROVIDERS
FILTERS = ("verdict", "code")


@require_GET
@workspace_page("automate.view_event")
def listing(request: WorkspaceRequest) -> HttpResponse:
    """GET /webhooks/"""
    if (tidy := columns.tidied(request)) is not None:
        return tidy
    endpoints = list(WebhookEndpoint.objects.order_by("slug")[:200])
    traffic = webhook_traffic.traffic(endpoints, now=timezone.now())
    rows = [(endpoint, hook_url(endpoint.token), traffic[endpoint.pk]) for endpoint in endpoints]
    return render(request, "endpoints/list.html", {"rows": rows})


@require_http_methods(["GET", "POST"])
@workspace_page("automate.manage_endpoints")
def new(request: WorkspaceRequest) -> HttpResponse:
    """/webhooks/new/: one more address."""
    first = {"auth": "api_key", "event_type": "webhook.received", "signed": "{body}", "tolerance_seconds": 300}
    form = NewEndpointForm(request.POST or None, initial=first)
    if request.method == "POST" and form.is_valid():
        try:
            created = create_endpoint(actor=actor(request), now=timezone.now(), **form.said())
        except (Conflict, Invalid) as error:
            form.blame(error)
        else:
            return _done(request, created, "The endpoint takes events now.")
    return render(request, "endpoints/new.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@workspace_page("automate.view_event")
def detail(request: WorkspaceRequest, endpoint_id: UUID) -> HttpResponse:
    """/webhooks/<endpoint_id>/: what came, the address with ready code; POST changes what it demands."""
    endpoint = _endpoint(endpoint_id, with_removed=request.method == "GET")
    if wants_fragment(request) and request.method == "GET":
        return render(request, "endpoints/_requests.html", _requests(request, endpoint))
    if endpoint.removed_at is not None:
        return render(request, "endpoints/removed.html", _requests(request, endpoint))
    form = EndpointForm(request.POST or None, initial=initial(endpoint))
    if request.method == "POST" and form.is_valid():
        demand(request, "automate.manage_endpoints")
        said = form.said()
        changes = {name: said[name] for name in said if name in {*form.changed_data, "auth_options"}}
        try:
            changed = update_endpoint(endpoint_id=endpoint.pk, actor=actor(request), now=timezone.now(), **changes)
        except Invalid as error:
            form.blame(error)
        else:
            return _done(request, changed, "Saved. The next request is judged by it.")
    url, now = hook_url(endpoint.token), timezone.now()
    context = {
        "endpoint": endpoint,
        "url": url,
        "form": form,
        "is_signed": endpoint.auth in schemes.SIGNED,
        "hides_secret": endpoint.signing_secret is not None,
        "is_overlapping": endpoint.previous_secret_until is not None and endpoint.previous_secret_until > now,
        "secret": shown_once.take(request.session, f"endpoint:{endpoint.pk}") if request.method == "GET" else None,
        "provider": _provider(endpoint),
        "guide": GUIDES.get(endpoint.auth),
        "snippets": snippets.for_endpoint(url, endpoint.auth, key=None, body=SAMPLE),
        "traffic": webhook_traffic.traffic([endpoint], now=now)[endpoint.pk],
        "held": webhook_traffic.held_count(endpoint),
        **_requests(request, endpoint),
    }
    return render(request, "endpoints/detail.html", context, status=422 if form.errors else 200)


@require_POST
@workspace_page("automate.manage_endpoints")
def paused(request: WorkspaceRequest, endpoint_id: UUID) -> HttpResponse:
    """POST /webhooks/<endpoint_id>/paused/: hold what comes, or let it all go on."""
    endpoint = _endpoint(endpoint_id)
    is_paused = request.POST.get("is_paused") == "yes"
    released = set_paused(endpoint_id=endpoint.pk, is_paused=is_paused, actor=actor(request), now=timezone.now())
    words = "Paused: requests are answered 202 and stored; nothing runs until you resume."
    if not is_paused:
        words = f"Resumed: {released} held event{'' if released == 1 else 's'} will run, in order."
    messages.success(request, words, extra_tags="ok")
    return redirect("endpoint", endpoint.pk)


@require_http_methods(["GET", "POST"])
@workspace_page("automate.manage_endpoints")
def secret(request: WorkspaceRequest, endpoint_id: UUID) -> HttpResponse:
    """/webhooks/<endpoint_id>/secret/: a new signing secret; the old one is good for the chosen overlap."""
    endpoint = _endpoint(endpoint_id)
    error = ""
    if request.method == "POST":
        chosen = request.POST.get("overlap", "")
        overlap = timedelta(seconds=int(chosen)) if chosen.isdigit() and len(chosen) < 8 else timedelta(days=-1)
        try:
            rolled = roll_secret(
                endpoint_id=endpoint.pk,
                overlap=overlap,
                secret=request.POST.get("secret", "").strip(),
                actor=actor(request),
                now=timezone.now(),
            )
        except Invalid as refused:
            error = refused.message
        else:
            return _done(request, rolled, "The secret is rolled. Every gateway knows it within 5 s.")
    context = {
        "endpoint": endpoint,
        "is_theirs": endpoint.auth in schemes.MADE_BY_SENDER,
        "choices": [(seconds, OVERLAP_WORDS[seconds]) for seconds in (int(o.total_seconds()) for o in OVERLAPS)],
        "error": error,
    }
    return render(request, "endpoints/secret.html", context, status=422 if error else 200)


@require_POST
@workspace_page("automate.manage_endpoints")
def overlap_ended(request: WorkspaceRequest, endpoint_id: UUID) -> HttpResponse:
    """POST /webhooks/<endpoint_id>/secret/ended/: the older of two secrets stops now."""
    endpoint = _endpoint(endpoint_id)
    try:
        end_overlap(endpoint_id=endpoint.pk, actor=actor(request), now=timezone.now())
    except Conflict as error:
        messages.error(request, error.message, extra_tags="bad")
    else:
        messages.success(request, "The older secret is deleted; only the newest is good.", extra_tags="ok")
    return redirect("endpoint", endpoint.pk)


@require_http_methods(["GET", "POST"])
@workspace_page("automate.manage_endpoints")
def test(request: WorkspaceRequest, endpoint_id: UUID) -> HttpResponse:
    """/webhooks/<endpoint_id>/test/: edit a payload, send it as the sender would, see the answer."""
    endpoint = _endpoint(endpoint_id)
    context: dict[str, Any] = {"endpoint": endpoint, "url": hook_url(endpoint.token), "error": ""}
    context["payload"] = request.POST.get("payload") or json.dumps(SAMPLE, indent=2)
    if request.method == "POST":
        try:
            payload = read_payload(context["payload"])
            with brief_key(tenant_id=request.tenant.id, scopes=["events:write"], now=timezone.now()) as key:
                context["sent"] = send_test(endpoint, payload, api_key=key, actor=actor(request))
        except (Conflict, Invalid, Unavailable) as error:
            context["error"] = error.message
    return render(request, "endpoints/test.html", context, status=422 if context["error"] else 200)


@require_http_methods(["GET", "POST"])
@workspace_page("automate.manage_endpoints")
def removal(request: WorkspaceRequest, endpoint_id: UUID) -> HttpResponse:
    """/webhooks/<endpoint_id>/removals/: end an endpoint for good. Its name must be typed; it says what will stop."""
    endpoint, error, status = _endpoint(endpoint_id), "", 200
    if request.method == "POST":
        if request.POST.get("name", "").strip() != endpoint.slug:
            error, status = f"Type the name exactly: {endpoint.slug}", 422
        else:
            try:
                remove_endpoint(endpoint_id=endpoint.pk, actor=actor(request), now=timezone.now())
            except EndpointInUse:
                status = 409  # the page names them
            else:
                words = f"“{endpoint.slug}” is deleted: its address is unknown within 5 s."
                messages.success(request, words, extra_tags="ok")
                return redirect("endpoints")
    now = timezone.now()
    context = {
        "endpoint": endpoint,
        "workflows": workflows_of(endpoint),
        "traffic": webhook_traffic.traffic([endpoint], now=now)[endpoint.pk],
        "held": webhook_traffic.held_count(endpoint),
        "error": error,
    }
    return render(request, "endpoints/remove.html", context, status=status)


def _requests(request: WorkspaceRequest, endpoint: WebhookEndpoint) -> dict[str, Any]:
    """The newest requests that the filters name."""
    asked = filters.read(request.GET, *FILTERS)
    if asked["verdict"] and asked["verdict"] not in webhook_traffic.VERDICTS:
        known = {"param": "verdict", "one_of": list(webhook_traffic.VERDICTS)}
        raise Invalid(f"There is no verdict “{asked['verdict']}”.", details=known)
    page = webhook_traffic.recent(
        endpoint, verdict=asked["verdict"], code=asked["code"], cursor=request.GET.get("cursor") or None
    )
    return {
        "endpoint": endpoint,
        "asked": asked,
        "verdicts": webhook_traffic.VERDICTS,
        "codes": webhook_traffic.refused_codes(endpoint, now=timezone.now()),
        "chips": filters.in_force(request.GET, *FILTERS),
        "page": page,
    }


def _endpoint(endpoint_id: UUID, *, with_removed: bool = False) -> WebhookEndpoint:
    rows = WebhookEndpoint.with_removed if with_removed else WebhookEndpoint.objects
    endpoint = rows.filter(pk=endpoint_id).first()
    if endpoint is None:
        raise NotFound("There is no such endpoint in this workspace.")
    return endpoint


def _provider(endpoint: WebhookEndpoint) -> Provider | None:
    return Provider(endpoint.auth, PROVIDERS[endpoint.auth], endpoint, None) if endpoint.auth in PROVIDERS else None


def _done(request: WorkspaceRequest, result: CreatedEndpoint, words: str) -> HttpResponse:
    if result.secret:
        shown_once.put(request.session, f"endpoint:{result.endpoint.pk}", result.secret)
    messages.success(request, words, extra_tags="ok")
    return redirect("endpoint", result.endpoint.pk)
