"""Failures: what ended badly and nobody has dealt with, grouped by what failed; redrive it, or let it be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from automate.models import Workflow
from automate.services import deadletters
from automate.services.deadletters import Filter, Skipped
from automate.services.failure_marks import mark_failures
from automate.services.retries import Which
from automate_governance.errors import Invalid, NormalizedError
from automate_tenants.team import members
from automate_web import filters
from automate_web.cursor import paginate
from automate_web.failures import MOST_AT_ONCE, STATUSES, Shown, dead_events, filter_of, shown_groups
from automate_web.requests import WorkspaceRequest, actor, wants_fragment, workspace_page
from automate_web.saved_views import opens_with_default

FILTERS = ("workflow", "step", "code", "status", "fingerprint", "since", "until")
PREVIEWED = 20
MUTES = {"1": "1 hour", "24": "1 day", "168": "1 week", "720": "30 days", "0": "not any more"}
RATES = {"": "all at once", "10": "10 a second", "1": "1 a second", "0.1": "1 in 10 seconds"}


@require_GET
@workspace_page("automate.view_run")
@opens_with_default("failures")
def listing(request: WorkspaceRequest) -> HttpResponse:
    """GET /failures/: groups, then what waits for a person's word, then events that nobody could match."""
    asked, wanted = _asked(request.GET)
    held = deadletters.dead_runs(filter_of(status="held", workflow_id=wanted.workflow_id)).select_related(
        "version__workflow"
    )
    context: dict[str, Any] = {
        "asked": asked,
        "chips": filters.in_force(request.GET, *FILTERS),
        "statuses": STATUSES,
        "workflows": Workflow.objects.order_by("slug").values_list("slug", flat=True),
        "groups": [] if asked["status"] == "held" else shown_groups(wanted),
        "held": list(held.defer("outputs", "version__steps")[:50]) if asked["status"] in {"", "held"} else [],
        "events": dead_events(deadletters.dead_event_jobs()[:50]) if not any(asked.values()) else [],
    }
    return render(request, "failures/_rows.html" if wants_fragment(request) else "failures/list.html", context)


@require_GET
@workspace_page("automate.view_run")
def runs(request: WorkspaceRequest) -> HttpResponse:
    """GET /failures/runs/?workflow=<slug>&fingerprint=<hex>: the runs of a group, or of any filter."""
    asked, wanted = _asked(request.GET)
    rows = deadletters.dead_runs(wanted).select_related("version__workflow").defer("outputs", "version__steps")
    groups = shown_groups(wanted)
    context = {
        "asked": asked,
        "chips": filters.in_force(request.GET, *FILTERS),
        "page": paginate(rows, request.GET.get("cursor")),
        "group": groups[0] if len(groups) == 1 else None,
        "count": sum(group.group.count for group in groups),
        "named": {name: value for name, value in asked.items() if name in request.GET},
        "query": urlencode({name: value for name, value in asked.items() if name in request.GET}),
        "is_dismissed": wanted.is_dismissed,
        "mutes": {hours: words for hours, words in MUTES.items() if hours != "0"},
        "owners": _owners(request) if len(groups) == 1 and request.user.has_perm("automate.control_run") else [],
    }
    return render(request, "failures/runs.html", context)


@require_http_methods(["GET", "POST"])
@workspace_page("automate.control_run")
def redrive(request: WorkspaceRequest) -> HttpResponse:
    """GET /failures/redrives/?<filter> says which effects would repeat; POST retries each, at a rate."""
    given = request.POST if request.method == "POST" else request.GET
    asked, wanted = _asked(given)
    wanted = filter_of(status="failed", **_without_status(wanted))  # held runs are left to who settles them
    version: Which = "latest" if given.get("version") == "latest" else "same"
    problem = ""
    if request.method == "POST":
        try:
            done = deadletters.redrive(
                wanted,
                actor=actor(request),
                now=timezone.now(),
                version=version,
                rate=_rate(given.get("rate", "")),
                limit=MOST_AT_ONCE,
            )
        except NormalizedError as error:
            problem = error.message
        else:
            _tell(request, done)
            return redirect("failures")
    found = deadletters.preview(wanted, version=version, limit=PREVIEWED)
    context = {
        "asked": asked,
        "named": {name: value for name, value in asked.items() if name in given},
        "version": version,
        "rates": RATES,
        "count": deadletters.dead_runs(wanted).count(),
        "most": MOST_AT_ONCE,
        "plans": [each for each in found if not isinstance(each, Skipped)],
        "skipped": [each for each in found if isinstance(each, Skipped)],
        "problem": problem,
    }
    return render(request, "failures/redrive.html", context, status=422 if problem else 200)


@require_POST
@workspace_page("automate.control_run")
def dismiss(request: WorkspaceRequest) -> HttpResponse:
    """POST /failures/dismissals/: out of the list without repeating them; with `undo`, back into it."""
    _, wanted = _asked(request.POST)
    undo = request.POST.get("undo") == "yes"
    status = "dismissed" if undo else "failed"
    chosen = deadletters.dead_runs(filter_of(status=status, **_without_status(wanted))).values_list("pk", flat=True)
    changed = deadletters.dismiss(
        list(chosen[: deadletters.MAX_AT_ONCE]), actor=actor(request), now=timezone.now(), undo=undo
    )
    many = f"{changed:,} failure{'' if changed == 1 else 's'}"
    if undo:
        messages.success(request, f"{many} back in the list.", extra_tags="ok")
        return redirect("failures")
    messages.success(request, f"{many} dismissed. They are listed under “dismissed”, to put back.", extra_tags="ok")
    return redirect(f"{reverse('failures')}?status=dismissed")


