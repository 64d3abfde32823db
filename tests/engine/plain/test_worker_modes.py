"""`WORKER_MODE`: connectors in a thread, in a process of their own, or in the process that emits the event, at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.engine.plain.project import DATABASES, Project

pytestmark = pytest.mark.processes

PREPARE = """
from datetime import datetime, timezone
from automate.models import StepRun, Workflow
from automate.services import create_workflow, publish_version
now = datetime.now(timezone.utc)
StepRun.objects.all().delete()
for action in () if Workflow.objects.exists() else ("tell", "refuse", "break", "die"):
    workflow = create_workflow(definition={
        "slug": action, "name": action, "trigger": {"type": "event", "event_type": action},
        "steps": [{"id": "do", "connector": "where", "action": action, "retry": {"attempts": 1}}],
    }, actor="test", now=now)
    publish_version(workflow_id=workflow.id, expected_revision=1, actor="test", now=now)
answer = None
"""
EMIT = """
import os
from automate.runtime import emit_event
for name in ("tell", "refuse", "break", "die"):
    emit_event(name, {})
answer = os.getpid()
"""
WORK = """
import os
from django.core.management import call_command
call_command("automate_worker", "--once")
answer = os.getpid()
"""
LOOK = """
from automate.models import StepRun
answer = {s.action: [s.status, s.output, s.error, [l["message"] for l in s.logs]] for s in StepRun.objects.all()}
"""


@pytest.fixture
def in_mode(make_project: Callable[[str], Project]) -> Callable[[str, str], Project]:
    def make(kind: str, mode: str) -> Project:
        plain = make_project(kind)
        settings = {"DJANGO_SETTINGS_MODULE": "tests.engine.plain.mode_settings", "MODE": mode}
        project = replace(plain, environment={**plain.environment, **settings})
        project.script(PREPARE)
        return project

    return make


@pytest.mark.parametrize("kind", DATABASES)
def test_a_process_of_its_own(kind: str, in_mode: Callable[[str, str], Project]) -> None:
    project = in_mode(kind, "process")
    project.script(EMIT)
    worker = project.script(WORK)

    steps: dict[str, Any] = project.script(LOOK)

    assert steps["tell"][0] == "succeeded"
    assert steps["tell"][1]["pid"] != worker
    assert steps["tell"][3] == ["tell of attempt 1"]
    status, _, error, logs = steps["refuse"]
    assert (status, error["code"], error["details"], logs) == (
        "failed", "closed", {"until": "tomorrow"}, ["refuse of attempt 1"],
    )  # fmt: skip
    assert steps["break"][0] == "failed"
    assert "KeyError" in json.dumps(steps["break"][2])
    assert steps["die"][0] == "unknown"  # it may have written before it died


@pytest.mark.parametrize("kind", DATABASES)
def test_in_the_emitters_process_at_once(kind: str, in_mode: Callable[[str, str], Project]) -> None:
    project = in_mode(kind, "synchronous")

    emitter = project.script(EMIT.replace('"refuse", "break", "die"', '"refuse"'))

    steps = project.script(LOOK)
    assert steps["tell"][:2] == ["succeeded", {"pid": emitter}]
    assert steps["refuse"][0] == "failed"
