"""Runs whose rows an earlier release wrote go on and end right: with every later column as its migration left it.

Two ages. "state": the first releases, which kept outputs in the run's sealed state, and knew no deadlines, no trace on
jobs, attempts and waits. "row": those that seal each output with its row and do not number the ends yet.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from automate import host
from automate.execution.sealing import open_output
from automate.jsontext import dumps, loads
from automate.models import ExecutionRun, OutboxJob, RunState, RunWait, StepRun
from automate.runtime import emit_event
from automate.services.deadletters import settle
from automate.services.retries import retry_run
from automate.services.runs import cancel_run
from automate_connectors.models import ConnectorError
from automate_governance import crypto
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, step

AGES = pytest.mark.parametrize("age", ["state", "row"])
UNDO = {"connector": "scripted", "action": "keyed", "params": {"undo": True}}
GIVES = {"a": {"token": "of-a"}, "b": {"token": "of-b"}}


@pytest.fixture
def shop(bench: Bench, scripted: Any) -> Any:
    """Calls of `c` fail as `scripted.c_fails` says, the others give what GIVES says or their params."""
    scripted.c_fails = None

    def play(params: dict[str, Any], context: dict[str, Any]) -> Any:
        if context["step_id"] == "c" and scripted.c_fails is not None:
            raise scripted.c_fails
        return GIVES.get(context["step_id"], params)

    scripted.script = staticmethod(play)
    return scripted


def publish(bench: Bench, *, effect: str = "keyed") -> None:
    steps = [
        step("a", "write", compensate=UNDO),
        step("b", "keyed", compensate=UNDO),
        step("c", effect, params={"got": "{{ steps.a.output.token }}"}, retry={"attempts": 3, "base_seconds": 900}),
        step("d", params={"got": "{{ steps.b.output.token }}", "then": "{{ steps.c.output.got }}"}),
    ]
    bench.publish(*steps)


def age_rows(bench: Bench, age: str) -> None:
    """Every row as a release of that age would have written it, and the migrations since have left it."""
    with tenant_scope(bench.ref):
        key = host.current().data_key()
        run = ExecutionRun.objects.get()
        rows = StepRun.objects.defer(None).filter(run_id=run.id)
        if age == "state":
            kept = {row.step_id: loads(open_output(key, row.id, bytes(row.sealed))) for row in rows if row.sealed}
            text = dumps({"secrets": [], "outputs": kept, "shown": kept})
            RunState.objects.create(
                run_id=run.id,
                sealed=crypto.seal(key, text.encode(), aad=b"run-state:" + run.id.bytes),
                expires_at=datetime.now(timezone.utc) + timedelta(days=30),
            )
            rows.update(sealed=None, trace_id=None)
            OutboxJob.objects.update(trace_id=None)
        rows.update(ended_seq=None)
        RunWait.objects.update(trace_id=None)
        ExecutionRun.objects.update(deadline_at=None, root_run_id=None, key_run_id=None, rounds=None, wake_at=None)


def waiting_to_retry(bench: Bench, shop: Any, age: str) -> None:
    """A run of two recorded steps, whose third failed once and waits."""
    publish(bench)
    shop.c_fails = ConnectorError("Busy.", code="busy", retryable=True)
    bench.emit()
    bench.work()
    assert bench.run().status == "waiting"
    age_rows(bench, age)
    bench.make_due()


def calls(shop: Any) -> list[str]:
    return [step_id for step_id, _, _ in shop.calls]


@AGES
def test_it_goes_on_where_it_was(bench: Bench, shop: Any, age: str) -> None:
    waiting_to_retry(bench, shop, age)
    shop.c_fails = None
    bench.work()

    run = bench.run()
    assert run.status == "succeeded"
    assert calls(shop) == ["a", "b", "c", "c", "d"]  # what is recorded does not run again
    assert run.outputs["d"] == {"got": "of-b", "then": "of-a"}
    assert len({key for step_id, key, _ in shop.calls if step_id == "c"}) == 1
    assert [row.trace_id for row in bench.steps()][-2:] == [run.trace_id] * 2  # what is written now has it again


@AGES
def test_it_is_taken_back_in_the_order_of_the_clock(bench: Bench, shop: Any, age: str) -> None:
    waiting_to_retry(bench, shop, age)
    shop.c_fails = ConnectorError("No.", code="refused")
    bench.work()

    run = bench.run()
    assert (run.status, run.error["step"]) == ("failed", "c")
    assert calls(shop) == ["a", "b", "c", "c", "b.compensate", "a.compensate"]


@AGES
def test_a_person_retries_it(bench: Bench, shop: Any, age: str) -> None:
    """Steps without compensations: what stands is taken over from the state, or from the rows."""
    bench.publish(step("a"), step("b"), step("c", params={"got": "{{ steps.a.output.token }}"}), step("d"))
    shop.c_fails = ConnectorError("No.", code="refused")
    bench.emit()
    bench.work()
    age_rows(bench, age)
    shop.c_fails = None
    with tenant_scope(bench.ref):
        made = retry_run(run_id=bench.run().id, actor="user:1", now=datetime.now(timezone.utc))
    bench.work()

    with tenant_scope(bench.ref):
        made.refresh_from_db()
    assert (made.status, made.outputs["c"]) == ("succeeded", {"got": "of-a"})
    assert calls(shop) == ["a", "b", "c", "c", "d"]


@AGES
def test_a_person_settles_it(bench: Bench, shop: Any, age: str) -> None:
    publish(bench, effect="write")
    shop.c_fails = ConnectorError("The reply was lost.", code="lost", in_doubt=True)
    bench.emit()
    bench.work()
    assert bench.run().status == "held"
    age_rows(bench, age)
    with tenant_scope(bench.ref):
        settle(
            run_id=bench.run().id, step_id="c", verdict="happened", output={"got": "seen"}, actor="user:1",
            now=datetime.now(timezone.utc),
        )  # fmt: skip
    bench.work()

    assert bench.run().status == "succeeded"
    assert bench.run().outputs["d"] == {"got": "of-b", "then": "seen"}
    assert calls(shop) == ["a", "b", "c", "d"]


@AGES
def test_it_is_cancelled(bench: Bench, shop: Any, age: str) -> None:
    waiting_to_retry(bench, shop, age)
    with tenant_scope(bench.ref):
        cancel_run(run_id=bench.run().id, actor="user:1", now=datetime.now(timezone.utc))
    bench.work()

    assert bench.run().status == "cancelled"
    assert calls(shop) == ["a", "b", "c"]


def test_its_deadline_holds_though_none_is_written(bench: Bench, shop: Any) -> None:
    waiting_to_retry(bench, shop, "state")
    shop.c_fails = None
    with tenant_scope(bench.ref):
        ExecutionRun.objects.update(created_at=datetime.now(timezone.utc) - timedelta(days=30, minutes=1))
    bench.work()

    assert (bench.run().status, bench.run().error["code"]) == ("failed", "deadline_exceeded")
    assert calls(shop) == ["a", "b", "c", "b.compensate", "a.compensate"]


def test_its_worker_had_stopped_in_the_middle(bench: Bench, shop: Any) -> None:
    """Of a write that must not be repeated: the row says only that it runs."""
    publish(bench, effect="write")
    bench.emit()
    shop.c_fails = ConnectorError("The reply was lost.", code="lost", in_doubt=True)
    bench.work()
    age_rows(bench, "state")
    with tenant_scope(bench.ref):
        StepRun.objects.filter(step_id="c").update(status="running", ended_at=None, error=None)
        ExecutionRun.objects.update(status="running", error=None, ended_at=None)
        OutboxJob.objects.filter(kind="run").update(status="PENDING")
    bench.make_due()
    bench.work()

    run = bench.run()
    assert (run.status, run.error["code"], run.error["step"]) == ("held", "effect_unknown", "c")
    assert calls(shop) == ["a", "b", "c"]


def test_what_it_waits_for_comes(bench: Bench, shop: Any) -> None:
    """An open wait without a trace, a job without one, a run without a deadline."""
    paid = {"id": "paid", "connector": "core", "action": "wait_for_event", "params": {"event_type": "order.paid"}}
    bench.publish(step("a"), paid, step("d", params={"got": "{{ steps.a.output.token }}"}))
    bench.emit()
    bench.work()
    assert bench.run().status == "waiting"
    age_rows(bench, "row")
    with tenant_scope(bench.ref):
        OutboxJob.objects.update(trace_id=None)
    with tenant_scope(bench.ref):
        emit_event("order.paid", {})
    bench.work()

    assert bench.run().status == "succeeded"
    assert bench.run().outputs["d"] == {"got": "of-a"}