@require_POST
@workspace_page("automate.control_run")
def mark(request: WorkspaceRequest) -> HttpResponse:
    """POST /failures/marks/: mute one kind of failure for some hours, end that (`mute` 0), or give it an owner."""
    named = {name: request.POST.get(name, "") for name in ("workflow", "fingerprint")}
    back = f"{reverse('failure-runs')}?{urlencode(named)}"
    changes: dict[str, Any] = {}
    now, words = timezone.now(), ""
    if "mute" in request.POST:
        hours = request.POST["mute"]
        if hours not in MUTES:
            raise Invalid("Mute for one of the times offered.", details={"param": "mute", "one_of": list(MUTES)})
        changes["muted_until"] = now + timedelta(hours=int(hours)) if hours != "0" else None
        words = "Muted: out of the list until then." if hours != "0" else "Heard again: it is in the list."
    elif "owner" in request.POST:
        changes["owner"] = _owner(request)
        words = "It has an owner." if changes["owner"] else "It has no owner any more."
    workflow_id = _workflow_id(named["workflow"]) or UUID(int=0)
    mark_failures(workflow_id=workflow_id, fingerprint=named["fingerprint"], actor=actor(request), now=now, **changes)
    messages.success(request, words, extra_tags="ok")
    return redirect(back)


@require_POST
@workspace_page("automate.control_run")
def redrive_events(request: WorkspaceRequest) -> HttpResponse:
    """POST /failures/events/: let events whose workers stopped be matched again."""
    named = [filters.as_uuid(text) for text in request.POST.getlist("event")[:MOST_AT_ONCE]]
    armed = deadletters.redrive_events([key for key in named if key], actor=actor(request), now=timezone.now())
    messages.success(request, f"{armed} event{'' if armed == 1 else 's'} matched again.", extra_tags="ok")
    return redirect("failures")


def groups_of(query: QueryDict) -> list[Shown]:
    """The groups that the list shows for this query string."""
    asked, wanted = _asked(query)
    return [] if asked["status"] == "held" else shown_groups(wanted)


def _owner(request: WorkspaceRequest) -> str:
    """The actor that was chosen: a member, or nobody. Raises Invalid for somebody else."""
    chosen = request.POST["owner"]
    if chosen and chosen not in {known for known, _ in _owners(request)}:
        raise Invalid("The owner is a member of this workspace.", details={"param": "owner"})
    return chosen


def _owners(request: WorkspaceRequest) -> list[tuple[str, str]]:
    """(actor, e-mail) of every member."""
    return [(f"user:{member.user_id}", member.user.email) for member in members(request.tenant.id)]


def _asked(query: QueryDict) -> tuple[dict[str, str], Filter]:
    """The filters as given, and what they mean. Raises Invalid."""
    asked, now = filters.read(query, *FILTERS), timezone.now()
    if asked["status"] and asked["status"] not in STATUSES:
        details = {"param": "status", "one_of": list(STATUSES)}
        raise Invalid(f"There is no such status of failures: “{asked['status']}”.", details=details)
    wanted = filter_of(
        status=asked["status"],
        hides_muted=not asked["status"] and "fingerprint" not in query,
        workflow_id=_workflow_id(asked["workflow"]),
        step_id=asked["step"],
        code=asked["code"],
        fingerprint=asked["fingerprint"] if "fingerprint" in query else None,
        since=filters.moment(asked["since"], now=now, param="since") if asked["since"] else None,
        until=filters.moment(asked["until"], now=now, param="until") if asked["until"] else None,
    )
    return asked, wanted


def _workflow_id(text: str) -> UUID | None:
    """Of a slug or an id; one that nobody has finds nothing."""
    if not text:
        return None
    found = Workflow.objects.filter(slug=text).values_list("pk", flat=True).first()
    return found or filters.as_uuid(text) or UUID(int=0)


def _without_status(wanted: Filter) -> dict[str, Any]:
    return {
        "workflow_id": wanted.workflow_id,
        "step_id": wanted.step_id,
        "code": wanted.code,
        "fingerprint": wanted.fingerprint,
        "since": wanted.since,
        "until": wanted.until,
    }


def _rate(text: str) -> float | None:
    """Runs a second; None: all at once. Raises Invalid."""
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise Invalid("A rate is a number of runs a second.", details={"param": "rate"}) from None


def _tell(request: WorkspaceRequest, done: deadletters.Redriven) -> None:
    started = len(done.started)
    messages.success(request, f"{started:,} run{'' if started == 1 else 's'} started again.", extra_tags="ok")
    if done.skipped:
        first = done.skipped[0].message
        messages.error(request, f"{len(done.skipped):,} left as they are: {first}", extra_tags="bad")
