"""A workflow tried without effects: with a payload, with a past event, over the last days."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from automate.definitions import jsontext
from automate.dryrun import Backtest, DryRun, DryStep
from automate.models import Event, StoredBacktest, Workflow, WorkflowVersion
from automate.services import InvalidDraft, testing
from automate.services.backtests import cancel_backtest as stop
from automate.services.backtests import start_backtest
from automate_governance.errors import NormalizedError, NotFound
from automate_web import gallery
from automate_web.pages.conditions import Condition, condition_tree
from automate_web.pages.people import person
from automate_web.pages.workflows import chosen_version, find_workflow
from automate_web.requests import WorkspaceRequest, actor, demand, wants_fragment, workspace_page

OFFERED_EVENTS = 20
OFFERED_VERSIONS = 20
SHOWN_STEPS = 200
MAX_DAYS = 30
SENTENCES = {
    "rule_true": "It would start: the event is the trigger's, and the rule matches.",
    "direct": "Started past its rule.",
    "rule_false": "It would not start: the rule does not match.",
    "not_listening": "It would not start: its trigger does not listen for this event.",
}


@dataclass(frozen=True)
class Row:
    """A step of the path as it is drawn: `x` and `width` in percent, in the order of the steps."""

    step: DryStep
    x: float
    width: float
    note: str


@require_http_methods(["GET", "POST"])
@workspace_page("automate.view_workflow")
def dry_run(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """GET /workflows/<workflow_id>/dry-runs/ asks what to try; POST shows what would happen. Stores nothing.

    `?template=<slug>` fills in the sample of the template that it was made from, and shows at once what happens.
    """
    workflow = find_workflow(workflow_id)
    template = gallery.templates().get(request.GET.get("template", ""))
    if request.method == "GET" and template is None:
        return _page(request, workflow)
    demand(request, "automate.change_workflow")
    text = request.POST.get("payload", "").replace("\r\n", "\n")
    if request.method == "GET" and template is not None:
        text = json.dumps(template.sample, indent=2, ensure_ascii=False)
    try:
        event_id = UUID(request.POST["event"]) if request.POST.get("event") else None
        payload = jsontext.parse(text or "{}")
        version, definition = _chosen(workflow, request.POST.get("version", ""))
        tried = testing.dry_run(
            definition=definition,
            now=timezone.now(),
            version=version,
            workflow_id=workflow.pk,
            payload=payload,
            event_id=event_id,
            is_direct=request.POST.get("past_rule") == "yes",
        )
    except jsontext.NotJson as error:
        problem = f"Not JSON: {error} (line {error.line}, column {error.column})."
        return _page(request, workflow, problem=problem, status=422)
    except ValueError:
        return _page(request, workflow, problem="There is no such event.", status=422)
    except NormalizedError as error:
        return _page(request, workflow, problem=_sentence(error), status=error.http_status)
    return _page(request, workflow, text=text, **_shown(tried, definition))


@require_POST
@workspace_page("automate.change_workflow")
def backtest(request: WorkspaceRequest, workflow_id: UUID) -> HttpResponse:
    """POST /workflows/<workflow_id>/backtests/: try it, in the background, over the events of the last days."""
    workflow, now = find_workflow(workflow_id), timezone.now()
    days = request.POST.get("days", "")
    if not (days.isascii() and days.isdigit() and 1 <= int(days) <= MAX_DAYS):
        return _page(request, workflow, problem=f"Days: a number from 1 to {MAX_DAYS}.", status=422)
    try:
        version, definition = _chosen(workflow, request.POST.get("version", ""))
        asked = start_backtest(
            workflow_id=workflow.pk,
            definition=definition,
            since=now - timedelta(days=int(days)),
            until=now,
            version_num=version.version_num if version else None,
            actor=actor(request),
            now=now,
        )
    except NormalizedError as error:
        return _page(request, workflow, problem=_sentence(error), status=error.http_status)
    return redirect("backtest", workflow.pk, asked.pk)


@require_GET
@workspace_page("automate.view_workflow")
def found(request: WorkspaceRequest, workflow_id: UUID, backtest_id: UUID) -> HttpResponse:
    """GET /workflows/<workflow_id>/backtests/<backtest_id>/: how far it is and what it found; asks itself again."""
    workflow, stored = find_workflow(workflow_id), _stored(workflow_id, backtest_id)
    result = Backtest.parse(stored.result) if stored.result else None
    done = result.events if result else 0
    context = {
        "workflow": workflow,
        "stored": stored,
        "asked_by": person(stored.created_by),
        "backtest": result,
        "done": done,
        "is_running": stored.status == StoredBacktest.Status.RUNNING,
    }
    template = "workflows/_backtest.html" if wants_fragment(request) else "workflows/backtest.html"
    return render(request, template, context)


@require_POST
@workspace_page("automate.change_workflow")
def cancel_backtest(request: WorkspaceRequest, workflow_id: UUID, backtest_id: UUID) -> HttpResponse:
    """POST /workflows/<workflow_id>/backtests/<backtest_id>/cancellations/: stop it; what was found stays."""
    stored = _stored(workflow_id, backtest_id)
    stop(backtest_id=stored.pk, actor=actor(request), now=timezone.now())
    return redirect("backtest", workflow_id, stored.pk)


def _stored(workflow_id: UUID, backtest_id: UUID) -> StoredBacktest:
    stored = StoredBacktest.objects.filter(pk=backtest_id, workflow_id=workflow_id).first()
    if stored is None:
        raise NotFound("There is no such backtest.")
    return stored


def _page(request: WorkspaceRequest, workflow: Workflow, *, status: int = 200, **context: Any) -> HttpResponse:
    """The forms as they were filled in, and what was found."""
    said: HttpRequest = request
    context = {
        "workflow": workflow,
        "versions": workflow.versions.order_by("-version_num").only("version_num", "workflow_id")[:OFFERED_VERSIONS],
        "events": Event.objects.order_by("-id").only("type", "source", "received_at")[:OFFERED_EVENTS],
        "backtests": StoredBacktest.objects.filter(workflow_id=workflow.pk).defer("definition").order_by("-id")[:10],
        "text": said.POST.get("payload", "{}"),
        "chosen_version": said.POST.get("version", "draft"),
        "chosen_event": said.POST.get("event", ""),
        "past_rule": said.POST.get("past_rule") == "yes",
        "days": said.POST.get("days", "7"),
        **context,
    }
    return render(request, "workflows/trial.html", context, status=status)


def _shown(tried: DryRun, definition: dict[str, Any]) -> dict[str, Any]:
    steps = tried.steps[:SHOWN_STEPS]
    width = 100 / max(len(steps), 1)
    tree: Condition | None = None
    if tried.decision.explain is not None:
        tree = condition_tree(tried.decision.explain, definition["rule"])
    reason = tried.decision.reason
    return {
        "tried": tried,
        "sentence": SENTENCES.get(reason, f"It would not start: {reason.partition(': ')[2] or reason}"),
        "tree": tree,
        "rows": [Row(step, round(at * width, 2), round(width, 2), note_of(step)) for at, step in enumerate(steps)],
        "left_out": len(tried.steps) - len(steps),
    }


def note_of(step: DryStep) -> str:
    """What is particular about it, in a few words."""
    if step.denied:
        return "policy denies it"
    if step.needs is not None:
        return f"needs {step.needs}"
    if step.waits is not None:
        return {"time": "would wait", "event": "would wait for an event", "approval": "would ask"}.get(
            step.waits["kind"], "would start a run"
        )
    if step.items is not None:
        return f"{step.items} item" + ("" if step.items == 1 else "s")
    if step.output_from == "unknown":
        return "would be sent; answer unknown"
    if step.request is not None and step.output_from is not None:
        return {"recorded": "answer as recorded", "sample": "sample answer", "spec": "example answer"}.get(
            step.output_from, "stubbed answer"
        )
    return ""


def _chosen(workflow: Workflow, said: str) -> tuple[WorkflowVersion | None, dict[str, Any]]:
    version = chosen_version(workflow, said)
    return version, version.definition if version is not None else workflow.draft


def _sentence(error: NormalizedError) -> str:
    if isinstance(error, InvalidDraft):
        first = error.problems[0]
        return f"It cannot run: {first.path or '/'}: {first.message}"
    return error.message
