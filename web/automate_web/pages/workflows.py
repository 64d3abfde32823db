"""One workflow as JSON, with its problems beside their lines: made, saved as a draft, published.

A save or a publish names the revision it saw. When another one came first, nothing is written and both are shown.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from automate.definitions import Problem, jsontext
from automate.definitions.written import write
from automate.models import Workflow, WorkflowVersion
from automate.services import (
    InvalidDraft,
    create_workflow,
    diff_definitions,
    publish_version,
    save_draft,
)
from automate.services.problems import find_all_problems
from automate_governance.errors import Conflict, NotFound
from automate_web import filters
from automate_web.pages.gallery import made_from
from automate_web.requests import WorkspaceRequest, actor, demand, revision_of, wants_fragment, workspace_page

BLANK = {
    "slug": "my-workflow",
    "name": "My workflow",
    "trigger": {"type": "webhook", "endpoint": "default"},
    "rule": {">": [{"var": "payload.order.total"}, 100]},
    "steps": [
        {
            "id": "note",
            "connector": "core",
            "action": "log",
            "params": {"message": "Order {{ payload.order.id }} is worth a look."},
        }
    ],
}


@dataclass(frozen=True)
class Marked:
    """A problem with the line it is on."""

    line: int
    path: str
    message: str


@dataclass(frozen=True)
class Edit:
    """What a form sent: the text as typed, what it says, what is wrong with it, and what is hardly meant."""

    text: str
    definition: dict[str, Any] | None
    problems: list[Marked]
    warnings: list[Marked] = field(default_factory=list)


@require_http_methods(["GET", "POST"])
@workspace_page("automate.view_workflow")
def new(request: WorkspaceRequest) -> HttpResponse:
    """GET /workflows/new/ shows a small valid definition to change; POST makes the workflow from it."""
    if request.method == "GET":
        return _editor(request, "workflows/new.html", Edit(write(BLANK), BLANK, []))
    demand(request, "automate.change_workflow")
    edit = read(request.POST.get("definition", ""))
    if edit.definition is None or edit.problems:
        return _editor(request, "workflows/new.html", edit, status=422)
    try:
        workflow = create_workflow(definition=edit.definition, actor=actor(request), now=timezone.now())
    except Conflict as error:
        edit = _with(edit, [Problem("/slug", error.code, error.message)])
        return _editor(request, "workflows/new.html", edit, status=409)
    except InvalidDraft as error:
        return _editor(request, "workflows/new.html", _with(edit, error.problems), status=422)
    messages.success(request, "Saved as a draft. Publish it to make it run.", extra_tags="ok")
    return redirect("workflow", workflow.pk)


@require_GET
@workspace_page("automate.view_workflow")
def detail(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """GET /workflows/<workflow_id>/"""
    workflow = find_workflow(workflow_id)
    text = write(workflow.draft)
    context: dict[str, Any] = {"workflow": workflow, "revision": workflow.draft_revision, **_undo(request, workflow)}
    context |= made_from(request, text)
    return _editor(request, "workflows/detail.html", read(text), **context)


@require_POST
@workspace_page("automate.view_workflow")
def check(request: WorkspaceRequest) -> HttpResponse:
    """POST /workflows/problems/: what is wrong with the text, as it is typed. Stores nothing."""
    edit = read(request.POST.get("definition", ""))
    if wants_fragment(request):
        return render(request, "workflows/_problems.html", {"edit": edit, "checked": True})
    workflow_id = request.POST.get("workflow")
    if not workflow_id:
        return _editor(request, "workflows/new.html", edit, checked=True)
    workflow = find_workflow(_uuid(workflow_id))
    return _editor(
        request, "workflows/detail.html", edit, workflow=workflow, revision=request.POST.get("revision"), checked=True
    )


@require_POST
@workspace_page("automate.change_workflow")
def draft(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """POST /workflows/<workflow_id>/draft/: keep the text as the draft. A draft may have problems; it must be JSON."""
    workflow = find_workflow(workflow_id)
    edit = read(request.POST.get("definition", ""))
    saved = _save(request, workflow, edit)
    if isinstance(saved, HttpResponse):
        return saved
    messages.success(request, "Draft saved. The published version runs on unchanged.", extra_tags="ok")
    return redirect("workflow", workflow.pk)


@require_POST
@workspace_page("automate.publish_workflow")
def publish(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """POST /workflows/<workflow_id>/versions/: save the text and make it the version that the next event uses."""
    workflow = find_workflow(workflow_id)
    edit = read(request.POST.get("definition", ""))
    if edit.problems:
        revision = request.POST.get("revision")
        return _editor(request, "workflows/detail.html", edit, workflow=workflow, revision=revision, status=422)
    saved = _save(request, workflow, edit)
    if isinstance(saved, HttpResponse):
        return saved
    try:
        version = publish_version(
            workflow_id=workflow.pk,
            expected_revision=saved,
            actor=actor(request),
            now=timezone.now(),
            note=request.POST.get("note", "").strip()[:300],
        )
    except InvalidDraft as error:
        edit = _with(edit, error.problems)
        return _editor(request, "workflows/detail.html", edit, workflow=workflow, revision=saved, status=422)
    except Conflict:
        return _stale(request, workflow, edit)
    words = f"Version {version.version_num} is live: the next event uses it. Runs in flight stay on theirs."
    messages.success(request, words, extra_tags="ok")
    return redirect("workflow", workflow.pk)


def read(text: str) -> Edit:
    """The text as a definition with its problems marked. Never raises: a person is typing."""
    text = text.replace("\r\n", "\n")
    try:
        value = jsontext.parse(text)
    except jsontext.NotJson as error:
        place = f"line {error.line}, column {error.column}"
        return Edit(text, None, [Marked(error.line, "", f"Not JSON: {error} ({place}).")])
    if not isinstance(value, dict):
        return Edit(text, None, [Marked(1, "", "A definition is a JSON object: { … }.")])
    found = find_all_problems(value)
    errors = [problem for problem in found if problem.is_error]
    return Edit(text, value, mark(text, errors), mark(text, [problem for problem in found if not problem.is_error]))


def mark(text: str, problems: list[Problem]) -> list[Marked]:
    """Each problem with its line, in the order of the text."""
    lines = jsontext.lines_of(text)
    marked = [Marked(jsontext.line_of(lines, problem.path), problem.path, problem.message) for problem in problems]
    return sorted(marked, key=lambda one: one.line)


def _with(edit: Edit, problems: Iterable[Problem]) -> Edit:
    return replace(edit, problems=mark(edit.text, list(problems)))


def _save(request: WorkspaceRequest, workflow: Workflow, edit: Edit) -> int | HttpResponse:
    """The draft's new revision, or the page that says why it was not saved."""
    revision = request.POST.get("revision", "")
    if edit.definition is None:
        return _editor(
            request, "workflows/detail.html", edit, workflow=workflow, revision=revision, status=422, checked=True
        )
    try:
        saved = save_draft(
            workflow_id=workflow.pk,
            definition=edit.definition,
            expected_revision=revision_of(request),
            actor=actor(request),
            now=timezone.now(),
        )
    except Conflict:
        return _stale(request, workflow, edit)
    except InvalidDraft as error:
        edit = _with(edit, error.problems)
        return _editor(request, "workflows/detail.html", edit, workflow=workflow, revision=revision, status=422)
    return saved.draft_revision


