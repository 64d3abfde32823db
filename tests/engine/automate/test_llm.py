"""The engine and the LLM layer together: a workflow's step within its budgets, and what others hear of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from automate.models import AuditLogEntry, Event, ExecutionRun, StepRun
from automate.policy import save_policy
from automate.runtime import run_workflow
from automate.services import create_workflow, publish_version
from automate.services.secrets import create_secret
from automate.worker.loop import Worker, WorkerOptions
from automate_llm.models import LedgerEntry, Preferences
from automate_tenants.context import tenant_scope
from automate_tenants.dispatch.store import DispatchStore
from tests.support.llm_server import KEY, LLMServer, Reply
from tests.support.workspaces import Workspace

PRICE = {"model": "stand-in-1", "input": 0, "output": 1000}  # a thousandth of a dollar for one token


@pytest.fixture
def spending(transactional_db: None, tenant_a: Workspace, llm_server: LLMServer, settings: Any) -> Iterator[Workspace]:
    given = settings.DJANGO_AUTOMATE
    settings.DJANGO_AUTOMATE = {**given, "POLICY": {"private_targets": [llm_server.target]}}
    with tenant_scope(tenant_a.ref):
        Preferences.objects.create(prices=[PRICE], updated_at=timezone.now())
        create_secret(name="MODEL_KEY", value=KEY, actor="system", now=timezone.now())
        yield tenant_a


def publish(server: LLMServer, **params: Any) -> None:
    asked: dict[str, Any] = {"provider": "openai_compatible", "model": "stand-in-1", "base_url": server.url}
    asked["api_key"] = {"$secret": "MODEL_KEY"}
    step = {
        "id": "ask",
        "connector": "llm",
        "action": "chat",
        "params": {**asked, "prompt": "{{ payload.question }}", "max_tokens": 100, **params},
    }
    now = timezone.now()
    definition = {
        "slug": "answer",
        "name": "Answer",
        "trigger": {"type": "event", "event_type": "asked"},
        "steps": [step],
    }
    workflow = create_workflow(definition=definition, actor="system", now=now)
    publish_version(workflow_id=workflow.id, expected_revision=1, actor="system", now=now)


def work() -> None:
    worker = Worker(DispatchStore(), WorkerOptions(batch_size=10, lease_seconds=30))
    try:
        asyncio.run(worker.run_until_idle())
    finally:
        worker.close()


def newest_run() -> ExecutionRun:
    run = ExecutionRun.objects.order_by("pk").last()
    assert run is not None
    return run


def test_a_step_asks_and_its_ledger_row_names_run_and_version(spending: Workspace, llm_server: LLMServer) -> None:
    llm_server.say = Reply(text="42", usage=(9, 30))
    publish(llm_server)

    run_workflow("answer", {"question": "What?"})
    work()

    run = newest_run()
    assert (run.status, run.outputs["ask"]["text"], run.outputs["ask"]["cost_usd"]) == ("succeeded", "42", "0.030000")
    entry = LedgerEntry.objects.get()
    assert (entry.run_id, entry.version_id, entry.workflow_id) == (run.id, run.version_id, run.workflow_id)
    assert (entry.step_id, entry.trace_id, entry.cost_micros) == ("ask", run.trace_id, 30_000)


def test_a_step_that_waits_for_its_budget_uses_up_no_attempt(spending: Workspace, llm_server: LLMServer) -> None:
    save_policy(document={"llm_budget_daily": 0.05}, expected_revision=0, actor="system", now=timezone.now())
    publish(llm_server, on_budget="wait")

    run_workflow("answer", {"question": "?"})
    work()

    run = newest_run()
    assert run.status == "waiting"
    assert run.wake_at is not None
    assert timezone.now() < run.wake_at <= timezone.now() + timedelta(days=1, seconds=10)
    assert not StepRun.objects.filter(status="failed").exists()
    assert llm_server.asked == []


def test_an_alert_is_an_event_and_an_audit_entry_once(spending: Workspace, llm_server: LLMServer) -> None:
    llm_server.say = Reply(usage=(1, 100))
    save_policy(document={"llm_budget_daily": 0.35}, expected_revision=0, actor="system", now=timezone.now())
    publish(llm_server)

    for _ in range(5):
        run_workflow("answer", {"question": "?"})
        work()

    events = Event.objects.filter(type="automate.llm_budget").order_by("pk")
    assert [event.payload["percent"] for event in events] == [50, 80, 100]
    entries = AuditLogEntry.objects.filter(action="llm_budget.alert").order_by("pk")
    assert [(entry.details["percent"], entry.details["cap_usd"]) for entry in entries] == [
        (50, "0.35"),
        (80, "0.35"),
        (100, "0.35"),
    ]
    [denied] = AuditLogEntry.objects.filter(action="policy.deny")
    assert (denied.details["rule"], denied.details["code"]) == ("llm_budget_daily", "budget_exceeded")
