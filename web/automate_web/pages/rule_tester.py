"""The Rule Tester: what a workflow's rule says to a payload or a past event, and the test cases kept in its draft.

The verdict follows as one types. A past event is read as it came and shown masked; once its text is changed, what is
typed is read instead. Cases are kept in the draft, so whoever saves or removes one names the revision they saw.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from automate.definitions.rule_tests import event_differences, parse_tests
from automate.models import Event, Workflow, WorkflowVersion
from automate.services import InvalidDraft
from automate.services.masked_events import masked_for
from automate.services.rule_tests import Tried, add_rule_test, remove_rule_test, run_rule_tests, try_event, try_payload
from automate_governance.errors import Conflict, NormalizedError, NotFound
from automate_governance.redaction import redact
from automate_web.pages import jsontext
from automate_web.pages.conditions import condition_tree
from automate_web.pages.payload import PAGE_CHARACTERS
from automate_web.requests import WorkspaceRequest, actor, demand, wants_fragment, workspace_page

OFFERED_EVENTS = 20
OFFERED_VERSIONS = 20
STALE = "Someone saved another draft meanwhile; nothing of yours was saved. These are its tests now: try again."


@dataclass(frozen=True)
class Asked:
    """What stands in the form. `event` is set while the text is still that event's, which is then read as it came."""

    version: str = "draft"
    event: Event | None = None
    chosen: str = ""  # of the list of events; the text may have been changed since
    text: str = "{}"
    type: str = ""
    source: str = ""
    payload: Any = field(default_factory=dict)
    problem: str = ""

    @property
    def outside(self) -> dict[str, str]:
        """The event around a typed payload, as far as something else than the trigger's is wanted."""
        return {name: value for name, value in (("type", self.type), ("source", self.source)) if value}


@require_http_methods(["GET", "POST"])
@workspace_page("automate.view_workflow")
def tester(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """GET /workflows/<workflow_id>/rule-tests/ asks what to try; POST keeps it as a case of the draft."""
    workflow = _workflow(workflow_id)
    if request.method == "GET":
        return _page(request, workflow, _from_address(request, workflow))
    demand(request, "automate.change_workflow")
    asked = _from_form(request)
    if asked.problem:
        return _page(request, workflow, asked, status=422)
    given = asked.event.payload if asked.event is not None else asked.payload
    try:
        saved = add_rule_test(
            workflow_id=workflow.pk,
            name=request.POST.get("name", "").strip(),
            payload=given,
            expected=request.POST.get("expected") == "yes",
            event=event_differences(workflow.draft, asked.outside),
            expected_revision=_revision(request),
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
    workflow, asked = _workflow(workflow_id), _from_form(request)
    return _page(request, workflow, asked, status=422 if asked.problem and not wants_fragment(request) else 200)


@require_POST
@workspace_page("automate.change_workflow")
def remove(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """POST /workflows/<workflow_id>/rule-tests/removals/: take one case out of the draft."""
    workflow, number = _workflow(workflow_id), request.POST.get("case", "")
    try:
        remove_rule_test(
            workflow_id=workflow.pk,
            position=int(number) - 1 if number.isascii() and number.isdigit() and len(number) < 10 else -1,
            expected_revision=_revision(request),
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


def _workflow(workflow_id: UUID) -> Workflow:
    workflow = Workflow.objects.select_related("active_version").filter(pk=workflow_id).first()
    if workflow is None:
        raise NotFound("There is no such workflow.")
    return workflow


def _from_address(request: WorkspaceRequest, workflow: Workflow) -> Asked:
    """`?event=` an id, `?case=` a number from 1; `?version=` of either."""
    version, number = request.GET.get("version", "draft"), request.GET.get("case", "")
    if request.GET.get("event"):
        return _of_event(request, request.GET["event"], version)
    for case in parse_tests(workflow.draft):
        if str(case.position + 1) == number:
            text = json.dumps(case.payload, indent=2, ensure_ascii=False)
            outside = case.event
            return Asked(
                version=version,
                text=text,
                payload=case.payload,
                type=outside.get("type", ""),
                source=outside.get("source", ""),
            )
    return Asked(version=version)


def _from_form(request: WorkspaceRequest) -> Asked:
    said: HttpRequest = request
    version, chosen = said.POST.get("version", "draft"), said.POST.get("event", "")
    if chosen and chosen != said.POST.get("shown"):
        return _of_event(request, chosen, version)
    text = said.POST.get("payload", "").replace("\r\n", "\n")
    type_, source = (said.POST.get(name, "").strip()[:200] for name in ("type", "source"))
    try:
        payload = jsontext.parse(text or "{}")
    except jsontext.NotJson as error:
        problem = f"Not JSON: {error} (line {error.line}, column {error.column})."
        return Asked(version=version, chosen=chosen, text=text, type=type_, source=source, problem=problem)
    event = _event(request, chosen) if chosen else None
    if event is not None and (type_, source, payload) != (event.type, event.source, _as_shown(event)):
        event = None
    return Asked(version=version, event=event, chosen=chosen, text=text, type=type_, source=source, payload=payload)


def _of_event(request: WorkspaceRequest, chosen: str, version: str) -> Asked:
    event = _event(request, chosen)
    if event is None:
        return Asked(version=version, problem="There is no such event.")
    text = json.dumps(_as_shown(event), indent=2, ensure_ascii=False)
    if len(text) > PAGE_CHARACTERS:
        return Asked(version=version, problem="This event is too large to be shown here.")
    return Asked(version=version, event=event, chosen=str(event.pk), text=text, type=event.type, source=event.source)


def _as_shown(event: Event) -> Any:
    """Its payload, redacted as on its page."""
    with masked_for(event):
        return redact(event.payload)


def _event(request: WorkspaceRequest, text: str) -> Event | None:
    demand(request, "automate.view_event")
    try:
        return Event.objects.filter(pk=UUID(text)).first()
    except ValueError:
        return None


def _revision(request: HttpRequest) -> int:
    revision = request.POST.get("revision", "")
    return int(revision) if revision.isascii() and revision.isdigit() and len(revision) < 10 else -1


def _page(
    request: WorkspaceRequest, workflow: Workflow, asked: Asked, *, problem: str = "", status: int = 200
) -> HttpResponse:
    """The page, or the part of it that htmx asks for: the whole tester, or the verdict alone while one types."""
    version = _version(workflow, asked.version)
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


def _version(workflow: Workflow, said: str) -> WorkflowVersion | None:
    """The version with this number; None is the draft. Raises NotFound."""
    if not (said.isascii() and said.isdigit() and len(said) < 10):
        return None
    version = workflow.versions.filter(version_num=int(said)).first()
    if version is None:
        raise NotFound("This workflow has no such version.")
    return version
