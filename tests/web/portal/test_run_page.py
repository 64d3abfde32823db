"""The page of a run in every state that the engine leaves one in: each step, each tab, the right word and no error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from automate.execution.direct import start_direct
from automate.models import ExecutionRun, OutboxJob, StepRun
from automate.services.retries import retry_run
from automate.services.runs import cancel_run
from automate_connectors import registry
from automate_connectors.models import ConnectorError
from automate_tenants.context import tenant_scope
from automate_web.pages.runs import TABS
from tests.engine.automate.execution.conftest import Bench, step
from tests.engine.automate.execution.connectors import ScriptedAdapter
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter

HOUR = {"seconds": 3600}


def core(step_id: str, action: str, **params: Any) -> dict[str, Any]:
    return {"id": step_id, "connector": "core", "action": action, "params": params}


def play(params: dict[str, Any], context: dict[str, Any]) -> Any:
    """What `params.does` asks for."""
    does = params.get("does", "ok")
    if does == "crash":
        raise RuntimeError("The line went dead.")
    if does != "ok":
        raise ConnectorError("The shop said no.", code="refused", retryable=does == "busy")
    return {"made": context["step_id"]}


def does(step_id: str, what: str = "ok", action: str = "read", **more: Any) -> dict[str, Any]:
    return step(step_id, action, params={"does": what}, **more)


# -- how a run comes to a state ----------------------------------------------------------------------------------------


def left_alone(bench: Bench) -> ExecutionRun:
    """Worked on until nothing is due."""
    bench.emit()
    bench.work()
    return newest(bench)


def newest(bench: Bench) -> ExecutionRun:
    return max(bench.runs(), key=lambda run: (run.attempt, run.created_at))


def untouched(bench: Bench) -> ExecutionRun:
    with tenant_scope(bench.ref):
        start_direct("flow", {"amount": 150})
    return newest(bench)


def in_hand(bench: Bench) -> ExecutionRun:
    """As a worker's write in the middle of a step leaves it."""
    run = left_alone(bench)
    with tenant_scope(bench.ref):
        ExecutionRun.objects.filter(pk=run.pk).update(status="running", wake_at=None)
        StepRun.objects.filter(run_id=run.pk, status="waiting").update(status="running", retry_at=None)
    return newest(bench)


def asked_to_stop(bench: Bench) -> ExecutionRun:
    run = left_alone(bench)
    with tenant_scope(bench.ref):
        return cancel_run(run_id=run.pk, actor="user:1", now=datetime.now(UTC))


def stopped(bench: Bench) -> ExecutionRun:
    asked_to_stop(bench)
    bench.work()
    return newest(bench)


def too_late(bench: Bench) -> ExecutionRun:
    run = left_alone(bench)
    with tenant_scope(bench.ref):
        past = datetime.now(UTC) - timedelta(seconds=1)
        ExecutionRun.objects.filter(pk=run.pk).update(deadline_at=past)
        OutboxJob.objects.filter(run_id=run.pk).update(available_at=past)
    bench.make_due_jobs()
    bench.work()
    return newest(bench)


def behind_another(bench: Bench) -> ExecutionRun:
    first = left_alone(bench)
    bench.emit()
    bench.work()
    return next(run for run in bench.runs() if run.pk != first.pk)


def retried_twice(bench: Bench) -> ExecutionRun:
    """The second of three: it repeats one, and is repeated."""
    first = left_alone(bench)
    made = first
    for _ in range(2):
        with tenant_scope(bench.ref):
            made = retry_run(run_id=made.pk, actor="user:1", now=datetime.now(UTC))
        bench.work()
    return next(run for run in bench.runs() if run.retry_of == first.pk)


def with_a_child(bench: Bench) -> ExecutionRun:
    bench.publish(core("rest", "wait", **HOUR), slug="child", trigger={"type": "manual"})
    left_alone(bench)
    return next(run for run in bench.runs() if run.parent_run_id is None)


