"""Versions of a workflow: the list, one of them, what differs between two, a file, and back to an earlier one.

Going back is seen before it is done, and is refused when another version was published while somebody looked.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from automate.models import Workflow, WorkflowVersion
from automate.services import diff
from automate.services import rollback as go_back
from automate_governance.errors import NormalizedError, NotFound
from automate_web import filters
from automate_web.api.versions import definition_file
from automate_web.cursor import paginate
from automate_web.pages import workflows
from automate_web.pages.changes import sections
from automate_web.pages.people import person
from automate_web.requests import WorkspaceRequest, actor, workspace_page

OFFERED = 100  # versions to choose from in a comparison; any other by its address


@require_http_methods(["GET", "POST"])
def versions(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponseBase:
    """GET /workflows/<workflow_id>/versions/ lists them, POST publishes the next one."""
    answer = workflows.publish if request.method == "POST" else listing
    return answer(request, workflow_id)


@workspace_page("automate.view_workflow")
def listing(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """Newest first: who published it, when, why; each may be compared, exported and gone back to."""
    workflow = workflows.find_workflow(workflow_id)
    page = paginate(_of(workflow), request.GET.get("cursor"))
    authors = {actor: person(actor) for actor in {version.published_by for version in page.results}}
    rows = [(version, authors[version.published_by]) for version in page.results]
    return render(request, "workflows/versions.html", {"workflow": workflow, "rows": rows, "page": page})


@require_GET
@workspace_page("automate.view_workflow")
def version(request: WorkspaceRequest, workflow_id: UUID, version_num: int) -> HttpResponse:
    """GET /workflows/<workflow_id>/versions/<n>/: one version, and how it differs from the one before."""
    workflow = workflows.find_workflow(workflow_id)
    shown = _numbered(workflow, version_num)
    before = _of(workflow).filter(version_num__lt=version_num).order_by("-version_num").first()
    context = {
        "workflow": workflow,
        "version": shown,
        "published_by": person(shown.published_by),
        "definition": shown.definition,
        "before": before,
        "difference": workflows.difference(before.definition, shown.definition) if before else [],
    }
    return render(request, "workflows/version.html", context)


@require_GET
@workspace_page("automate.view_workflow")
def export(request: WorkspaceRequest, workflow_id: UUID, version_num: int) -> HttpResponse:
    """GET /workflows/<workflow_id>/versions/<n>.json: the file that an import takes."""
    return definition_file(_numbered(workflows.find_workflow(workflow_id), version_num))


@require_GET
@workspace_page("automate.view_workflow")
def compare(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """GET /workflows/<workflow_id>/versions/compare/?from=<n>&to=<n>: by default the live one and the one before."""
    workflow = workflows.find_workflow(workflow_id)
    to = _numbered(workflow, _number(request.GET.get("to")) or _live(workflow))
    since = _numbered(workflow, _number(request.GET.get("from")) or max(to.version_num - 1, 1))
    found = diff(since, to)
    context = {
        "workflow": workflow,
        "since": since,
        "to": to,
        "sections": sections(found),
        "lines": workflows.difference(since.definition, to.definition),
        "offered": _of(workflow).order_by("-version_num").only("version_num", "note", "workflow_id")[:OFFERED],
    }
    return render(request, "workflows/compare.html", context)


@require_http_methods(["GET", "POST"])
@workspace_page("automate.publish_workflow")
def rollback(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """GET /workflows/<workflow_id>/rollbacks/?to=<n> says what would change; POST does it."""
    workflow = workflows.find_workflow(workflow_id)
    asked = request.POST if request.method == "POST" else request.GET
    earlier = _numbered(workflow, _number(asked.get("to")) or max(_live(workflow) - 1, 1))
    if request.method == "GET":
        return _confirmation(request, workflow, earlier)
    try:
        made = go_back(
            workflow_id=workflow.pk,
            version_num=earlier.version_num,
            expected_version_num=_number(asked.get("expected")) or 0,
            actor=actor(request),
            now=timezone.now(),
            note=asked.get("note", "").strip()[:300],
        )
    except NormalizedError as error:
        workflow.refresh_from_db()
        return _confirmation(request, workflow, earlier, refused=error)
    if made.pk == workflow.active_version_id:
        words = f"Version {made.version_num} runs already and says the same: nothing was changed."
    else:
        words = f"Version {made.version_num} is live and says what version {earlier.version_num} said."
    messages.success(request, words, extra_tags="ok")
    return redirect("workflow-versions", workflow.pk)


def _confirmation(
    request: WorkspaceRequest, workflow: Workflow, earlier: WorkflowVersion, refused: NormalizedError | None = None
) -> HttpResponse:
    live = workflow.active_version
    context: dict[str, Any] = {
        "workflow": workflow,
        "earlier": earlier,
        "live": live,
        "sections": sections(diff(live, earlier)) if live else [],
        "refused": refused,
        "problems": refused.details.get("errors", []) if refused else [],
        "note": request.POST.get("note", "")[:300],
    }
    return render(request, "workflows/rollback.html", context, status=refused.http_status if refused else 200)


def _of(workflow: Workflow) -> Any:
    return WorkflowVersion.objects.select_related("workflow").filter(workflow=workflow)


def _numbered(workflow: Workflow, number: int) -> WorkflowVersion:
    found: WorkflowVersion | None = _of(workflow).filter(version_num=number).first()
    if found is None:
        raise NotFound("This workflow has no such version.", details={"version_num": number})
    return found


def _live(workflow: Workflow) -> int:
    return workflow.active_version.version_num if workflow.active_version else 1


def _number(text: str | None) -> int | None:
    """The number; None without one, and for the sake of whoever types addresses also for what is none."""
    return filters.whole_number(text or "")
