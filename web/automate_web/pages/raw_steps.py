"""What a step was really given and gave, after the password and on record; the values of secrets stay masked."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from automate import reauthentication
from automate.models import StepRun
from automate.services.raw_steps import Raw, reveal_step
from automate_governance.errors import NotFound
from automate_web.requests import WorkspaceRequest, actor, workspace_page


@require_http_methods(["GET", "POST"])
@workspace_page("automate.view_raw_payload")
def raw_step(request: WorkspaceRequest, run_id: UUID, step_run_id: UUID) -> HttpResponse:
    """/runs/<run_id>/attempts/<step_run_id>/raw/: GET asks for the password, POST shows input and output."""
    attempt = StepRun.objects.filter(pk=step_run_id, run_id=run_id).first()
    if attempt is None:
        raise NotFound("No step of this run has this attempt.")
    error = reauthentication.find_problem(request) if request.method == "POST" else ""
    context: dict[str, Any] = {"attempt": attempt, "error": error, **reauthentication.context(request)}
    if request.method == "POST" and not error:
        found = reveal_step(run_id=run_id, step_run_id=step_run_id, actor=actor(request), now=timezone.now())
        context["parts"] = [("Input", *_shown(found.input)), ("Output", *_shown(found.output))]
    answer = render(request, "runs/raw.html", context, status=422 if error else 200)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _shown(raw: Raw) -> tuple[str, str]:
    return json.dumps(raw.value, indent=2, ensure_ascii=False) if raw.is_known else "", raw.note
