"""Retrying a run: choose where to begin and on which version, see what will happen, then do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from automate.models import ExecutionRun, Workflow
from automate.services.retries import FROM_FAILED, FROM_START, RetryPlan, Which, plan_retry, retry_run
from automate_governance.errors import NormalizedError, NotFound
from automate_web.requests import WorkspaceRequest, actor, wants_fragment, workspace_page


@dataclass(frozen=True)
class Choice:
    value: str
    words: str
    is_chosen: bool


@require_http_methods(["GET", "POST"])
@workspace_page("automate.control_run")
def retry(request: WorkspaceRequest, run_id: UUID) -> HttpResponse:
    """GET /runs/<run_id>/retries/?from=<step>&version=<same|latest> says what would happen; POST does it."""
    run = ExecutionRun.objects.select_related("version").filter(pk=run_id).first()
    if run is None:
        raise NotFound("No run has this id.", details={"run_id": str(run_id)})
    asked = request.POST if request.method == "POST" else request.GET
    default = FROM_FAILED if run.status != ExecutionRun.Status.SUCCEEDED else FROM_START
    from_step = asked.get("from", default)[:120]
    version: Which = "latest" if asked.get("version") == "latest" else "same"
    if request.method == "GET":
        return _page(request, run, from_step, version)
    try:
        made = retry_run(run_id=run.pk, from_step=from_step, version=version, actor=actor(request), now=timezone.now())
    except NormalizedError as error:
        return _page(request, run, from_step, version, refused=error)
    messages.success(request, "This is the retry; it follows below.", extra_tags="ok")
    return redirect("run", made.pk)


def _page(
    request: WorkspaceRequest, run: ExecutionRun, from_step: str, version: Which, refused: NormalizedError | None = None
) -> HttpResponse:
    workflow = Workflow.objects.select_related("active_version").defer("draft").filter(pk=run.workflow_id).first()
    plan: RetryPlan | None = None
    problem = refused
    if not refused:
        try:
            plan = plan_retry(run_id=run.pk, from_step=from_step, version=version)
        except NormalizedError as error:
            problem = error
    latest = workflow.active_version if workflow else None
    context: dict[str, Any] = {
        "run": run,
        "workflow": workflow,
        "plan": plan,
        "problem": problem,
        "from_step": from_step,
        "version": version,
        "begins": begins(run, from_step),
        "latest": latest if latest and latest.pk != run.version_id else None,
        "begins_at": None if plan is None or plan.from_step == FROM_START else plan.from_step,
    }
    status = problem.http_status if refused and problem else 200
    template = "runs/_retry_plan.html" if wants_fragment(request) else "runs/retry.html"
    return render(request, template, context, status=status)


def begins(run: ExecutionRun, chosen: str) -> list[Choice]:
    """Where a retry may begin, the likeliest first."""
    named = (run.error or {}).get("step")
    choices = [("start", "The start")]
    if run.status != ExecutionRun.Status.SUCCEEDED:
        choices.insert(0, (FROM_FAILED, f"The step that ended it: {named}" if named else "What did not succeed"))
    choices += [(step["id"], f"Step {step['id']}") for step in run.version.steps]
    return [Choice(value, words, value == chosen) for value, words in choices]
