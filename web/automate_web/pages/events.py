"""Events: the list with what became of each, and one event with why it ran or did not run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from automate import reauthentication
from automate.models import Dedupe, Event, ExecutionRun, MatchDecision, WebhookEndpoint, Workflow
from automate.outbox.holding import held
from automate.services import audit
from automate.services.masked_events import masked_for
from automate.services.why import explain_event
from automate_governance.errors import Invalid, NotFound
from automate_governance.redaction import redact
from automate_tenants.models import RefusalSample
from automate_web import filters
from automate_web.cursor import paginate
from automate_web.event_search import decided, with_text
from automate_web.nearest import nearest
from automate_web.newer import count_newer, wants_count
from automate_web.pages.checklist import checklist
from automate_web.pages.conditions import conditions
from automate_web.pages.find import address_of
from automate_web.pages.payload import Shown, shown
from automate_web.pages.refusals import explain
from automate_web.pages.replays import side_by_side
from automate_web.requests import WorkspaceRequest, actor, wants_fragment, workspace_page
from automate_web.saved_views import opens_with_default

FILTERS = ("status", "type", "source", "trace_id", "since", "until", "q")
STATUSES = {"started": "Started", "no_match": "No match", "held": "Held", "skipped": "Skipped", "rejected": "Rejected"}


@dataclass
class EventRow:
    """An event and what became of it, for one row of the list."""

    event: Event
    repeats: int = 0
    duplicates: list[Dedupe] = field(default_factory=list)  # each key under which it came
    runs: list[tuple[ExecutionRun, str]] = field(default_factory=list)  # with the workflow's slug
    verdict: str = "queued"


@require_GET
@workspace_page("automate.view_event")
@opens_with_default("events")
def listing(request: WorkspaceRequest) -> HttpResponse:
    """GET /events/"""
    asked = filters.read(request.GET, *FILTERS)
    if found := address_of(asked["q"]):
        return redirect(found)
    context: dict[str, Any] = {
        "asked": asked,
        "chips": filters.in_force(request.GET, *FILTERS),
        "checklist": None if wants_fragment(request) else checklist(request),
        "statuses": STATUSES,
        "sources": sorted(_sources()),
    }
    cursor = request.GET.get("cursor")
    if asked["status"] == "rejected":
        context["page"] = refused = paginate(refusals(request.tenant.id), cursor)
        context["refusals"] = [explain(sample) for sample in refused.results]
        return render(request, "events/_refusals.html" if wants_fragment(request) else "events/list.html", context)
    now = timezone.now()
    rows = search(asked, now=now)
    if wants_count(request):
        return count_newer(request, rows)
    page = paginate(rows, cursor)
    wider = None if page.results else nearest(partial(search, now=now), asked, now=now)
    context |= {"page": page, "rows": rows_of(page.results), "nearest": wider}
    return render(request, "events/_rows.html" if wants_fragment(request) else "events/list.html", context)


@require_GET
@workspace_page("automate.view_event")
def detail(request: WorkspaceRequest, event_id: UUID) -> HttpResponse:
    """GET /events/<event_id>/"""
    event = Event.objects.filter(pk=event_id).first()
    if event is None:
        raise NotFound("No event has this id. It may have passed its retention time.")
    row = rows_of([event])[0]
    whys = explain_event(event)
    with masked_for(event, whys):
        context = {
            "event": event,
            "row": row,
            "payload": shown(event.payload),
            "headers": sorted(redact(event.headers or {}).items()),
            "whys": [(why, conditions(why)) for why in whys],
            "is_moving": row.verdict == "queued" or any(run.is_live for run, _ in row.runs),
            **_replays_of(event),
            "duplicates": row.duplicates,
        }
        return render(request, "events/_detail.html" if wants_fragment(request) else "events/detail.html", context)


@require_GET
@workspace_page("automate.view_event")
def payload(request: WorkspaceRequest, event_id: UUID) -> HttpResponse:
    """GET /events/<event_id>/payload.json: the whole payload as shown, however long."""
    event = Event.objects.filter(pk=event_id).first()
    if event is None:
        raise NotFound("No event has this id.")
    with masked_for(event):
        return Shown.download(event.payload, name=f"event-{event.pk}.json")


@require_http_methods(["GET", "POST"])
@workspace_page("automate.view_raw_payload")
def raw(request: WorkspaceRequest, event_id: UUID) -> HttpResponse:
    """/events/<event_id>/raw/: the payload as it came, after the password, and on record."""
    event = Event.objects.filter(pk=event_id).first()
    if event is None:
        raise NotFound("No event has this id.")
    error = reauthentication.find_problem(request) if request.method == "POST" else ""
    context: dict[str, Any] = {"event": event, "error": error, **reauthentication.context(request)}
    if request.method == "POST" and not error:
        details = {"type": event.type, "source": event.source}
        audit.record(
            actor=actor(request),
            action="event.view_raw",
            resource=f"event:{event.pk}",
            details=details,
            now=timezone.now(),
        )
        context["raw"] = json.dumps(event.payload, indent=2, ensure_ascii=False)
    answer = render(request, "events/raw.html", context, status=422 if error else 200)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _replays_of(event: Event) -> dict[str, Any]:
    """What it is a replay of, and its replays; of a replay with an edited payload, both side by side."""
    first = Event.objects.filter(pk=event.replay_of).first() if event.replay_of else None
    is_edited = first is not None and first.payload != event.payload
    return {
        "first": first,
        "replays": list(Event.objects.filter(replay_of=event.pk).only("received_at").order_by("pk")[:50]),
        "compared": side_by_side(first.payload, event.payload) if first is not None and is_edited else None,
    }


def search(asked: dict[str, str], *, now: datetime) -> QuerySet[Event]:
    """Events that the filters name, for `paginate`. Time is a range of the primary key."""
    events = Event.objects.defer("payload", "headers")
    if asked["type"]:
        events = events.filter(type=asked["type"])
    if asked["source"]:
        events = events.filter(source=asked["source"])
    if asked["trace_id"]:
        trace = filters.as_uuid(asked["trace_id"])
        events = events.filter(trace_id=trace) if trace else events.none()
    if asked["since"]:
        events = events.filter(pk__gte=filters.id_at(filters.moment(asked["since"], now=now, param="since")))
    if asked["until"]:
        events = events.filter(pk__lt=filters.id_at(filters.moment(asked["until"], now=now, param="until")))
    if asked["q"]:
        events = with_text(events, asked["q"])
    if asked["status"]:
        if asked["status"] not in STATUSES:
            known = {"param": "status", "one_of": list(STATUSES)}
            raise Invalid(f"There is no event status “{asked['status']}”.", details=known)
        events = decided(events, asked["status"])
    return events


def rows_of(events: Iterable[Event]) -> list[EventRow]:
    """Each event with its repeats, decisions and runs: five queries for any number of events."""
    rows = {event.pk: EventRow(event) for event in events}
    for key in Dedupe.objects.filter(event_id__in=rows):
        rows[key.event_id].duplicates.append(key)
        rows[key.event_id].repeats += key.repeats
    runs = list(ExecutionRun.objects.filter(event_id__in=rows).defer("outputs").order_by("pk"))
    slugs = dict(Workflow.objects.filter(pk__in={run.workflow_id for run in runs}).values_list("pk", "slug"))
    for run in runs:
        rows[run.event_id].runs.append((run, slugs.get(run.workflow_id, "a deleted workflow")))
    weight = ["queued", "no_match", "skipped", "held", "started"]  # the weightiest decision names the event's verdict
    for event_id, decision in MatchDecision.objects.filter(event_id__in=rows).values_list("event_id", "decision"):
        rows[event_id].verdict = max(rows[event_id].verdict, str(decision), key=weight.index)
    for event_id in held([pk for pk, row in rows.items() if row.verdict == "queued"]):
        rows[event_id].verdict = "held"
    return list(rows.values())


def refusals(tenant_id: int) -> QuerySet[RefusalSample]:
    """Refused requests of the workspace: they are not events, and only the newest per endpoint are kept."""
    return RefusalSample.objects.filter(tenant_id=tenant_id)


def _sources() -> set[str]:
    return {f"webhook:{slug}" for slug in WebhookEndpoint.objects.values_list("slug", flat=True)}
