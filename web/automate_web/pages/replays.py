"""Replaying an event: the same payload or an edited one, for all who listen or for one; both shown side by side."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from automate.definitions import jsontext
from automate.models import Event, Workflow
from automate.services.masked_events import masked_for
from automate.services.replays import replay_event
from automate_governance.errors import NormalizedError, NotFound
from automate_governance.redaction import redact
from automate_web.requests import WorkspaceRequest, actor, workspace_page

Line = tuple[str, str]  # ("same" | "gone" | "new", text)
MOST_LINES = 2_000


@require_http_methods(["GET", "POST"])
@workspace_page("automate.replay_event")
def replay(request: WorkspaceRequest, event_id: UUID) -> HttpResponse:
    """GET /events/<event_id>/replays/ asks what to send; POST sends it and goes to the new event."""
    event = Event.objects.filter(pk=event_id).first()
    if event is None:
        raise NotFound("No event has this id.")
    with masked_for(event):
        stored = _pretty(redact(event.payload))
    if request.method == "GET":
        return _form(request, event, stored)
    text = request.POST.get("payload", stored).replace("\r\n", "\n")
    slug = request.POST.get("workflow", "").strip()
    try:
        edited = {} if text.strip() == stored.strip() else {"payload": jsontext.parse(text)}
    except jsontext.NotJson as error:
        problem = f"Not JSON: {error} (line {error.line}, column {error.column})."
        return _form(request, event, text, slug=slug, problem=problem, status=422)
    if edited and not isinstance(edited["payload"], dict):
        return _form(request, event, text, slug=slug, problem="A payload is a JSON object: { … }.", status=422)
    try:
        made = replay_event(
            event_id=event.pk, workflow=slug or None, actor=actor(request), now=timezone.now(), **edited
        )
    except NormalizedError as error:
        return _form(request, event, text, slug=slug, problem=error.message, status=error.http_status)
    messages.success(request, "Sent again: this is the new event.", extra_tags="ok")
    return redirect("event", made.pk)


def side_by_side(before: Any, after: Any) -> tuple[list[Line], list[Line]]:
    """Two payloads, redacted, as lines for two columns: what is gone on the left, what is new on the right."""
    old, new = (_pretty(redact(value)).splitlines()[:MOST_LINES] for value in (before, after))
    changes = list(difflib.ndiff(old, new)) if len(old) + len(new) < MOST_LINES else []
    if not changes:
        return [("same", line) for line in old], [("same", line) for line in new]
    return list(_column(changes, "- ", "gone")), list(_column(changes, "+ ", "new"))


def _column(changes: list[str], mark: str, kind: str) -> Iterator[Line]:
    for change in changes:
        if change.startswith("  "):
            yield "same", change[2:]
        elif change.startswith(mark):
            yield kind, change[2:]


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _form(
    request: WorkspaceRequest, event: Event, text: str, *, slug: str = "", problem: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "event": event,
        "text": text,
        "slug": slug,
        "problem": problem,
        "workflows": Workflow.objects.filter(active_version__isnull=False, is_enabled=True)
        .order_by("slug")
        .values_list("slug", flat=True),
    }
    return render(request, "events/replay.html", context, status=status)
