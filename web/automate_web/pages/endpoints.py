"""Webhook endpoints: their addresses, what each demands of a sender, and what its events are called."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from automate.models import WebhookEndpoint
from automate_governance.errors import Conflict, Invalid, NotFound
from automate_tenants.endpoints import CreatedEndpoint, create_endpoint, update_endpoint
from automate_web.addresses import hook_url
from automate_web.pages import shown_once, snippets
from automate_web.pages.providers import PROVIDERS, Provider
from automate_web.pages.start import SAMPLE
from automate_web.requests import WorkspaceRequest, actor, demand, workspace_page


class EndpointForm(forms.Form):
    """What may be changed of an endpoint; its address and name stay."""

    auth = forms.ChoiceField(label="A sender must prove itself by", choices=WebhookEndpoint.Auth.choices)
    secret = forms.CharField(
        label="Signing secret from the sender",
        max_length=255,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Stripe makes one (whsec_…): paste it. Else leave it empty: one is made and shown once.",
    )
    event_type = forms.CharField(label="Event type", max_length=200, help_text="What its events are called.")
    type_path = forms.CharField(
        label="Type from the body",
        max_length=200,
        required=False,
        help_text="A dotted path such as meta.event, if the body names the type.",
    )
    dedupe_path = forms.CharField(
        label="Dedupe key from the body",
        max_length=200,
        required=False,
        help_text="A dotted path such as order.id: a second event with the same value is a duplicate.",
    )
    is_active = forms.BooleanField(label="Takes events", required=False)


class NewEndpointForm(EndpointForm):
    slug = forms.CharField(label="Name", max_length=60, help_text="Small letters, digits, - and _. Workflows name it.")
    field_order = ["slug", "auth", "secret", "event_type", "type_path", "dedupe_path"]

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        del self.fields["is_active"]


@require_GET
@workspace_page("automate.view_event")
def listing(request: WorkspaceRequest) -> HttpResponse:
    """GET /webhooks/"""
    rows = [(endpoint, hook_url(endpoint.token)) for endpoint in WebhookEndpoint.objects.order_by("slug")[:200]]
    return render(request, "endpoints/list.html", {"rows": rows})


@require_http_methods(["GET", "POST"])
@workspace_page("automate.manage_endpoints")
def new(request: WorkspaceRequest) -> HttpResponse:
    """/webhooks/new/: one more address."""
    form = NewEndpointForm(request.POST or None, initial={"auth": "api_key", "event_type": "webhook.received"})
    if request.method == "POST" and form.is_valid():
        try:
            created = create_endpoint(actor=actor(request), now=timezone.now(), **form.cleaned_data)
        except (Conflict, Invalid) as error:
            form.add_error(error.details.get("param"), error.message)
        else:
            return _done(request, created, "The endpoint takes events now.")
    return render(request, "endpoints/new.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@workspace_page("automate.view_event")
def detail(request: WorkspaceRequest, endpoint_id: UUID) -> HttpResponse:
    """/webhooks/<endpoint_id>/: the address with ready code; POST changes what it demands."""
    endpoint = WebhookEndpoint.objects.filter(pk=endpoint_id).first()
    if endpoint is None:
        raise NotFound("There is no such endpoint in this workspace.")
    initial = {name: getattr(endpoint, name) for name in EndpointForm.base_fields if name != "secret"}
    form = EndpointForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        demand(request, "automate.manage_endpoints")
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        try:
            changed = update_endpoint(endpoint_id=endpoint.pk, actor=actor(request), now=timezone.now(), **changes)
        except Invalid as error:
            form.add_error(error.details.get("param"), error.message)
        else:
            return _done(request, changed, "Saved. The next request is judged by it.")
    url = hook_url(endpoint.token)
    context = {
        "endpoint": endpoint,
        "url": url,
        "form": form,
        "secret": shown_once.take(request.session, f"endpoint:{endpoint.pk}") if request.method == "GET" else None,
        "provider": Provider(endpoint.auth, PROVIDERS[endpoint.auth], endpoint, None)
        if endpoint.auth in PROVIDERS
        else None,
        "snippets": snippets.for_endpoint(url, endpoint.auth, key=None, body=SAMPLE),
    }
    return render(request, "endpoints/detail.html", context, status=422 if form.errors else 200)


def _done(request: WorkspaceRequest, result: CreatedEndpoint, words: str) -> HttpResponse:
    if result.secret:
        shown_once.put(request.session, f"endpoint:{result.endpoint.pk}", result.secret)
    messages.success(request, words, extra_tags="ok")
    return redirect("endpoint", result.endpoint.pk)