@dataclass(frozen=True)
class Case:
    """A workflow, how its run comes to the state, and what its page says. `tabs`: (step, tab) → a sentence there."""

    name: str
    status: str
    steps: list[dict[str, Any]]
    says: tuple[str, ...]
    tabs: dict[tuple[str, str], str] = field(default_factory=dict)
    make: Callable[[Bench], ExecutionRun] = left_alone
    options: dict[str, Any] = field(default_factory=dict)
    dots: dict[str, str] = field(default_factory=dict)  # step → the word of its state in the timeline


CASES = [
    Case(
        "queued", "Queued", [does("a")], ("0 of 1",),
        {("a", "input"): "This step has not started yet.", ("a", "config"): "As it ran, in version 1."},
        make=untouched, dots={"a": "Queued"},
    ),
    Case(
        "running", "Running", [core("rest", "wait", **HOUR)], ("Cancel…",),
        {("rest", "output"): "Still running: no output yet."}, make=in_hand, dots={"rest": "Running"},
    ),
    Case(
        "waiting for a time", "Waiting", [core("rest", "wait", **HOUR), does("b")], ("waiting until 20", "Cancel…"),
        {("rest", "output"): "Waiting until 20", ("b", "input"): "This step has not started yet."},
        dots={"rest": "Waiting", "b": "Queued"},
    ),
    Case(
        "waiting for an event", "Waiting", [core("paid", "wait_for_event", event_type="payment.received")],
        ("waiting for event payment.received",), {("paid", "output"): "Waiting for event payment.received"},
    ),
    Case(
        "waiting for an approval", "Waiting", [core("ask", "approve", message="Refund 120 EUR?")],
        ("waiting for approval", "Waits for an answer", "Refund 120 EUR?", 'value="approve"'),
        {("ask", "output"): "Waiting for approval"},
    ),
    Case(
        "waiting for a child", "Waiting", [core("sub", "run_workflow", workflow="child", payload={})],
        ("waiting for the run it started", "Child runs"), {("sub", "output"): "Waiting for the run it started"},
        make=with_a_child,
    ),
    Case(
        "waiting to retry", "Waiting", [does("a", "busy", retry={"attempts": 3, "base_seconds": 900})],
        ("waiting to retry",), {("a", "error"): "It is tried again in"}, dots={"a": "Waiting"},
    ),
    Case(
        "waiting for a slot", "Queued", [core("rest", "wait", **HOUR)], ("1 at a time", "it waits for a slot, 1 ahead"),
        make=behind_another, options={"concurrency": {"key": "same", "limit": 1, "on_limit": "wait"}},
    ),
    Case(
        "asked to stop", "Waiting", [core("rest", "wait", **HOUR)], ("Asked to stop",), make=asked_to_stop,
    ),
    Case(
        "held", "Held", [does("a", "crash", "write"), does("b")], ("Settle “a”", "The line went dead."),
        {("a", "error"): "Say what happened", ("a", "attempts"): "effect_unknown"}, dots={"a": "Unknown"},
    ),
    Case(
        "succeeded", "Succeeded", [does("a")], ("1 of 1", "Retry…"),
        {("a", "output"): "Download", ("a", "error"): "No error", ("a", "logs"): "This attempt logged nothing."},
        dots={"a": "Succeeded"},
    ),
    Case(
        "failed", "Failed", [does("a", "refuse"), does("b")], ("Retry from “a”…", "The shop said no."),
        {
            ("a", "error"): "Repeating it would not help",
            ("a", "output"): "This attempt gave no output",
            ("b", "input"): "because “a” failed before it",
        },
        dots={"a": "Failed", "b": "Not run"},
    ),
    Case(
        "taken back", "Failed",
        [
            does("a", "ok", "write", compensate={"connector": "scripted", "action": "keyed", "params": {}}),
            does("b", "refuse"),
        ],
        ("a.compensate",), {("a.compensate", "output"): "Download", ("a.compensate", "config"): "keyed"},
        dots={"a": "Succeeded", "a.compensate": "Succeeded", "b": "Failed"},
    ),
    Case(
        "handled", "Succeeded", [does("a", "refuse", on_error={"steps": [does("h")], "then": "continue"}), does("b")],
        ("2 of 2",), {("h", "output"): "Download"}, dots={"a": "Failed", "h": "Succeeded", "b": "Succeeded"},
    ),
    Case(
        "cancelled", "Cancelled", [core("rest", "wait", **HOUR), does("b")], ("The run was cancelled.", "Retry…"),
        {("b", "input"): "This step did not run"}, make=stopped, options={"finally": [does("end")]},
        dots={"rest": "Cancelled", "b": "Not run", "end": "Succeeded"},
    ),
    Case(
        "past its deadline", "Failed", [core("rest", "wait", **HOUR)], ("The run took longer than its 60 s.",),
        {("rest", "input"): "Download"}, make=too_late, options={"deadline_seconds": 60}, dots={"rest": "Cancelled"},
    ),
    Case(
        "a step skipped", "Succeeded", [does("a", when={"==": [1, 2]}), does("b")], ("2 of 2",),
        {("a", "input"): "It was skipped", ("a", "output"): "It was skipped"}, dots={"a": "Skipped", "b": "Succeeded"},
    ),
    Case(
        "items that failed", "Succeeded",
        [does("each", "{{ item }}", foreach={"items": ["ok", "refuse", "ok"], "on_item_error": "continue"})],
        ("3 items",), {("each", "attempts"): "Item 2, attempt 1", ("each", "output"): "Download"},
    ),
    Case(
        "an item that failed it all", "Failed",
        [does("each", "{{ item }}", foreach={"items": ["ok", "refuse"], "concurrency": 1, "on_item_error": "fail"})],
        ("2 items", "Retry from “each”…"), {("each", "attempts"): "Item 2, attempt 1"}, dots={"each": "Failed"},
    ),
    Case(
        "a retry that was retried", "Failed", [does("a"), does("b", "refuse")],
        ("Retry of", "Retried by", "attempt 2 of the run"), {("a", "output"): "Download"}, make=retried_twice,
        dots={"a": "Succeeded", "b": "Failed"},
    ),
]  # fmt: skip


