"""Runs that wait: for a time, an event, a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from automate.execution import waiting
from automate.runtime import emit_event
from automate.services.retries import retry_run
from automate.services.waits import answer_approval
from automate_governance.errors import Conflict, PermissionDenied
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import EVENT_TYPE, Bench, step
from tests.engine.automate.execution.graphs import by_step, core, now, statuses, wait_of


def test_a_wait_holds_no_worker_and_goes_on_with_its_own_version(bench: Bench, scripted: Any) -> None:
    bench.publish(step("before"), core("pause", "wait", {"seconds": 3600}), step("after"))
    bench.emit()
    bench.work()

    run = bench.run()
    assert run.status == "waiting"
    assert run.wake_at is not None
    assert timedelta(minutes=59) < run.wake_at - now() <= timedelta(hours=1)
    assert statuses(bench) == {"before": "succeeded", "pause": "waiting"}
    bench.make_due()
    bench.work()

    assert bench.run().status == "succeeded"
    assert [call[0] for call in scripted.calls] == ["before", "after"]


def test_an_event_answers_the_wait_that_its_rule_means(bench: Bench, scripted: Any) -> None:
    rule = {"==": [{"var": "payload.order"}, "{{ payload.order }}"]}
    bench.publish(
        core("paid", "wait_for_event", {"event_type": "order.paid", "rule": rule, "timeout_seconds": 3600}),
        step("ship", params={"sum": "{{ steps.paid.output.payload.sum }}"}),
    )
    bench.emit({"order": 1})
    bench.emit({"order": 2})
    bench.work()
    assert [run.status for run in bench.runs()] == ["waiting", "waiting"]

    with tenant_scope(bench.ref):
        emit_event("order.paid", {"order": 2, "sum": 99})
    bench.work()

    first, second = bench.runs()
    assert (first.status, second.status, second.outputs["ship"]) == ("waiting", "succeeded", {"sum": 99})


def test_an_event_that_came_first_counts(bench: Bench, scripted: Any) -> None:
    def pay(params: Any, context: Any) -> Any:
        return {}

    by_step(scripted, call=pay)
    bench.publish(core("pause", "wait", {"seconds": 60}), core("paid", "wait_for_event", {"event_type": "order.paid"}))
    bench.emit()
    bench.work()
    with tenant_scope(bench.ref):
        emit_event("order.paid", {"sum": 5})
    bench.work()
    bench.make_due()
    bench.work()

    assert (bench.run().status, bench.run().outputs["paid"]["payload"]) == ("succeeded", {"sum": 5})


@pytest.mark.parametrize(("on_timeout", "status"), [("fail", "failed"), ("continue", "succeeded")])
def test_an_event_that_does_not_come_in_time(bench: Bench, on_timeout: str, status: str) -> None:
    params = {"event_type": "order.paid", "timeout_seconds": 60, "on_timeout": on_timeout}
    bench.publish(core("paid", "wait_for_event", params))
    bench.emit()
    bench.work()
    bench.make_due()
    bench.work()

    assert bench.run().status == status
    assert wait_of(bench).status == "expired"


def test_a_retry_finds_the_event_that_came_too_late_for_the_first_run(bench: Bench) -> None:
    bench.publish(core("paid", "wait_for_event", {"event_type": "order.paid", "timeout_seconds": 60}))
    bench.emit()
    bench.work()
    bench.make_due()
    bench.work()
    assert bench.run().status == "failed"
    with tenant_scope(bench.ref):
        emit_event("order.paid", {"sum": 7})
    bench.work()

    with tenant_scope(bench.ref):
        made = retry_run(run_id=bench.run().id, actor="user:1", now=now())
    bench.make_due_jobs()
    bench.work()

    [retried] = [run for run in bench.runs() if run.id == made.id]
    assert (retried.status, retried.outputs["paid"]["payload"]) == ("succeeded", {"sum": 7})


def test_of_very_many_events_the_earliest_and_the_latest_are_looked_at(bench: Bench) -> None:
    rule = {"==": [{"var": "payload.n"}, 5]}
    bench.publish(core("paid", "wait_for_event", {"event_type": "order.paid", "rule": rule}))
    bench.emit()
    bench.work()
    wait = wait_of(bench)
    with tenant_scope(bench.ref):
        for n in (1, 2, 5, 3, 5, 4):
            late = emit_event("order.paid", {"n": n})
            before = waiting.look_back(wait.id, now=now(), most=1) if n == 3 else None
            assert before is None or before.status == "open"  # the one in the middle was not looked at
            if n == 5:
                awaited = late

        found = waiting.look_back(wait.id, now=now(), most=2)

    assert found is not None
    assert (found.status, (found.answer or {})["event_id"]) == ("answered", awaited)


@pytest.mark.parametrize(("approved", "status"), [(True, "succeeded"), (False, "failed")])
def test_a_person_answers_once(bench: Bench, approved: bool, status: str) -> None:
    bench.publish(core("ask", "approve", {"message": "Ship {{ payload.amount }}?", "approvers": ["user:1"]}))
    bench.emit()
    bench.work()
    wait = wait_of(bench)
    assert (wait.details or {})["message"] == "Ship 150?"

    with tenant_scope(bench.ref):
        with pytest.raises(PermissionDenied):
            answer_approval(wait_id=wait.id, approved=True, actor="user:2", now=now())
        answer_approval(wait_id=wait.id, approved=approved, comment="fine", actor="user:1", now=now())
        with pytest.raises(Conflict):
            answer_approval(wait_id=wait.id, approved=True, actor="user:1", now=now())
    bench.work()

    assert bench.run().status == status
    if approved:
        told = bench.run().outputs["ask"]
        assert (told["approved"], told["by"], told["comment"]) == (True, "user:1", "fine")
    else:
        assert (bench.run().error or {})["code"] == "approval_refused"


def test_two_events_of_one_type_wake_it_once(bench: Bench, scripted: Any) -> None:
    bench.publish(core("paid", "wait_for_event", {"event_type": "order.paid"}), step("ship"))
    bench.emit()
    bench.work()
    with tenant_scope(bench.ref):
        events = {emit_event("order.paid", {"n": 1}), emit_event("order.paid", {"n": 2})}
    bench.work()

    assert (wait_of(bench).answer or {})["event_id"] in events
    assert [call[0] for call in scripted.calls] == ["ship"]
    assert EVENT_TYPE != "order.paid"
