"""Loops end after 16 hops, by whatever way they go round; a fan-out is not one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from automate.ingest.hops import CURRENT, MAX_HOPS
from automate.ingest.ingestor import EventIngestor
from automate.ingest.trace import parse_traceparent
from automate.models import ExecutionRun, MatchDecision
from automate.runtime import emit_event, run_workflow
from automate.services import create_workflow, publish_version
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import EVENT_TYPE, step
from tests.engine.automate.execution.flow.conftest import FlowBench


def listen(bench: FlowBench, slug: str, event_type: str) -> None:
    trigger = {"type": "event", "event_type": event_type}
    definition = {"slug": slug, "name": slug, "trigger": trigger, "rule": None, "steps": [step("a")]}
    with tenant_scope(bench.ref):
        workflow = create_workflow(definition=definition, actor="test", now=timezone.now())
        publish_version(workflow_id=workflow.id, expected_revision=1, actor="test", now=timezone.now())


def as_own_thread(bench: FlowBench, act: Callable[[dict[str, Any]], Any]) -> Any:
    """A script that acts in the workspace, from a connector's thread, whose connection is closed afterwards."""

    def script(params: dict[str, Any], context: dict[str, Any]) -> None:
        try:
            with tenant_scope(bench.ref):
                act(context)
        finally:
            connections.close_all()

    return staticmethod(script)


def stopped(bench: FlowBench) -> list[str]:
    with tenant_scope(bench.ref):
        return list(MatchDecision.objects.filter(decision="skipped").values_list("reason", flat=True))


def depths(bench: FlowBench) -> list[int]:
    with tenant_scope(bench.ref):
        return sorted(ExecutionRun.objects.values_list("hops", flat=True))


def test_a_workflow_that_triggers_itself_is_stopped_with_the_evidence(bench: FlowBench, scripted: Any) -> None:
    scripted.script = as_own_thread(bench, lambda context: emit_event(EVENT_TYPE, {}))
    listen(bench, "self", EVENT_TYPE)
    bench.emit({"n": 1})
    bench.work()

    assert depths(bench) == list(range(17))  # the first, and 16 that others led to
    [reason] = stopped(bench)
    last = bench.runs()[-1]
    assert reason.startswith(f"loop: {MAX_HOPS + 1} runs of the trace {last.trace_id.hex}")
    assert str(last.id) in reason
    assert len({run.trace_id for run in bench.runs()}) == 1


def test_two_workflows_that_trigger_each_other_are_stopped(bench: FlowBench, scripted: Any) -> None:
    listen(bench, "ping", "ping")
    listen(bench, "pong", "pong")

    def other(context: dict[str, Any]) -> None:
        emit_event("pong" if context["hops"] % 2 == 0 else "ping", {})

    scripted.script = as_own_thread(bench, other)
    with tenant_scope(bench.ref):
        emit_event("ping", {})
    bench.work()

    assert depths(bench) == list(range(MAX_HOPS + 1))
    assert len(stopped(bench)) == 1


@pytest.mark.parametrize("kept", [{"traceparent", "tracestate"}, {"traceparent"}, {"tracestate"}])
def test_an_echo_through_a_webhook_is_stopped(bench: FlowBench, scripted: Any, kept: set[str]) -> None:
    def echo(context: dict[str, Any]) -> None:
        CURRENT.set(None)  # the other side is another process; this thread's context ends with the call
        EventIngestor().ingest(
            type=EVENT_TYPE,
            payload={},
            source="webhook:other",
            headers={name: context[name] for name in kept},
            trace_id=parse_traceparent(context["traceparent"]),
        )

    scripted.script = as_own_thread(bench, echo)
    listen(bench, "echo", EVENT_TYPE)
    bench.emit({"n": 1})
    bench.work()

    assert len(bench.runs()) == MAX_HOPS + 1
    assert len(stopped(bench)) == 1


def test_a_workflow_that_calls_itself_by_name_is_stopped(bench: FlowBench, scripted: Any) -> None:
    scripted.script = as_own_thread(bench, lambda context: run_workflow("self", {}))
    listen(bench, "self", "nothing")
    with tenant_scope(bench.ref):
        run_workflow("self", {})
    bench.work()

    assert depths(bench) == list(range(MAX_HOPS + 1))


def test_a_fan_out_is_not_a_loop(bench: FlowBench, scripted: Any) -> None:
    def fan_out(context: dict[str, Any]) -> None:
        for number in range(60 if context["hops"] == 0 else 0):
            emit_event("item", {"n": number})

    scripted.script = as_own_thread(bench, fan_out)
    listen(bench, "list", EVENT_TYPE)
    listen(bench, "item", "item")
    bench.emit({"n": 1})
    bench.work()

    assert depths(bench) == [0] + [1] * 60
    assert stopped(bench) == []


def test_somebody_elses_trace_is_not_ours(bench: FlowBench, scripted: Any) -> None:
    listen(bench, "one", EVENT_TYPE)
    with tenant_scope(bench.ref):
        EventIngestor().ingest(
            type=EVENT_TYPE,
            payload={},
            source="webhook:other",
            headers={"tracestate": "automate=h:99"},
            trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        )
    bench.work()

    assert bench.statuses() == ["succeeded"]
