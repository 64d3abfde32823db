"""Bulk operations on runs: counted first, then started, watched and stopped."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from automate.models import RunBulk, RunBulkResult
from automate.services.bulks import MAX_RUNS, Wanted, preview, start_bulk, stop_bulk
from automate_governance.errors import Invalid, NormalizedError, NotFound
from automate_web import filters
from automate_web.bulks import FILTERS, wanted_by
from automate_web.cursor import paginate
from automate_web.filters import as_uuid
from automate_web.requests import WorkspaceRequest, actor, wants_fragment, workspace_page

ACTIONS = {
    "retry": ("Retry", "Each is run again from the step that failed, as a new run. Only ended runs can be."),
    "replay": ("Replay", "The event of each is sent again to its workflow. What the steps do is done once more."),
    "cancel": ("Cancel", "Each is asked to stop, with its children. Only runs that have not ended can be."),
}
RATES = {"": "as fast as it goes", "10": "10 a second", "1": "1 a second", "0.1": "1 in 10 seconds"}
MOST_CHOSEN = 200


@require_http_methods(["GET", "POST"])
@workspace_page("automate.control_run")
def start(request: WorkspaceRequest) -> HttpResponse:
    """GET /runs/bulk/?action=retry&<filters>, or `run=<id>` of each, counts; POST starts it."""
    given = request.POST if request.method == "POST" else request.GET
    chosen = given.getlist("run")[:MOST_CHOSEN]
    asked = filters.read(given, *FILTERS)
    action = given.get("action") if given.get("action") in ACTIONS else "retry"
    assert action is not None
    problem, found = "", None
    try:
        wanted, rate = _wanted(chosen, asked), _rate(given)
        if request.method == "POST":
            version = "latest" if given.get("version") == "latest" else "same"
            bulk = start_bulk(
                action=action, wanted=wanted, version=version, rate=rate, actor=actor(request), now=timezone.now()
            )
            return redirect("run-bulk", bulk.pk)
        found = preview(action=action, wanted=wanted)
    except NormalizedError as error:
        problem = error.message
    named = [("run", each) for each in chosen] or [(name, value) for name, value in asked.items() if value]
    context = {
        "problem": problem,
        "found": found,
        "action": action,
        "words": ACTIONS[action],
        "actions": {name: words[0] for name, words in ACTIONS.items()},
        "rates": RATES,
        "named": named,
        "chips": [] if chosen else [(name, value) for name, value in asked.items() if value],
        "chosen": len(chosen),
        "most": MAX_RUNS,
    }
    return render(request, "runs/bulk.html", context, status=422 if problem else 200)


@require_GET
@workspace_page("automate.view_run")
def progress(request: WorkspaceRequest, bulk_id: UUID) -> HttpResponse:
    """GET /runs/bulk/<bulk_id>/: how far it is, and what became of each run."""
    bulk = RunBulk.objects.filter(pk=bulk_id).first()
    if bulk is None:
        raise NotFound("There is no such bulk operation. It may have passed its retention time.")
    results = RunBulkResult.objects.filter(bulk_id=bulk.pk)
    if request.GET.get("status") == "skipped":
        results = results.exclude(code="")
    context: dict[str, Any] = {
        "bulk": bulk,
        "title": ACTIONS[bulk.action][0],
        "at": bulk.done + bulk.skipped,
        "only_skipped": request.GET.get("status") == "skipped",
        "page": paginate(results, request.GET.get("cursor")),
    }
    return render(request, "runs/_bulk.html" if wants_fragment(request) else "runs/bulk_progress.html", context)


@require_POST
@workspace_page("automate.control_run")
def stop(request: WorkspaceRequest, bulk_id: UUID) -> HttpResponse:
    """POST /runs/bulk/<bulk_id>/cancellations/: leave the rest alone."""
    bulk = stop_bulk(bulk_id=bulk_id, actor=actor(request), now=timezone.now())
    words = f"Stopped: {bulk.done + bulk.skipped:,} of {bulk.total:,} runs were looked at. What was done stays."
    messages.success(request, words, extra_tags="ok")
    return redirect("run-bulk", bulk_id)


def _wanted(chosen: list[str], asked: dict[str, str]) -> Wanted:
    if not chosen:
        return wanted_by(asked, now=timezone.now())
    ids = [as_uuid(each) for each in chosen]
    return Wanted(ids=tuple(str(each) for each in ids if each))


def _rate(given: QueryDict) -> float | None:
    text = given.get("rate", "")
    if text not in RATES:
        raise Invalid("Choose one of the offered rates.", details={"param": "rate"})
    return float(text) if text else None
