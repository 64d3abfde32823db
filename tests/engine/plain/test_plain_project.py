"""The engine alone, in a plain Django project, on PostgreSQL and on SQLite: the outbox contract, and a whole run."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.automate.outbox.contract_waits import WHOLE
from tests.engine.plain.project import DATABASES, Project, is_postgresql

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def contract_results(make_project: Callable[[str], Project]) -> Callable[[str], dict[str, Any]]:
    results: dict[str, dict[str, Any]] = {}

    def run(kind: str) -> dict[str, Any]:
        if kind not in results:
            lines = make_project(kind).python("-m", "tests.engine.plain.run").splitlines()
            results[kind] = {line["check"]: line for line in map(json.loads, lines)}
        return results[kind]

    return run


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("kind", DATABASES)
def test_store(kind: str, name: str, contract_results: Callable[[str], dict[str, Any]]) -> None:
    result = contract_results(kind)[name]

    assert result["store"] == ("PostgresStore" if is_postgresql(kind) else "OrmStore")
    assert result["problem"] is None, result["problem"]


EMIT = """
from datetime import datetime, timezone
from automate.runtime import emit_event, run_workflow
from automate.services import create_workflow, publish_version
now = datetime.now(timezone.utc)
workflow = create_workflow(definition={
    "slug": "greet", "name": "Greet", "trigger": {"type": "event", "event_type": "order.created"},
    "rule": {">": [{"var": "payload.amount"}, 100]},
    "steps": [{"id": "say", "connector": "core", "action": "log", "params": {"message": "{{ payload.amount }} paid"}}],
}, actor="test", now=now)
publish_version(workflow_id=workflow.id, expected_revision=1, actor="test", now=now)
first = emit_event("order.created", {"amount": 150}, dedupe_key="order-1")
again = emit_event("order.created", {"amount": 150}, dedupe_key="order-1")
emit_event("order.created", {"amount": 5})
run_workflow("greet", {"amount": 7})
answer = first == again
"""

LOOK = """
from automate.models import ExecutionRun, MatchDecision, OutboxJob
answer = {
    "runs": sorted((r.status, r.outputs["say"]["message"]) for r in ExecutionRun.objects.all()),
    "decisions": sorted(MatchDecision.objects.values_list("decision", "reason")),
    "jobs": sorted(OutboxJob.objects.values_list("kind", "status")),
}
"""


@pytest.mark.parametrize("kind", DATABASES)
def test_an_event_becomes_a_recorded_run(kind: str, make_project: Callable[[str], Project]) -> None:
    project = make_project(kind)
    project.manage("flush", "--no-input", "--verbosity", "0")

    assert project.script(EMIT) is True
    project.manage("automate_worker", "--once")

    assert project.script(LOOK) == {
        "runs": [["succeeded", "150 paid"], ["succeeded", "7 paid"]],
        "decisions": [["no_match", "rule_false"], ["started", "direct"], ["started", "rule_true"]],
        "jobs": [["event", "COMPLETED"], ["event", "COMPLETED"], ["run", "COMPLETED"]],
    }


ORDERED = """
from datetime import datetime, timezone
from automate.services import InvalidDraft, create_workflow, publish_version
now = datetime.now(timezone.utc)
workflow = create_workflow(definition={
    "slug": "ordered", "name": "Ordered", "trigger": {"type": "event", "event_type": "order.created"}, "rule": None,
    "steps": [{"id": "say", "connector": "core", "action": "log", "params": {"message": "{{ payload.n }}"}}],
    "order": {"key": "{{ payload.k }}"}, "concurrency": {"limit": 2},
}, actor="test", now=now)
try:
    publish_version(workflow_id=workflow.id, expected_revision=1, actor="test", now=now)
    from automate.runtime import emit_event
    for number in range(6):
        emit_event("order.created", {"n": number, "k": number % 2})
    answer = "published"
except InvalidDraft as error:
    answer = error.problems[0].code
"""


def test_queues_work_in_one_schema_on_postgresql_and_are_refused_elsewhere(
    make_project: Callable[[str], Project],
) -> None:
    for kind in DATABASES:
        make_project(kind).manage("flush", "--no-input", "--verbosity", "0")
        assert make_project(kind).script(ORDERED) == ("published" if is_postgresql(kind) else "needs_postgresql")

    make_project("postgresql").manage("automate_worker", "--once")

    runs = "from automate.models import ExecutionRun as R, QueuePlace as P\n"
    look = runs + "answer = [list(R.objects.values_list('status', flat=True)), P.objects.exclude(kind='mark').count()]"
    assert make_project("postgresql").script(look) == [["succeeded"] * 6, 0]


LIMITED = """
from datetime import datetime, timezone
from django.test import override_settings
from automate.checks import check_policy
from automate.policy import InvalidPolicy, save_policy, stored_policy
from automate.services import InvalidDraft, create_workflow, publish_version
now = datetime.now(timezone.utc)
def code(call, error):
    try:
        call()
    except error as refused:
        return [refused.problems[0].code, refused.problems[0].path]
    return "taken"
