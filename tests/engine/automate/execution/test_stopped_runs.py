"""Runs that are stopped: cancelled, or past their deadline."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connections

from automate.execution.advance import ENDING_GRACE
from automate.models import ExecutionRun, OutboxJob
from automate.services.runs import cancel_run
from automate_connectors.models import ConnectorError
from automate_governance.errors import Conflict
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, step
from tests.engine.automate.execution.graphs import by_step, core, now, statuses, wait_of


def test_a_cancel_reaches_the_child_and_finally_runs_and_it_never_comes_back(bench: Bench, scripted: Any) -> None:
    bench.publish(core("pause", "wait", {"seconds": 3600}), step("never"), slug="child", rule={"==": [1, 2]})
    bench.publish(core("call", "run_workflow", {"workflow": "child"}), step("after"), **{"finally": [step("end")]})
    bench.emit()
    bench.work()
    parent = next(run for run in bench.runs() if run.origin == "event")
    assert parent.status == "waiting"

    with tenant_scope(bench.ref):
        cancel_run(run_id=parent.id, actor="user:1", now=now())
    bench.work()

    assert [run.status for run in bench.runs()] == ["cancelled", "cancelled"]
    assert [call[0] for call in scripted.calls] == ["end"]
    assert wait_of(bench).status == "cancelled"
    with tenant_scope(bench.ref):
        with pytest.raises(Conflict):
            cancel_run(run_id=parent.id, actor="user:1", now=now())
        OutboxJob.objects.filter(kind="run").update(status="PENDING")
    bench.make_due()
    bench.work()
    assert [run.status for run in bench.runs()] == ["cancelled", "cancelled"]


def test_the_deadline_ends_a_run_that_waits(bench: Bench, scripted: Any) -> None:
    bench.publish(
        core("pause", "wait", {"seconds": 7200}), step("never"), deadline_seconds=3600, **{"finally": [step("end")]}
    )
    bench.emit()
    bench.work()
    run = bench.run()
    assert run.wake_at is not None
    assert run.deadline_at is not None
    assert abs(run.wake_at - run.deadline_at) < timedelta(seconds=5)
    with tenant_scope(bench.ref):
        ExecutionRun.objects.update(deadline_at=now() - timedelta(seconds=1))
        OutboxJob.objects.filter(status="PENDING").update(available_at=now() - timedelta(seconds=1))
    bench.make_due_jobs()
    bench.work()

    assert (bench.run().status, (bench.run().error or {})["code"]) == ("failed", "deadline_exceeded")
    assert statuses(bench) == {"pause": "cancelled", "end": "succeeded"}


def test_past_its_deadline_a_run_takes_back_what_it_did_and_then_runs_its_finally_steps(
    bench: Bench, scripted: Any
) -> None:
    undo = {"connector": "scripted", "action": "keyed", "params": {}}
    bench.publish(
        step("pay", "keyed", compensate=undo),
        step("book", "keyed", compensate=undo),
        core("pause", "wait", {"seconds": 7200}),
        deadline_seconds=3600,
        **{"finally": [step("end", params={"code": "{{ error.code }}"})]},
    )
    bench.emit()
    bench.work()
    with tenant_scope(bench.ref):
        ExecutionRun.objects.update(deadline_at=now() - timedelta(seconds=1))
        OutboxJob.objects.filter(status="PENDING").update(available_at=now() - timedelta(seconds=1))
    bench.make_due_jobs()
    bench.work()

    assert (bench.run().status, (bench.run().error or {})["code"]) == ("failed", "deadline_exceeded")
    called = [step_id for step_id, _, _ in scripted.calls]
    assert called == ["pay", "book", "book.compensate", "pay.compensate", "end"]
    assert statuses(bench)["pause"] == "cancelled"
    assert next(row for row in bench.steps() if row.step_id == "end").output == {"code": "deadline_exceeded"}


def test_past_its_grace_a_finally_step_that_waits_is_given_up_and_the_run_says_why(bench: Bench, scripted: Any) -> None:
    def busy(params: Any, context: Any) -> Any:
        raise ConnectorError("Busy.", code="busy", retryable=True)

    by_step(scripted, end=busy)
    patient = step("end", retry={"attempts": 3, "base_seconds": 900})
    bench.publish(step("a"), deadline_seconds=3600, **{"finally": [patient]})
    bench.emit()
    bench.work()
    assert bench.run().status == "waiting"
    with tenant_scope(bench.ref):
        ExecutionRun.objects.update(deadline_at=now() - ENDING_GRACE - timedelta(seconds=1))
        OutboxJob.objects.filter(status="PENDING").update(available_at=now() - timedelta(seconds=1))
    bench.make_due_jobs()
    bench.work()

    assert (bench.run().status, (bench.run().error or {})["code"]) == ("failed", "deadline_exceeded")
    assert [step_id for step_id, _, _ in scripted.calls] == ["a", "end"]


def test_a_cancel_while_a_step_is_under_way_is_heard_at_the_next_step(bench: Bench, scripted: Any) -> None:
    def cancel_myself(params: Any, context: Any) -> Any:
        with tenant_scope(bench.ref):
            cancel_run(run_id=UUID(context["run_id"]), actor="user:1", now=now())
        connections.close_all()  # the connector's thread has its own
        return {}

    by_step(scripted, a=cancel_myself)
    bench.publish(step("a", "write"), core("pause", "wait", {"seconds": 3600}), step("never"))
    bench.emit()

    bench.work()
    bench.work()

    assert bench.run().status == "cancelled"
    assert [call[0] for call in scripted.calls] == ["a"]
