"""What may be done with a workflow besides editing it: on and off, back to a draft, tags, a copy, its file."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from automate.definitions.written import write
from automate.services import duplicate_workflow, publish_again, set_enabled, set_tags, unpublish
from automate_governance.errors import NormalizedError
from automate_web.filters import whole_number
from automate_web.pages.workflows import find_workflow
from automate_web.requests import WorkspaceRequest, actor, wants_fragment, workspace_page
from automate_web.workflow_list import beside


@require_POST
@workspace_page("automate.publish_workflow")
def enabled(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """POST /workflows/<workflow_id>/enabled/: turn the workflow on or off for events from now on.

    Asked by the list's switch it answers with the workflow's row; `list=yes` leads back to the list.
    """
    is_enabled, now = request.POST.get("is_enabled") == "yes", timezone.now()
    set_enabled(workflow_id=find_workflow(workflow_id).pk, is_enabled=is_enabled, actor=actor(request), now=now)
    if wants_fragment(request):
        return render(request, "workflows/_row.html", {"row": beside([find_workflow(workflow_id)], now=now)[0]})
    words = "On again: the next event may start it." if is_enabled else "Off: no event starts it. Runs in flight go on."
    messages.success(request, words, extra_tags="ok")
    if request.POST.get("list") == "yes":
        return redirect("workflows")
    return redirect(_page(workflow_id, undo="" if is_enabled else "disabled"))


@require_POST
@workspace_page("automate.publish_workflow")
def unpublished(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """POST /workflows/<workflow_id>/unpublished/: no version is live any more, or (Undo) the one that was is again."""
    workflow, now = find_workflow(workflow_id), timezone.now()
    if request.POST.get("is_unpublished") == "yes":
        was = unpublish(workflow_id=workflow.pk, actor=actor(request), now=now)
        messages.success(request, "A draft again: no event starts it. Runs in flight go on.", extra_tags="ok")
        return redirect(_page(workflow_id, undo="unpublished", version=str(was)))
    number = whole_number(request.POST.get("version", "")) or 0
    try:
        version = publish_again(workflow_id=workflow.pk, version_num=number, actor=actor(request), now=now)
    except NormalizedError as error:
        messages.error(request, f"It is a draft still. {error.message}", extra_tags="bad")
        return redirect("workflow", workflow_id)
    messages.success(request, f"Version {version.version_num} is live again.", extra_tags="ok")
    return redirect("workflow", workflow_id)


@require_POST
@workspace_page("automate.change_workflow")
def tags(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """POST /workflows/<workflow_id>/tags/: exactly those of `tags`, with commas between them."""
    workflow = find_workflow(workflow_id)
    wanted = request.POST.get("tags", "").split(",")
    try:
        set_tags(workflow_id=workflow.pk, tags=wanted, actor=actor(request), now=timezone.now())
    except NormalizedError as error:
        messages.error(request, f"The tags stayed as they were. {error.message}", extra_tags="bad")
    else:
        messages.success(request, "Tags saved.", extra_tags="ok")
    return redirect("workflow", workflow_id)


@require_POST
@workspace_page("automate.change_workflow")
def copies(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """POST /workflows/<workflow_id>/copies/: a draft that says the same, under a name of its own."""
    workflow = find_workflow(workflow_id)
    made = duplicate_workflow(workflow_id=workflow.pk, actor=actor(request), now=timezone.now())
    words = f"A copy of “{workflow.name}”, as a draft. Published beside it, both start on the same events."
    messages.success(request, words, extra_tags="ok")
    return redirect("workflow", made.pk)


@require_GET
@workspace_page("automate.view_workflow")
def draft_file(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """GET /workflows/<workflow_id>/draft.json: the draft as the file that an import takes."""
    workflow = find_workflow(workflow_id)
    headers = {"Content-Disposition": f'attachment; filename="{workflow.slug}.json"'}
    return HttpResponse(write(workflow.draft), content_type="application/json", headers=headers)


def _page(workflow_id: UUID, **query: str) -> str:
    said = urlencode({name: value for name, value in query.items() if value})
    return f"{reverse('workflow', args=[workflow_id])}{'?' if said else ''}{said}"
