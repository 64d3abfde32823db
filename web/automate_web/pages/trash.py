"""The trash: moving a workflow there after seeing what stops, bringing it back, and purging it for good."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from automate.models import Workflow
from automate.services import dependents_of, purge_workflow, remove_workflow, restore_workflow
from automate.services.trash import KEPT
from automate_governance.errors import NormalizedError
from automate_web.cursor import paginate
from automate_web.pages.people import people
from automate_web.pages.workflows import find_workflow
from automate_web.requests import WorkspaceRequest, actor, workspace_page


@require_GET
@workspace_page("automate.view_workflow")
def listing(request: WorkspaceRequest) -> HttpResponse:
    """GET /workflows/trash/"""
    page = paginate(Workflow.objects.in_trash().defer("draft"), request.GET.get("cursor"))
    names = people({workflow.updated_by for workflow in page.results})
    rows = [
        (workflow, workflow.removed_at + KEPT, names[workflow.updated_by])
        for workflow in page.results
        if workflow.removed_at is not None
    ]
    return render(request, "workflows/trash.html", {"rows": rows, "page": page, "days": KEPT.days})


@require_http_methods(["GET", "POST"])
@workspace_page("automate.change_workflow")
def removed(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """GET /workflows/<workflow_id>/removed/ says what would stop; POST moves it to the trash, or brings it back."""
    workflow, now = find_workflow(workflow_id), timezone.now()
    if request.method == "GET":
        context = {"workflow": workflow, "found": dependents_of(workflow), "days": KEPT.days}
        return render(request, "workflows/remove.html", context)
    if request.POST.get("is_removed") == "yes":
        was_enabled = "yes" if workflow.is_enabled else "no"
        remove_workflow(workflow_id=workflow.pk, actor=actor(request), now=now)
        return redirect(f"{reverse('workflows')}?{urlencode({'removed': workflow.pk, 'was_enabled': was_enabled})}")
    is_enabled = request.POST.get("is_enabled") == "yes"
    restore_workflow(workflow_id=workflow.pk, is_enabled=is_enabled, actor=actor(request), now=now)
    words = "the next event may start it." if is_enabled else "it is off until you turn it on."
    messages.success(request, f"“{workflow.name}” is back; {words}", extra_tags="ok")
    return redirect("workflow", workflow.pk)


@require_http_methods(["GET", "POST"])
@workspace_page("automate.change_workflow")
def purges(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """GET /workflows/<workflow_id>/purges/ asks for the name; POST purges the workflow, which cannot be undone."""
    workflow = find_workflow(workflow_id)
    if request.method == "GET" or workflow.removed_at is None:
        return _asked(request, workflow, status=200 if request.method == "GET" else 409)
    typed = request.POST.get("name", "")
    try:
        purge_workflow(workflow_id=workflow.pk, name=typed, actor=actor(request), now=timezone.now())
    except NormalizedError as error:
        return _asked(request, workflow, status=error.http_status, refused=error, typed=typed)
    messages.success(request, f"“{workflow.name}” is gone for good. What it ran stays in Runs.", extra_tags="ok")
    return redirect("workflow-trash")


def _asked(request: WorkspaceRequest, workflow: Workflow, *, status: int = 200, **context: Any) -> HttpResponse:
    context |= {"workflow": workflow, "found": dependents_of(workflow)}
    return render(request, "workflows/purge.html", context, status=status)
