"""Runs: the list, and one run with its timeline and what each step got, gave, logged and tried."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from automate.execution.states import FINAL_RUN
from automate.models import Event, ExecutionRun, RunWait, StepRun, Workflow
from automate.services.why_waits import why_waits
from automate_governance.errors import Invalid, NotFound
from automate_web import filters
from automate_web.approvals import Question, may_answer
from automate_web.cursor import paginate
from automate_web.nearest import nearest
from automate_web.newer import count_newer, wants_count
from automate_web.pages import timeline
from automate_web.pages.checklist import checklist
from automate_web.pages.find import address_of
from automate_web.pages.payload import Shown, shown
from automate_web.requests import WorkspaceRequest, wants_fragment, workspace_page
from automate_web.run_family import family_of
from automate_web.run_steps import steps_of
from automate_web.saved_views import opens_with_default

FILTERS = ("status", "workflow", "trace_id", "since", "until", "q")
LISTED = (  # not `outputs`: a list shows none of them
    "event_id", "workflow_id", "version__version_num", "trace_id", "status", "steps_done", "steps_total", "created_at",
    "started_at", "ended_at",
)  # fmt: skip
TABS = {name: name.capitalize() for name in ("input", "output", "error", "logs", "attempts", "config")}


@require_GET
@workspace_page("automate.view_run")
@opens_with_default("runs")
def listing(request: WorkspaceRequest) -> HttpResponse:
    """GET /runs/"""
    asked = filters.read(request.GET, *FILTERS)
    if found := address_of(asked["q"]):
        return redirect(found)
    workflows = {workflow.pk: workflow for workflow in Workflow.objects.order_by("slug").defer("draft")}
    now = timezone.now()
    rows = search(asked, workflows, now=now)
    if wants_count(request):
        return count_newer(request, rows)
    page = paginate(rows, request.GET.get("cursor"))
    context = {
        "asked": asked,
        "chips": filters.in_force(request.GET, *FILTERS),
        "of_list": _of_list(asked),
        "nearest": None if page.results else nearest(partial(search, workflows=workflows, now=now), asked, now=now),
        "checklist": None if wants_fragment(request) else checklist(request),
        "statuses": ExecutionRun.Status.values,
        "workflows": workflows.values(),
        "page": page,
        "rows": rows_of(page.results, workflows),
        "now": now,
        "may_tick": request.user.has_perm("automate.control_run"),
    }
    return render(request, "runs/_rows.html" if wants_fragment(request) else "runs/list.html", context)


def newest(count: int) -> list[tuple[ExecutionRun, Workflow | None, str | None]]:
    """The rows of the latest runs. Two queries."""
    runs = _listed().select_related("version__workflow").only(*LISTED, "version__workflow__slug")
    found = list(runs.order_by("-pk")[:count])
    return rows_of(found, {run.workflow_id: run.version.workflow for run in found})


def rows_of(
    found: Sequence[ExecutionRun], workflows: dict[UUID, Workflow]
) -> list[tuple[ExecutionRun, Workflow | None, str | None]]:
    """Each run with its workflow and its event's type; None for what is gone. One query."""
    events = dict(Event.objects.filter(pk__in={run.event_id for run in found}).values_list("pk", "type"))
    return [(run, workflows.get(run.workflow_id), events.get(run.event_id)) for run in found]


def _listed() -> QuerySet[ExecutionRun]:
    """What a row of the list needs of a run, its version's number with it."""
    return ExecutionRun.objects.select_related("version").only(*LISTED)


def search(asked: dict[str, str], workflows: dict[UUID, Workflow], *, now: datetime) -> QuerySet[ExecutionRun]:
    """Runs that the filters name, for `paginate`."""
    runs = _listed()
    if asked["status"]:
        if asked["status"] not in ExecutionRun.Status.values:
            raise Invalid(
                f"There is no run status “{asked['status']}”.",
                details={"param": "status", "one_of": ExecutionRun.Status.values},
            )
        runs = runs.filter(status=asked["status"])
    slug = asked["workflow"] or asked["q"]
    if slug:
        is_exact = bool(asked["workflow"])
        named = [pk for pk, one in workflows.items() if one.slug == slug or (not is_exact and slug in one.slug)]
        runs = runs.filter(workflow_id__in=named)
    if asked["trace_id"]:
        trace = filters.as_uuid(asked["trace_id"])
        runs = runs.filter(trace_id=trace) if trace else runs.none()
    if asked["since"]:
        runs = runs.filter(pk__gte=filters.id_at(filters.moment(asked["since"], now=now, param="since")))
    if asked["until"]:
        runs = runs.filter(pk__lt=filters.id_at(filters.moment(asked["until"], now=now, param="until")))
    return runs


