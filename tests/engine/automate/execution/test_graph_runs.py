"""Graphs at work: branches, items, handlers, compensation, finally; what waits; children; cancel and deadline."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, connections

from automate import ids
from automate.execution import endings
from automate.execution.advance import ENDING_GRACE
from automate.models import Event, ExecutionRun, OutboxJob, RunWait
from automate.runtime import emit_event
from automate.services.runs import cancel_run
from automate.services.waits import answer_approval
from automate_connectors.models import ConnectorError
from automate_governance.errors import Conflict, PermissionDenied
from automate_tenants.context import tenant_scope
from automate_tenants.dispatch.store import DispatchStore
from tests.engine.automate.execution.conftest import EVENT_TYPE, Bench, step


def now() -> datetime:
    return datetime.now(timezone.utc)


def core(step_id: str, action: str, params: dict[str, Any], **more: Any) -> dict[str, Any]:
    return step(step_id, action, connector="core", params=params, **more)


def statuses(bench: Bench) -> dict[str, str]:
    return {f"{s.step_id}.{s.item}" if s.item else s.step_id: s.status for s in bench.steps()}


def by_step(scripted: Any, **scripts: Any) -> None:
    """What a call of each step does; the others answer with their params."""

    def script(params: Any, context: Any) -> Any:
        chosen = scripts.get(context["step_id"].replace("-", "_").replace(".", "_"))
        return chosen(params, context) if chosen else params

    scripted.script = staticmethod(script)


def refuse(params: Any, context: Any) -> Any:
    raise ConnectorError("No.", code="refused")


def wait_of(bench: Bench) -> RunWait:
    with tenant_scope(bench.ref):
        return RunWait.objects.get()


# -- branches, items, errors ---------------------------------------------------------------------------------------


def test_a_join_reads_both_branches_and_a_skipped_step(bench: Bench, scripted: Any) -> None:
    bench.publish(
        step("a", needs=[], params={"n": 1}),
        step("b", needs=[], when={"==": [{"var": "payload.amount"}, 0]}),
        step("c", needs=["a", "b"], params={"n": "{{ steps.a.output.n }}", "b": "{{ steps.b.status }}"}),
    )
    bench.emit()

    bench.work()

    assert bench.run().status == "succeeded"
    assert statuses(bench) == {"a": "succeeded", "b": "skipped", "c": "succeeded"}
    assert bench.run().outputs == {"a": {"n": 1}, "b": None, "c": {"n": 1, "b": "skipped"}}
    assert (bench.run().steps_done, bench.run().steps_total) == (3, 3)


def test_items_run_each_with_its_own_key_and_their_results_are_the_output(bench: Bench, scripted: Any) -> None:
    def ship(params: Any, context: Any) -> Any:
        if params["sku"] == "b":
            raise ConnectorError("Sold out.", code="sold_out")
        return {"shipped": params["sku"], "place": params["place"]}

    by_step(scripted, ship=ship)
    foreach = {"items": "{{ payload.lines }}", "concurrency": 2, "on_item_error": "continue"}
    bench.publish(
        step("ship", "write", foreach=foreach, params={"sku": "{{ item.sku }}", "place": "{{ index }}"}),
        step("count", params={"first": "{{ steps.ship.output.0.output.shipped }}"}),
    )
    bench.emit({"lines": [{"sku": "a"}, {"sku": "b"}, {"sku": "c"}]})

    bench.work()

    run = bench.run()
    assert run.status == "succeeded"
    results = run.outputs["ship"]
    assert [result["status"] for result in results] == ["succeeded", "failed", "succeeded"]
    assert results[1]["error"]["code"] == "sold_out"
    assert run.outputs["count"] == {"first": "a"}
    assert statuses(bench) == {
        "ship": "succeeded", "ship.1": "succeeded", "ship.2": "failed", "ship.3": "succeeded", "count": "succeeded",
    }  # fmt: skip
    keys = {key for step_id, key, _ in scripted.calls if step_id == "ship"}
    assert keys == {ids.step_key(run.id, "ship", item) for item in (1, 2, 3)}


def test_an_item_that_fails_stops_the_others_and_the_run(bench: Bench, scripted: Any) -> None:
    by_step(scripted, ship=refuse)
    bench.publish(step("ship", foreach={"items": [1, 2, 3], "concurrency": 1}), step("never"))
    bench.emit()

    bench.work()

    error = bench.run().error or {}
    assert (bench.run().status, error["code"], error["step"]) == ("failed", "refused", "ship")
    assert statuses(bench) == {"ship": "failed", "ship.1": "failed"}


def test_the_list_of_a_fan_out_is_kept_while_its_items_are_retried(bench: Bench, scripted: Any) -> None:
    def busy_once(params: Any, context: Any) -> Any:
        if context["item"] == 2 and context["attempt"] == 1:
            raise ConnectorError("Busy.", retryable=True)
        return params

    by_step(scripted, ship=busy_once)
    bench.publish(
        step("ship", foreach={"items": "{{ payload.lines }}"}, params={"n": "{{ item }}"}),
        step("after", params={"all": "{{ steps.ship.output }}"}),
    )
    bench.emit({"lines": [7, 8, 9]})

    bench.work()
    assert bench.run().status == "waiting"
    bench.make_due()
    bench.work()

    results = [{"status": "succeeded", "output": {"n": n}} for n in (7, 8, 9)]
    assert bench.run().outputs["after"] == {"all": results}
    assert sorted(call[2] for call in scripted.calls if call[0] == "ship") == [1, 1, 1, 2]


def test_a_list_that_is_none_fails_the_step(bench: Bench, scripted: Any) -> None:
    bench.publish(step("ship", foreach={"items": "{{ payload.amount }}"}))
    bench.emit()

    bench.work()

    assert (bench.run().error or {})["code"] == "not_a_list"


def test_a_handler_sees_the_error_and_the_run_goes_on(bench: Bench, scripted: Any) -> None:
    by_step(scripted, charge=refuse)
    handler = {"steps": [step("tell", params={"why": "{{ error.code }}"})], "then": "continue"}
    bench.publish(step("charge", on_error=handler), step("after", params={"was": "{{ steps.charge.error.code }}"}))
    bench.emit()

    bench.work()

    run = bench.run()
    assert run.status == "succeeded"
    assert (run.outputs["tell"], run.outputs["after"]) == ({"why": "refused"}, {"was": "refused"})


def test_a_failed_run_takes_back_latest_first_and_finally_sees_why(bench: Bench, scripted: Any) -> None:
    by_step(scripted, last=refuse)
    undo = {"connector": "scripted", "action": "write", "params": {"id": "{{ steps.a.output.id }}"}}
    other = {"connector": "scripted", "action": "write", "params": {}}
    bench.publish(
        step("a", params={"id": 5}, compensate=undo),
        step("b", foreach={"items": [1, 2], "concurrency": 1}, compensate=other),
        step("last"),
        **{"finally": [step("end", params={"why": "{{ error.code }}", "b": "{{ steps.b.status }}"})]},
    )
    bench.emit()

    bench.work()

    run = bench.run()
    assert (run.status, (run.error or {})["step"]) == ("failed", "last")
    assert [call[0] for call in scripted.calls] == [
        "a", "b", "b", "last", "b.compensate", "b.compensate", "a.compensate", "end",
    ]  # fmt: skip
    assert run.outputs["a.compensate"] == {"id": 5}
    assert run.outputs["end"] == {"why": "refused", "b": "succeeded"}


def test_only_the_errors_named_are_tried_again(bench: Bench, scripted: Any) -> None:
    def fail(params: Any, context: Any) -> Any:
        raise ConnectorError("Busy.", retryable=True, code="busy")

    by_step(scripted, a=fail)
    bench.publish(step("a", retry={"retry_on": ["other"]}))
    bench.emit()

    bench.work()

    assert (bench.run().status, len(scripted.calls)) == ("failed", 1)


def test_core_fail_ends_the_run_with_its_words(bench: Bench) -> None:
    bench.publish(core("stop", "fail", {"message": "Too much: {{ payload.amount }}", "code": "too_much"}))
    bench.emit()

    bench.work()

    error = bench.run().error or {}
    assert (bench.run().status, error["code"], error["message"]) == ("failed", "too_much", "Too much: 150")


def test_an_answer_that_is_too_large_fails_the_step_and_says_so(bench: Bench, scripted: Any) -> None:
    by_step(scripted, a=lambda params, context: {"text": "x" * 1_048_577})
    bench.publish(step("a"))
    bench.emit()

    bench.work()

    assert (bench.run().error or {})["code"] == "output_too_large"
    assert len(scripted.calls) == 1


# -- doubt ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "status", "calls"), [(True, "succeeded", 1), (False, "succeeded", 2), (None, "held", 1)]
)
def test_a_probe_settles_doubt(bench: Bench, scripted: Any, answer: Any, status: str, calls: int) -> None:
    def lost(params: Any, context: Any) -> Any:
        if context["attempt"] == 1:
            raise ConnectorError("The reply was lost.", in_doubt=True)
        return {}

    by_step(scripted, pay=lost)
    scripted.probe = lambda self, action, params, context: answer
    try:
        bench.publish(step("pay", "write"))
        bench.emit()
        bench.work()
        bench.work()
    finally:
        del scripted.probe

    assert (bench.run().status, len(scripted.calls)) == (status, calls)


def test_past_the_window_in_which_keys_are_honoured_doubt_is_unknown(bench: Bench, scripted: Any) -> None:
    def lost(params: Any, context: Any) -> Any:
        raise ConnectorError("The reply was lost.", in_doubt=True)

    by_step(scripted, pay=lost)
    bench.publish(step("pay", "windowed"))
    bench.emit()
    bench.work()
    assert bench.run().status == "waiting"
    with tenant_scope(bench.ref):
        from automate.models import StepRun

        StepRun.objects.update(started_at=now() - timedelta(hours=2))
    bench.make_due()
    bench.work()

    error = bench.run().error or {}
    assert (bench.run().status, error["code"], error["details"]["cause"]) == (
        "held",
        "effect_unknown",
        "native_window_passed",
    )
    assert len(scripted.calls) == 1


# -- waiting -------------------------------------------------------------------------------------------------------


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


# -- children ------------------------------------------------------------------------------------------------------


def child_and_parent(bench: Bench, *, wait: bool = True, child: list[dict[str, Any]] | None = None) -> None:
    bench.publish(*(child or [step("work", params={"n": "{{ payload.n }}"})]), slug="child", rule={"==": [1, 2]})
    params = {"workflow": "child", "payload": {"n": "{{ payload.amount }}"}, "wait": wait}
    bench.publish(core("call", "run_workflow", params), step("after", params={"of": "{{ steps.call.output }}"}))


def test_a_parent_goes_on_with_what_its_child_gave(bench: Bench, scripted: Any) -> None:
    child_and_parent(bench)
    bench.emit({"amount": 7})

    bench.work()

    runs = {run.origin: run for run in bench.runs()}
    parent, child = runs["event"], runs["child"]
    assert (parent.status, child.status, child.hops, child.parent_run_id) == ("succeeded", "succeeded", 1, parent.id)
    assert child.id == ids.child_run_id(parent.id, "call", 0)
    given = {"run_id": str(child.id), "status": "succeeded", "outputs": {"work": {"n": 7}}}
    assert parent.outputs["after"] == {"of": given}
    assert child.deadline_at == parent.deadline_at or (child.deadline_at or now()) < (parent.deadline_at or now())


def test_a_child_that_fails_fails_the_step(bench: Bench, scripted: Any) -> None:
    by_step(scripted, work=refuse)
    child_and_parent(bench)
    bench.emit()

    bench.work()

    parent = next(run for run in bench.runs() if run.origin == "event")
    error = parent.error or {}
    assert (parent.status, error["code"], error["details"]["error"]["code"]) == ("failed", "child_failed", "refused")


def test_a_child_nobody_waits_for(bench: Bench, scripted: Any) -> None:
    child_and_parent(bench, wait=False)
    bench.emit()

    bench.work()

    assert [run.status for run in bench.runs()] == ["succeeded", "succeeded"]


def test_a_workflow_that_is_not_live_is_named(bench: Bench) -> None:
    bench.publish(core("call", "run_workflow", {"workflow": "nowhere"}))
    bench.emit()

    bench.work()

    assert (bench.run().error or {})["code"] == "workflow_not_live"


# -- cancel, deadline ----------------------------------------------------------------------------------------------


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


# -- runs that end outside a worker's hands ------------------------------------------------------------------------


def kill_workers_of(bench: Bench, origin: str) -> ExecutionRun:
    """Five workers stop over the run of this origin, as the reaper sees it."""
    run = next(run for run in bench.runs() if run.origin == origin)
    with tenant_scope(bench.ref):
        job = OutboxJob.objects.filter(kind="run", run_id=run.id)
        job.update(status="PENDING", available_at=now() - timedelta(days=1), attempts=4)
    with connection.cursor() as cursor:
        cursor.execute("SELECT public.automate_ring_v1(%s::bigint[])", [[bench.ref.id]])
        assert DispatchStore().claim_batch(limit=1, worker="dies", lease_seconds=30) is not None
        cursor.execute("UPDATE public.automate_tenants_dispatchlease SET lease_until = now() - interval '1 s'")
        cursor.execute("SELECT public.automate_reap_v2(100)")
    return run


def test_a_dead_child_answers_its_parent_and_is_heard(bench: Bench, scripted: Any) -> None:
    bench.publish(core("pause", "wait", {"seconds": 3600}), slug="child", rule={"==": [1, 2]})
    bench.publish(core("call", "run_workflow", {"workflow": "child"}))
    heard = {"type": "workflow", "workflow": "child", "on": ["failed"]}
    bench.publish(step("alarm"), slug="alarm", trigger=heard)
    bench.emit()
    bench.work()

    child = kill_workers_of(bench, "child")
    bench.work()

    by_origin = {run.version.workflow.slug: run for run in runs_with_workflows(bench)}
    assert {slug: run.status for slug, run in by_origin.items()} == {
        "child": "failed",
        "flow": "failed",
        "alarm": "succeeded",
    }
    assert by_origin["flow"].error["details"]["error"]["code"] == "worker_crashed"
    with tenant_scope(bench.ref):
        [event] = Event.objects.filter(type="workflow.failed")
        assert event.payload["run_id"] == str(child.id)
        assert event.trace_id == child.trace_id
        tick = OutboxJob.objects.get(subject_id=child.id)
        assert endings.tick(tick.id, now=now())  # a worker that stops after telling: told again, heard once
        assert Event.objects.filter(type="workflow.failed").count() == 1


def test_the_child_of_a_dead_run_is_stopped(bench: Bench, scripted: Any) -> None:
    bench.publish(core("pause", "wait", {"seconds": 3600}), slug="child", rule={"==": [1, 2]})
    bench.publish(core("call", "run_workflow", {"workflow": "child"}))
    bench.emit()
    bench.work()

    kill_workers_of(bench, "event")
    bench.work()

    assert {run.origin: run.status for run in bench.runs()} == {"event": "failed", "child": "cancelled"}
    assert wait_of(bench).status == "cancelled"


def runs_with_workflows(bench: Bench) -> list[ExecutionRun]:
    with tenant_scope(bench.ref):
        return list(ExecutionRun.objects.select_related("version__workflow"))