def _stale(request: WorkspaceRequest, workflow: Workflow, edit: Edit) -> HttpResponse:
    """409: what was typed stays in the form, the other draft is shown beside it, and either may win."""
    workflow.refresh_from_db()
    context = {
        "workflow": workflow,
        "revision": workflow.draft_revision,
        "theirs": write(workflow.draft),
        "difference": difference(workflow.draft, edit.definition or {}),
    }
    return _editor(request, "workflows/detail.html", edit, status=409, **context)


def _editor(request: WorkspaceRequest, template: str, edit: Edit, *, status: int = 200, **context: Any) -> HttpResponse:
    workflow = context.get("workflow")
    if workflow is not None:
        context["versions"] = _versions(workflow)
        context["has_unpublished"] = _has_unpublished(workflow)
    return render(request, template, {"edit": edit, **context}, status=status)


def _versions(workflow: Workflow) -> QuerySet[WorkflowVersion]:
    return workflow.versions.order_by("-version_num")[:50]


def _undo(request: WorkspaceRequest, workflow: Workflow) -> dict[str, Any]:
    """What was just done and can be undone; nothing once somebody has done something else."""
    undo = request.GET.get("undo", "")
    is_so = {"disabled": workflow.state == "disabled", "unpublished": workflow.state == "draft"}
    if not is_so.get(undo) or workflow.removed_at is not None:
        return {}
    return {"undo": undo, "undo_version": filters.whole_number(request.GET.get("version", ""))}


def _has_unpublished(workflow: Workflow) -> bool:
    active = workflow.active_version
    if active is None:
        return True
    return not diff_definitions({**active.parts, "name": workflow.draft.get("name")}, workflow.draft).is_empty


def difference(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str]]:
    """Lines as (kind, text), kind one of `same`, `gone`, `new`, `skip`."""
    kinds = {" ": "same", "-": "gone", "+": "new", "@": "skip"}
    lines = difflib.unified_diff(write(before).splitlines(), write(after).splitlines(), lineterm="", n=3)
    return [(kinds.get(line[0], "same"), line[1:] if line[0] != "@" else "…") for line in list(lines)[2:]]


def find_workflow(workflow_id: UUID) -> Workflow:
    """The workflow with its live version. Raises NotFound."""
    workflow = (
        Workflow.objects.select_related("active_version__workflow").filter(pk=workflow_id, purged_at=None).first()
    )
    if workflow is None:
        raise NotFound("There is no such workflow.")
    return workflow


def chosen_version(workflow: Workflow, said: str) -> WorkflowVersion | None:
    """The version with the number that is said; None is the draft. Raises NotFound."""
    number = filters.whole_number(said)
    if number is None:
        return None
    version = workflow.versions.filter(version_num=number).first()
    if version is None:
        raise NotFound("This workflow has no such version.", details={"version_num": number})
    return version


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("There is no such workflow.") from None
