"""`/start/`: from a new workspace to a watched run. A curl with the real key, the first event live, its run drawn live,
and every refused attempt with what to mend.
"""

from __future__ import annotations

import itertools
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from automate.ingest.ingestor import EventIngestor
from automate.models import Event, ExecutionRun, StepRun, WebhookEndpoint, Workflow
from automate_governance.errors import Invalid, Unavailable
from automate_tenants.endpoints import create_endpoint, update_endpoint
from automate_tenants.models import RefusalSample, Tenant
from automate_web.accounts import first_key
from automate_web.addresses import hook_url
from automate_web.pages import shown_once, snippets, timeline
from automate_web.pages.checklist import checklist, sample_workflow
from automate_web.pages.providers import PROVIDERS, is_out_of_reach, providers
from automate_web.pages.refusals import Refusal, explain
from automate_web.requests import WorkspaceRequest, actor, wants_fragment, workspace_page
from automate_web.run_steps import steps_of

RECENT = timedelta(hours=1)  # refused attempts that are still news
PATIENCE = timedelta(seconds=60)  # then a checklist appears
SAMPLE = {"order": {"id": "A-1001", "total": 120, "currency": "EUR", "email": "ada@example.com"}}
SEND_TIMEOUT_SECONDS = 5


@dataclass(frozen=True)
class Progress:
    """What has happened so far: the newest event, its runs drawn step by step, and refused attempts."""

    event: Event | None
    runs: list[tuple[ExecutionRun, Workflow, list[timeline.Lane]]]
    refusals: list[Refusal]
    is_late: bool

    @property
    def is_moving(self) -> bool:
        return self.event is None or not self.runs or any(run.is_live for run, _, _ in self.runs)


@require_GET
@workspace_page("automate.view_event")
def start(request: WorkspaceRequest) -> HttpResponse:
    """GET /start/"""
    context: dict[str, Any] = {"progress": progress(request.membership.tenant)}
    if wants_fragment(request):
        return render(request, "start/_progress.html", context)
    endpoint = WebhookEndpoint.objects.filter(is_active=True).order_by("pk").first()
    key = first_key.get(request.session, request.tenant.id) if request.user.has_perm("automate.manage_keys") else None
    if endpoint:
        context["snippets"] = snippets.for_endpoint(hook_url(endpoint.token), endpoint.auth, key=key, body=SAMPLE)
    made = {name: secret for name in PROVIDERS if (secret := shown_once.take(request.session, f"provider:{name}"))}
    context |= {"providers": providers(made), "is_out_of_reach": is_out_of_reach()}
    context["tab"] = request.GET.get("tab") if request.GET.get("tab") in PROVIDERS else ""
    context |= {"endpoint": endpoint, "key": key, "sample": sample_workflow()}
    context["checklist"] = checklist(request, context["sample"])
    return render(request, "start/start.html", context)


@require_POST
@workspace_page("automate.send_event")
def send(request: WorkspaceRequest) -> HttpResponse:
    """POST /start/events/: send the sample event from here as a sender would: through the gateway, with the key."""
    endpoint = WebhookEndpoint.objects.filter(is_active=True).order_by("pk").first()
    if endpoint is None:
        messages.error(request, "There is no active webhook endpoint to send to.", extra_tags="bad")
        return redirect("endpoints")
    key = first_key.get(request.session, request.tenant.id)
    if key and endpoint.auth == WebhookEndpoint.Auth.API_KEY:
        _post(hook_url(endpoint.token), key)
    else:
        _emit(endpoint, request.trace_id)
    if wants_fragment(request):
        return render(request, "start/_progress.html", {"progress": progress(request.membership.tenant)})
    return redirect("start")


@require_POST
@workspace_page("automate.manage_endpoints")
def connect(request: WorkspaceRequest, provider: str) -> HttpResponse:
    """POST /start/github/, /start/stripe/: make the endpoint that GitHub or Stripe sends to, or give it its secret."""
    secret = request.POST.get("secret", "").strip()
    known = WebhookEndpoint.objects.filter(auth=provider, is_active=True).order_by("pk").first()
    who, now = actor(request), timezone.now()
    try:
        if known is None:
            made = create_endpoint(
                slug=_free_slug(provider),
                auth=provider,
                event_type=f"{provider}.event",
                secret=secret,
                actor=who,
                now=now,
            )
        else:
            made = update_endpoint(endpoint_id=known.pk, secret=secret, actor=who, now=now)
    except Invalid as error:
        messages.error(request, error.message, extra_tags="bad")
    else:
        if made.secret:
            shown_once.put(request.session, f"provider:{provider}", made.secret)
        messages.success(
            request, f"The {PROVIDERS[provider]} endpoint is ready. Follow its steps below.", extra_tags="ok"
        )
    return redirect(f"{reverse('start')}?tab={provider}")


def _free_slug(name: str) -> str:
    """`name`, or the first of name-2, name-3 … that no endpoint has."""
    taken = set(WebhookEndpoint.objects.filter(slug__startswith=name).values_list("slug", flat=True))
    return next(slug for n in itertools.count(1) if (slug := name if n == 1 else f"{name}-{n}") not in taken)


@require_POST
@workspace_page("automate.view_event")
def forget_key(request: WorkspaceRequest) -> HttpResponse:
    """POST /start/key-saved/: the member has the key; it is not shown again."""
    first_key.drop(request.session)
    messages.success(request, "Good. The key is not shown again.", extra_tags="ok")
    return redirect("start")


def progress(tenant: Tenant) -> Progress:
    """At most five queries, whatever the workspace holds."""
    now = timezone.now()
    event = Event.objects.order_by("-pk").defer("payload", "headers").first()
    recent = RefusalSample.objects.filter(tenant_id=tenant.pk, received_at__gt=now - RECENT).order_by("-pk")
    return Progress(
        event=event,
        runs=_runs(event) if event else [],
        refusals=[explain(sample) for sample in recent[:3]],
        is_late=event is None and now - tenant.created_at > PATIENCE,
    )


def _runs(event: Event) -> list[tuple[ExecutionRun, Workflow, list[timeline.Lane]]]:
    runs = list(ExecutionRun.objects.filter(event_id=event.pk).select_related("version__workflow").order_by("pk")[:3])
    attempts: dict[UUID, list[StepRun]] = {run.pk: [] for run in runs}
    for attempt in StepRun.objects.filter(run_id__in=attempts).defer("input", "output", "logs"):
        attempts[attempt.run_id].append(attempt)
    now = timezone.now()
    return [(run, run.version.workflow, _lanes(run, attempts[run.pk], now=now)) for run in runs]


def _post(url: str, key: str) -> None:
    """The request that the curl on the page makes. A refusal is not an error here: the page shows it, live."""
    request = urllib.request.Request(  # noqa: S310  our own gateway, from settings
        url,
        data=json.dumps(SAMPLE).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=SEND_TIMEOUT_SECONDS):  # noqa: S310
            pass
    except urllib.error.HTTPError as refusal:
        refusal.close()
    except OSError as error:
        raise Unavailable("The gateway did not answer, so nothing was sent. Try again in a moment.") from error


def _emit(endpoint: WebhookEndpoint, trace_id: str) -> None:
    """Without the key at hand: the same event from the same source, stored by the engine itself."""
    EventIngestor().ingest(type=endpoint.event_type, payload=SAMPLE, source=endpoint.source, trace_id=trace_id)


def _lanes(run: ExecutionRun, attempts: list[StepRun], *, now: datetime) -> list[timeline.Lane]:
    return timeline.draw(run, steps_of(run.version, attempts), attempts, now=now)[1:]
