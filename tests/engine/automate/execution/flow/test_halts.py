"""Kill switches: events are taken in, nothing runs, runs in hand stop at their next step, nothing is lost."""

from __future__ import annotations

import threading
from datetime import datetime, timezone
from typing import Any

import pytest

from automate.models import AuditLogEntry
from automate.services.halts import halt, resume
from automate_governance.errors import Conflict, NotFound
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.halts import halt_installation, resume_installation, why_halted
from tests.engine.automate.execution.conftest import step
from tests.engine.automate.execution.flow.conftest import FlowBench


def now() -> datetime:
    return datetime.now(timezone.utc)


def turn(bench: FlowBench, verb: Any, **options: Any) -> Any:
    with tenant_scope(bench.ref):
        return verb(actor="user:1", now=now(), **options)


def test_a_halted_workspace_takes_events_in_and_runs_them_when_it_goes_on(bench: FlowBench, scripted: Any) -> None:
    bench.publish_flow()
    turn(bench, halt, reason="an incident")
    bench.emit_all({"n": 1}, {"n": 2})
    bench.work()

    assert bench.runs() == []
    assert bench.jobs() == [("event", "PENDING")] * 2
    with tenant_scope(bench.ref):
        assert why_halted() == "The engine is paused in this workspace: an incident"

    turn(bench, resume)
    bench.work()

    assert bench.statuses() == ["succeeded"] * 2
    with tenant_scope(bench.ref):
        assert why_halted() is None
        entries = AuditLogEntry.objects.filter(resource="engine").order_by("pk").values_list("action", flat=True)
        assert list(entries) == ["engine.halt", "engine.resume"]


def test_a_halted_workflow_makes_its_runs_and_they_wait_while_others_go(bench: FlowBench, scripted: Any) -> None:
    bench.publish_flow(slug="one")
    bench.publish_flow(slug="two")
    turn(bench, halt, workflow="one")
    bench.emit_all({"n": 1}, {"n": 2})
    bench.work()

    assert sorted(bench.statuses()) == ["queued", "queued", "succeeded", "succeeded"]
    assert sorted(bench.decisions()) == [("held", "halted")] * 2 + [("started", "rule_true")] * 2
    assert [kind for kind, _, _ in bench.places()] == ["halt", "halt"]

    assert turn(bench, resume, workflow="one") == 2
    bench.work()

    assert bench.statuses() == ["succeeded"] * 4
    assert bench.places() == []
    assert ("started", "halted_then_resumed") in bench.decisions()


@pytest.mark.parametrize("workflow", [None, "flow"])
def test_a_run_in_hand_stops_at_its_next_step_and_goes_on_there(
    bench: FlowBench, scripted: Any, eventually: Any, workflow: str | None
) -> None:
    began, go_on = threading.Event(), threading.Event()
    seen: list[str] = []

    def slow(params: dict[str, Any], context: dict[str, Any]) -> Any:
        seen.append(context["step_id"])
        if context["step_id"] == "a":
            began.set()
            assert go_on.wait(20)
        return params

    scripted.script = staticmethod(slow)
    bench.publish_flow(step("a"), step("b"))
    workers: list[Any] = []
    stop = bench.start(seen=workers)
    try:
        bench.emit({"n": 1})
        assert began.wait(20)
        turn(bench, halt, workflow=workflow)
        eventually(lambda: any(b._stops(b._runs[0].workflow_id) for b in workers[0]._batches.values()))
        go_on.set()
        eventually(lambda: bench.statuses() == ["queued"])
        assert seen == ["a"]
        turn(bench, resume, workflow=workflow)
        eventually(lambda: bench.statuses() == ["succeeded"])
    finally:
        go_on.set()
        stop()

    assert seen == ["a", "b"]


def test_a_halted_installation_stops_every_workspace(bench: FlowBench, scripted: Any) -> None:
    bench.publish_flow()
    with public_scope():
        halt_installation(actor="operator", now=now())
    bench.emit({"n": 1})
    bench.work()
    assert bench.runs() == []

    with public_scope():
        resume_installation()
    bench.work()

    assert bench.statuses() == ["succeeded"]


def test_the_setting_stops_the_engine(bench: FlowBench, scripted: Any, settings: Any) -> None:
    bench.publish_flow()
    settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "ENABLED": False}
    bench.emit({"n": 1})
    bench.work()
    assert bench.runs() == []

    settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "ENABLED": True}
    bench.work()

    assert bench.statuses() == ["succeeded"]


def test_a_switch_is_turned_once(bench: FlowBench) -> None:
    turn(bench, halt)
    with pytest.raises(Conflict):
        turn(bench, halt)
    turn(bench, resume)
    with pytest.raises(Conflict):
        turn(bench, resume)
    with pytest.raises(NotFound):
        turn(bench, halt, workflow="nowhere")