def save(**document):
    revision = stored_policy().revision
    return code(lambda: save_policy(document=document, expected_revision=revision, actor="t", now=now), InvalidPolicy)
def publish():
    step = {"id": "say", "connector": "core", "action": "log", "params": {"message": "hi"}}
    workflow = create_workflow(definition={
        "slug": "limited", "name": "Limited", "trigger": {"type": "manual"}, "rule": None, "steps": [step],
        "policy": {"max_concurrent_runs": 1},
    }, actor="test", now=now)
    publish_version(workflow_id=workflow.id, expected_revision=1, actor="test", now=now)
answer = [save(webhook_rate=100), save(max_concurrent_runs=2), code(publish, InvalidDraft), save()]
with override_settings(DJANGO_AUTOMATE={"POLICY": {"endpoint_rates": {"*": 5}, "max_concurrent_runs": 9}}):
    answer.append(sorted(found.hint.split()[1] for found in check_policy()))
"""


def test_a_limit_that_nothing_here_keeps_is_refused(make_project: Callable[[str], Project]) -> None:
    for kind in DATABASES:
        project = make_project(kind)
        project.manage("flush", "--no-input", "--verbosity", "0")

        webhooks, runs, published, none, warned = project.script(LIMITED)

        assert webhooks == ["rule_not_kept", "/webhook_rate"]
        assert none == "taken"
        if is_postgresql(kind):
            assert (runs, published, warned) == ("taken", "taken", ["endpoint_rates"])
        else:
            assert runs == ["rule_not_kept", "/max_concurrent_runs"]
            assert published == ["rule_not_kept", "/policy/max_concurrent_runs"]
            assert warned == ["endpoint_rates", "max_concurrent_runs"]


AGE = """
from datetime import timedelta
from automate import ids
from automate.models import Event, ExecutionRun, OutboxJob
from django.utils import timezone
at = timezone.now() - timedelta(days=40)
for number in range(3):
    event = Event.objects.create(id=ids.derived_id(ids.first_id_at(at), number), type="t", payload={}, source="manual",
                                 trace_id=ids.new_id(), received_at=at)
    status = "PENDING" if number else "COMPLETED"
    OutboxJob.objects.create(kind="event", event_id=event.id, available_at=at, status=status)
answer = Event.objects.count()
"""


@pytest.mark.parametrize("kind", DATABASES)
def test_retention_deletes_what_is_old_and_done_with(kind: str, make_project: Callable[[str], Project]) -> None:
    project = make_project(kind)
    project.manage("flush", "--no-input", "--verbosity", "0")
    assert project.script(AGE) == 3

    said = project.manage("automate_retention")

    assert "2 rows deleted" in said
    assert project.script("from automate.models import Event\nanswer = Event.objects.count()") == 2


ARM = """
import threading
from datetime import datetime, timezone
from django.db import connection
from automate import ids
from automate.models import ExecutionRun, OutboxJob
from automate.outbox.orm import arm_run
now = datetime.now(timezone.utc)
made = {name: ids.new_id() for name in ("id", "event_id", "workflow_id", "version_id", "trace_id")}
run = ExecutionRun.objects.create(**made, status="waiting", created_at=now)
together, problems = threading.Barrier(6), []
def arm():
    try:
        connection.ensure_connection()
        together.wait(20)
        arm_run(run.id, available_at=now)
    except Exception as error:
        problems.append(repr(error))
    finally:
        connection.close()
threads = [threading.Thread(target=arm) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
answer = [OutboxJob.objects.filter(kind="run", run_id=run.id).count(), problems]
"""


@pytest.mark.parametrize("kind", [kind for kind in DATABASES if kind != "sqlite"])
def test_a_run_has_one_job_whoever_arms_it_at_once(kind: str, make_project: Callable[[str], Project]) -> None:
    """MariaDB ignores the constraint that says so; SQLite has one writer anyway."""
    assert make_project(kind).script(ARM) == [1, []]
