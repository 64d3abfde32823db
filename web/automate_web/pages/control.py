"""A hand on a run: stop it, say what became of a doubtful step. Both ask first, because neither can be undone."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from automate.definitions import jsontext
from automate.execution.states import FINAL_RUN
from automate.models import ExecutionRun, StepRun, Workflow
from automate.services.deadletters import Verdict, settle
from automate.services.runs import cancel_run
from automate_governance.errors import NormalizedError, NotFound
from automate_web.requests import WorkspaceRequest, actor, workspace_page


@require_http_methods(["GET", "POST"])
@workspace_page("automate.control_run")
def cancel(request: WorkspaceRequest, run_id: UUID) -> HttpResponse:
    """GET /runs/<run_id>/cancellations/ says what stops; POST asks the run to stop."""
    run = _run(run_id)
    if request.method == "GET":
        children = ExecutionRun.objects.filter(parent_run_id=run.pk).exclude(status__in=list(FINAL_RUN)).count()
        return render(request, "runs/cancel.html", {"run": run, "workflow": _workflow(run), "children": children})
    try:
        cancel_run(run_id=run.pk, actor=actor(request), now=timezone.now())
        messages.success(request, "Asked to stop. It stops at its next safe point.", extra_tags="ok")
    except NormalizedError as error:
        messages.error(request, error.message, extra_tags="bad")
    return redirect("run", run.pk)


@require_http_methods(["GET", "POST"])
@workspace_page("automate.control_run")
def settlement(request: WorkspaceRequest, run_id: UUID) -> HttpResponse:
    """GET /runs/<run_id>/settlements/ asks what became of the doubtful step; POST keeps the word and lets it go on."""
    run = _run(run_id)
    if request.method == "GET":
        return _asked(request, run, step=request.GET.get("step", ""), item=request.GET.get("item", "0"))
    step, item, text = (request.POST.get(name, "") for name in ("step", "item", "output"))
    verdict: Verdict = "happened" if request.POST.get("verdict") == "happened" else "did_not_happen"
    try:
        output = jsontext.parse(text.replace("\r\n", "\n")) if text.strip() and verdict == "happened" else None
    except jsontext.NotJson as error:
        problem = f"Not JSON: {error} (line {error.line}, column {error.column})."
        return _asked(request, run, step=step, item=item, text=text, problem=problem)
    try:
        settle(
            run_id=run.pk,
            step_id=step,
            item=int(item) if item.isdigit() else 0,
            verdict=verdict,
            output=output,
            actor=actor(request),
            now=timezone.now(),
        )
    except NormalizedError as error:
        messages.error(request, error.message, extra_tags="bad")
    else:
        words = "Kept as having happened." if verdict == "happened" else "It is tried again, with the same key."
        messages.success(request, f"{words} The run goes on.", extra_tags="ok")
    return redirect("run", run.pk)


def _asked(
    request: WorkspaceRequest, run: ExecutionRun, *, step: str, item: str, text: str = "", problem: str = ""
) -> HttpResponse:
    doubts = StepRun.objects.filter(run_id=run.pk, status=StepRun.Status.UNKNOWN).order_by("position", "item")
    if step:
        doubts = doubts.filter(step_id=step, item=int(item) if item.isdigit() else 0)
    doubt = doubts.last()
    context = {"run": run, "workflow": _workflow(run), "doubt": doubt, "text": text, "problem": problem}
    return render(request, "runs/settle.html", context, status=422 if problem else 200)


def _run(run_id: UUID) -> ExecutionRun:
    run = ExecutionRun.objects.select_related("version").defer("outputs").filter(pk=run_id).first()
    if run is None:
        raise NotFound("No run has this id.", details={"run_id": str(run_id)})
    return run


def _workflow(run: ExecutionRun) -> Workflow | None:
    return Workflow.objects.defer("draft").filter(pk=run.workflow_id).first()
