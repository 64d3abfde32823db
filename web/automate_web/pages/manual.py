"""Running a workflow by hand, with a payload that a person types."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from automate.definitions import jsontext
from automate.models import Workflow
from automate.services.manual import start_by_hand
from automate_governance.errors import NormalizedError, NotFound
from automate_web.requests import WorkspaceRequest, actor, workspace_page


@require_http_methods(["GET", "POST"])
@workspace_page("automate.run_workflow")
def start(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """GET /workflows/<workflow_id>/runs/ asks for the payload; POST starts a run with it and goes to the run."""
    workflow = Workflow.objects.kept().defer("draft").filter(pk=workflow_id).first()
    if workflow is None:
        raise NotFound("There is no such workflow.")
    if request.method == "GET":
        return render(request, "workflows/run.html", {"workflow": workflow, "text": "{}"})
    text = request.POST.get("payload", "").replace("\r\n", "\n")
    try:
        payload = jsontext.parse(text or "{}")
    except jsontext.NotJson as error:
        return _again(request, workflow, text, f"Not JSON: {error} (line {error.line}, column {error.column}).", 422)
    if not isinstance(payload, dict):
        return _again(request, workflow, text, "A payload is a JSON object: { … }.", 422)
    try:
        run_id = start_by_hand(slug=workflow.slug, payload=payload, actor=actor(request))
    except NormalizedError as error:
        return _again(request, workflow, text, error.message, error.http_status)
    messages.success(request, "Started by hand, past its rule.", extra_tags="ok")
    return redirect("run", run_id)


def _again(request: WorkspaceRequest, workflow: Workflow, text: str, problem: str, status: int) -> HttpResponse:
    """The form as it was typed, with what is wrong."""
    context = {"workflow": workflow, "text": text, "problem": problem}
    return render(request, "workflows/run.html", context, status=status)
