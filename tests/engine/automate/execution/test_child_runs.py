"""Runs that start others, and what becomes of both when one ends badly."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from automate import ids
from automate.execution import endings
from automate.models import Event, ExecutionRun, OutboxJob
from automate_tenants.context import tenant_scope
from automate_tenants.dispatch.store import DispatchStore
from tests.engine.automate.execution.conftest import Bench, step
from tests.engine.automate.execution.graphs import by_step, core, now, refuse, wait_of
from tests.support import dispatch


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


def kill_workers_of(bench: Bench, origin: str) -> ExecutionRun:
    """Five workers stop over the run of this origin, as the reaper sees it."""
    run = next(run for run in bench.runs() if run.origin == origin)
    with tenant_scope(bench.ref):
        job = OutboxJob.objects.filter(kind="run", run_id=run.id)
        job.update(status="PENDING", available_at=now() - timedelta(days=1), attempts=4)
    dispatch.ring(bench.ref)
    assert DispatchStore().claim_batch(limit=1, worker="dies", lease_seconds=30) is not None
    dispatch.end_leases()
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