@require_GET
@workspace_page("automate.view_run")
def detail(request: WorkspaceRequest, run_id: UUID) -> HttpResponse:
    """GET /runs/<run_id>/?step=<id>&tab=<name>&attempt=<n>, with the filters of the list that it was opened from"""
    run = _run(run_id)
    asked = filters.read(request.GET, *FILTERS)
    attempts = list(StepRun.objects.filter(run_id=run.pk))
    waits = {(wait.step_id, wait.item): wait for wait in RunWait.objects.filter(run_id=run.pk, status="open")}
    asking = [wait for wait in waits.values() if wait.kind == RunWait.Kind.APPROVAL]
    lanes = timeline.draw(run, steps_of(run.version, attempts), attempts, now=timezone.now(), waits=waits)
    chosen = _chosen(lanes, request.GET.get("step"))
    attempt = _attempt(chosen, request.GET.get("attempt"))
    tab = request.GET.get("tab") or _first_tab(attempt)
    if tab not in TABS:
        tab = "input"
    context: dict[str, Any] = {
        "run": run,
        "workflow": Workflow.objects.filter(pk=run.workflow_id).defer("draft").first(),
        "event": Event.objects.filter(pk=run.event_id).defer("payload").first(),
        "waits_for": why_waits(run),
        "has_ended": run.status in FINAL_RUN,
        "family": family_of(run),
        "questions": [Question(wait, run, may_answer(wait, request)) for wait in asking],
        "lanes": lanes,
        "chosen": chosen,
        "attempt": attempt,
        "attempts_total": len(attempts),
        "tab": tab,
        "tabs": TABS,
        "ended": run.ended_at or timezone.now(),
        "of_list": _of_list(asked),
        "newer": _neighbour(run, asked, newer=True),
        "older": _neighbour(run, asked, newer=False),
    }
    if attempt and tab in {"input", "output"}:
        context["value"] = shown(getattr(attempt, tab))
    return render(request, "runs/_detail.html" if wants_fragment(request) else "runs/detail.html", context)


@require_GET
@workspace_page("automate.view_run")
def value(request: WorkspaceRequest, run_id: UUID, step_run_id: UUID, part: str) -> HttpResponse:
    """GET /runs/<run_id>/attempts/<step_run_id>/<input|output>.json: the whole value as a file."""
    attempt = StepRun.objects.filter(pk=step_run_id, run_id=run_id).first()
    if attempt is None or part not in {"input", "output"}:
        raise NotFound("No step of this run has this value.")
    return Shown.download(getattr(attempt, part), name=f"{attempt.step_id}-{part}.json")


def _run(run_id: UUID) -> ExecutionRun:
    run = ExecutionRun.objects.select_related("version").filter(pk=run_id).first()
    if run is None:
        raise NotFound("No run has this id. It may have passed its retention time.", details={"run_id": str(run_id)})
    return run


def _chosen(lanes: list[timeline.Lane], asked: str | None) -> timeline.Lane | None:
    """The step asked for; else the one that failed, else the one that runs, else the latest that ran."""
    steps = [lane for lane in lanes if lane.step]
    for lane in steps:
        if lane.name == asked:
            return lane
    for status in ("failed", "unknown", "waiting", "running"):
        for lane in steps:
            if lane.status == status:
                return lane
    return next((lane for lane in reversed(steps) if lane.attempts), steps[0] if steps else None)


def _attempt(lane: timeline.Lane | None, asked: str | None) -> StepRun | None:
    if lane is None or lane.latest is None:
        return None
    if asked:
        item, _, attempt = asked.rpartition(".")
        wanted = (item or "0", attempt)
        return next((a for a in lane.attempts if (str(a.item), str(a.attempt)) == wanted), lane.latest)
    return lane.latest


def _first_tab(attempt: StepRun | None) -> str:
    if attempt is None:
        return "config"
    return "error" if attempt.error else "output" if attempt.output is not None else "input"


def _of_list(asked: dict[str, str]) -> str:
    """The list's filters as the query string of a run opened from it; "" for the whole list."""
    kept = {name: value for name, value in asked.items() if value}
    return f"?{urlencode(kept)}" if kept else ""


def _neighbour(run: ExecutionRun, asked: dict[str, str], *, newer: bool) -> UUID | None:
    """The run beside this one among those that the filters name, though it may itself no longer be one of them."""
    names_workflow = asked["workflow"] or asked["q"]
    workflows = {one.pk: one for one in Workflow.objects.only("slug")} if names_workflow else {}
    runs = search(asked, workflows, now=timezone.now()).select_related(None).values_list("pk", flat=True)
    beside = runs.filter(pk__gt=run.pk).order_by("pk") if newer else runs.filter(pk__lt=run.pk).order_by("-pk")
    return beside.first()
