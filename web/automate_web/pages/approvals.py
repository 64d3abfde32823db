"""Approvals: the questions that runs wait for, and the answers of whoever is asked."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from automate.models import ExecutionRun
from automate.services.waits import answer_approval
from automate_governance.errors import NormalizedError, NotFound
from automate_web.approvals import ANSWER, approvers, find_approval, names_of, open_approvals, questions
from automate_web.cursor import paginate
from automate_web.requests import WorkspaceRequest, actor, demand, wants_fragment, workspace_page


@require_GET
@workspace_page("automate.view_run")
def listing(request: WorkspaceRequest) -> HttpResponse:
    """GET /approvals/"""
    page = paginate(open_approvals(timezone.now()), request.GET.get("cursor"))
    context = {"page": page, "questions": questions(page.results, request)}
    return render(request, "approvals/_rows.html" if wants_fragment(request) else "approvals/list.html", context)


@require_POST
@workspace_page("automate.view_run")
def answer(request: WorkspaceRequest, run_id: UUID) -> HttpResponse:
    """POST /runs/<run_id>/approvals/: a yes or a no. Who is named may answer; nobody named: who has the permission."""
    if not ExecutionRun.objects.filter(pk=run_id).exists():
        raise NotFound("No run has this id.", details={"run_id": str(run_id)})
    item, is_yes = request.POST.get("item", "0"), request.POST.get("decision") == "approve"
    try:
        wait = find_approval(run_id, request.POST.get("step", ""), int(item) if item.isdigit() else 0)
        if not approvers(wait):
            demand(request, ANSWER)
        answer_approval(
            wait_id=wait.pk,
            approved=is_yes,
            comment=request.POST.get("comment", ""),
            actor=actor(request),
            known_as=names_of(request),
            now=timezone.now(),
        )
    except NormalizedError as error:
        if error.http_status == 403 and "permission" in error.details:
            raise
        messages.error(request, error.message, extra_tags="bad")
    else:
        messages.success(request, "Approved." if is_yes else "Rejected.", extra_tags="ok")
    return redirect("run", run_id)