@pytest.fixture
def shop(transactional_db: None, tenant_a: Workspace, monkeypatch: pytest.MonkeyPatch) -> Bench:
    registry.register(ScriptedAdapter)
    monkeypatch.setattr(ScriptedAdapter, "script", staticmethod(play))
    return Bench(tenant_a.ref)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_run_s_page(shop: Bench, tenant_a: Workspace, enter: Enter, case: Case) -> None:
    shop.publish(*case.steps, **case.options)
    run = case.make(shop)
    browser, here = enter(tenant_a), f"/runs/{run.pk}/"

    page = text_of(browser, here)
    head = page.split('<dl class="facts">')[0].split("</h1>")[1]

    assert f"</svg>{case.status}</span>" in head.split("Asked to stop")[0]
    assert [words for words in case.says if words not in page] == []
    for step_id, word in case.dots.items():
        assert f'<span class="hidden-visually">{word}</span></span><span>{step_id}<' in page.replace(" <", "<"), step_id
    for step_id in {*(one["id"] for one in case.steps), *(named for named, _ in case.tabs), *case.dots}:
        for tab in TABS:
            shown = text_of(browser, here, step=step_id, tab=tab)
            assert f'aria-label="Step {step_id}"' in shown
            assert case.tabs.get((step_id, tab), "") in shown.split('<nav class="tabs"')[1], (step_id, tab)


def text_of(browser: Client, path: str, **query: str) -> str:
    """The page, or with a step its fragment."""
    answer = browser.get(path, query, headers={"HX-Request": "true"} if query else {})
    assert answer.status_code == 200, (path, query)
    return answer.content.decode()
