"""The Rule Tester: what a workflow's rule says to a payload or a past event, and the test cases kept in its draft.

The verdict follows as one types. A past event is read as it came and shown masked; once its text is changed, what is
typed is read instead. Cases are kept in the draft, so whoever saves or removes one names the revision they saw.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from automate.definitions.rule_tests import event_differences
from automate.models import Event, Workflow
from automate.services import InvalidDraft
from automate.services.rule_tests import Tried, add_rule_test, remove_rule_test, run_rule_tests, try_event, try_payload
from automate_governance.errors import Conflict, NormalizedError
from automate_web.filters import whole_number
from automate_web.pages.conditions import condition_tree
from automate_web.pages.rule_form import Asked, as_shown, from_address, from_form
from automate_web.pages.workflows import chosen_version, find_workflow
from automate_web.requests import WorkspaceRequest, actor, demand, revision_of, wants_fragment, workspace_page

OFFERED_EVENTS = 20
OFFERED_VERSIONS = 20
STALE = "Someone saved another draft meanwhile; nothing of yours was saved. These are its tests now: try again."


@require_http_methods(["GET", "POST"])
@workspace_page("automate.view_workflow")
def tester(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """GET /workflows/<workflow_id>/rule-tests/ asks what to try; POST keeps it as a case of the draft."""
    workflow = find_workflow(workflow_id)
    if request.method == "GET":
        return _page(request, workflow, from_address(request, workflow))
    demand(request, "automate.change_workflow")
    asked = from_form(request)
    if asked.problem:
        return _page(request, workflow, asked, status=422)
    given = as_shown(asked.event) if asked.event is not None else asked.payload
    try:
        saved = add_rule_test(
            workflow_id=workflow.pk,
            name=request.POST.get("name", "").strip(),
            payload=given,
            expected=request.POST.get("expected") == "yes",
            event=event_differences(workflow.draft, asked.outside),
            expected_revision=revision_of(request),
            actor=actor(request),
            now=timezone.now(),
        )
    except Conflict:
        workflow.refresh_from_db()
        return _page(request, workflow, asked, problem=STALE, status=409)
    except InvalidDraft as error:
        return _page(request, workflow, asked, problem=error.problems[0].message, status=422)
    messages.success(request, "Kept in the draft. Publishing runs it from now on.", extra_tags="ok")
    return redirect(f"{reverse('workflow-rule-tests', args=[workflow.pk])}?case={len(saved.draft['tests'])}")


@require_POST
@workspace_page("automate.view_workflow")
def evaluate(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """POST /workflows/<workflow_id>/rule-evaluations/: what the rule says to what is typed. Stores nothing."""
    workflow, asked = find_workflow(workflow_id), from_form(request)
    return _page(request, workflow, asked, status=422 if asked.problem and not wants_fragment(request) else 200)


@require_POST
@workspace_page("automate.change_workflow")
def remove(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """POST /workflows/<workflow_id>/rule-tests/removals/: take one case out of the draft."""
    workflow, number = find_workflow(workflow_id), whole_number(request.POST.get("case", ""))
    try:
        remove_rule_test(
            workflow_id=workflow.pk,
            position=-1 if number is None else number - 1,
            expected_revision=revision_of(request),
            actor=actor(request),
            now=timezone.now(),
        )
    except Conflict:
        workflow.refresh_from_db()
        return _page(request, workflow, Asked(), problem=STALE, status=409)
    messages.success(
        request, "Taken out of the draft. What is published keeps it until the next publish.", extra_tags="ok"
    )
    return redirect("workflow-rule-tests", workflow.pk)


def _page(
    request: WorkspaceRequest, workflow: Workflow, asked: Asked, *, problem: str = "", status: int = 200
) -> HttpResponse:
    """The page, or the part of it that htmx asks for: the whole tester, or the verdict alone while one types."""
    version = chosen_version(workflow, asked.version)
    definition = version.definition if version is not None else workflow.draft
    context: dict[str, Any] = {
        "workflow": workflow,
        "asked": asked,
        "problem": problem,
        "expected": request.POST.get("expected", "yes"),
        "name": request.POST.get("name", "") if status >= 400 else "",
    } | _verdict(definition, asked)
    if request.headers.get("HX-Target") == "verdict" and wants_fragment(request):
        return render(request, "workflows/_rule_verdict.html", context, status=status)
    may_see = request.user.has_perm("automate.view_event")
    events = Event.objects.order_by("-id").only("type", "source", "received_at")
    context |= {
        "versions": workflow.versions.order_by("-version_num").only("version_num", "workflow_id")[:OFFERED_VERSIONS],
        "events": events[:OFFERED_EVENTS] if may_see else [],
        "cases": run_rule_tests(workflow.draft, definition.get("rule")),
        "is_draft": version is None,
    }
    template = "workflows/_rule_tester.html" if wants_fragment(request) else "workflows/rule_tester.html"
    return render(request, template, context, status=status)


def _verdict(definition: dict[str, Any], asked: Asked) -> dict[str, Any]:
    if asked.problem:
        return {"verdict_problem": asked.problem}
    try:
        tried = _tried(definition, asked)
    except InvalidDraft as error:
        return {"verdict_problem": f"The rule cannot be used: {error.problems[0].message}"}
    except NormalizedError as error:
        return {"verdict_problem": error.message}
    tree = tried.told.tree
    return {"tried": tried, "tree": condition_tree(tree, definition["rule"]) if tree is not None else None}


def _tried(definition: dict[str, Any], asked: Asked) -> Tried:
    if asked.event is not None:
        return try_event(definition, asked.event.pk)
    return try_payload(definition, asked.payload, event=asked.outside)
