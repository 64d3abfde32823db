"""Concurrency: so many runs of a key at once, whoever came first goes first, and no slot leaks."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.utils import timezone

from automate.models import ExecutionRun, OutboxJob, QueuePlace
from automate.services.runs import cancel_run
from automate.services.why_waits import why_waits
from automate_connectors.models import ConnectorError
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import step
from tests.engine.automate.execution.flow.conftest import FlowBench

pytestmark = pytest.mark.postgresql("queues")

ONE_EACH = {"key": "{{ payload.customer }}", "limit": 1}


def waits(params: dict[str, Any], context: dict[str, Any]) -> Any:
    """Fails so that the run waits for its retry, in its slot."""
    raise ConnectorError("later", retryable=True, retry_after=3600)


def test_a_run_too_many_is_queued_without_a_worker_and_goes_when_a_slot_is_free(
    bench: FlowBench, scripted: Any
) -> None:
    bench.publish_flow(concurrency=ONE_EACH)
    scripted.script = staticmethod(waits)
    bench.emit_all({"n": 1, "customer": "a"}, {"n": 2, "customer": "a"}, {"n": 3, "customer": "b"})
    bench.work()

    assert sorted(bench.statuses()) == ["queued", "waiting", "waiting"]
    assert bench.places() == [("slot", "a", True), ("slot", "a", False), ("slot", "b", True)]
    queued = next(run for run in bench.runs() if run.status == "queued")
    with tenant_scope(bench.ref):
        waits_for = why_waits(queued)
        job = OutboxJob.objects.get(run_id=queued.id)
    assert waits_for is not None
    assert (waits_for.kind, waits_for.key, waits_for.ahead, waits_for.limit) == ("slot", "a", 1, 1)
    assert (job.status, job.lease_id) == ("PENDING", None)  # it holds no worker, and no claim looks at it until …
    assert job.available_at == queued.deadline_at

    scripted.script = staticmethod(lambda params, context: params)
    bench.make_due()
    bench.work()

    assert bench.statuses() == ["succeeded"] * 3
    assert bench.places() == []
    assert bench.payload_of(queued) == {"n": 2, "customer": "a"}


def test_the_first_to_come_is_the_first_to_go(bench: FlowBench, numbers: list[int]) -> None:
    bench.publish_flow(concurrency={"limit": 1})
    bench.emit_all(*({"n": n} for n in range(12)))

    bench.work(batch_size=4)

    assert numbers == list(range(12))
    assert bench.statuses() == ["succeeded"] * 12


def test_two_workers_never_have_more_than_the_limit_in_hand(bench: FlowBench, scripted: Any, eventually: Any) -> None:
    lock, now, most = threading.Lock(), [0], [0]
    gate = threading.Semaphore(0)

    def count(params: dict[str, Any], context: dict[str, Any]) -> Any:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        gate.acquire(timeout=20)
        with lock:
            now[0] -= 1
        return params

    scripted.script = staticmethod(count)
    bench.publish_flow(concurrency={"limit": 3})
    bench.emit_all(*({"n": n} for n in range(15)))
    stop = bench.start(count=2)
    try:
        for done in range(15):
            eventually(lambda done=done: now[0] == min(3, 15 - done))
            gate.release()
        eventually(lambda: bench.statuses() == ["succeeded"] * 15)
    finally:
        stop()

    assert most[0] == 3
    assert bench.places() == []


def test_one_too_many_is_not_run_where_it_is_to_be_skipped(bench: FlowBench, scripted: Any) -> None:
    bench.publish_flow(concurrency={"limit": 1, "on_limit": "skip"})
    scripted.script = staticmethod(waits)
    bench.emit_all({"n": 1}, {"n": 2})
    bench.work()

    first, second = bench.runs()
    assert {first.status, second.status} == {"waiting", "cancelled"}
    skipped = first if first.status == "cancelled" else second
    assert skipped.error["code"] == "concurrency_limit"
    assert bench.places() == [("slot", "", True)]


def test_a_failed_and_a_cancelled_run_give_their_slots_back(bench: FlowBench, scripted: Any) -> None:
    def fail(params: dict[str, Any], context: dict[str, Any]) -> Any:
        raise ConnectorError("no")

    bench.publish_flow(concurrency={"limit": 1})
    scripted.script = staticmethod(waits)
    bench.emit_all({"n": 1}, {"n": 2}, {"n": 3})
    bench.work()
    scripted.script = staticmethod(fail)
    with tenant_scope(bench.ref):  # whoever ends a run, and however: the database frees its place
        holder = QueuePlace.objects.get(granted_at__isnull=False)
        ExecutionRun.objects.filter(pk=holder.run_id).update(status="cancelled")
    bench.ring()
    bench.work()

    assert sorted(bench.statuses()) == ["cancelled", "failed", "failed"]
    assert bench.places() == []


def test_a_run_that_queues_can_be_cancelled(bench: FlowBench, scripted: Any) -> None:
    bench.publish_flow(concurrency={"limit": 1})
    scripted.script = staticmethod(waits)
    bench.emit_all({"n": 1}, {"n": 2})
    bench.work()
    queued = next(run for run in bench.runs() if run.status == "queued")

    with tenant_scope(bench.ref):
        cancel_run(run_id=queued.id, actor="user:1", now=timezone.now())
    bench.work()

    assert sorted(bench.statuses()) == ["cancelled", "waiting"]
    assert bench.places() == [("slot", "", True)]  # the other's


def test_a_worker_that_dies_with_a_slot_does_not_take_it_along(bench: FlowBench, scripted: Any) -> None:
    def stop_here(params: dict[str, Any], context: dict[str, Any]) -> Any:
        raise SystemExit  # nothing more is written: as a kill leaves it

    bench.publish_flow(concurrency={"limit": 1})
    scripted.script = staticmethod(stop_here)
    bench.emit_all({"n": 1}, {"n": 2})
    try:
        bench.work()
    except SystemExit:
        pass
    assert ("slot", "", True) in bench.places()

    scripted.script = staticmethod(lambda params, context: params)
    bench.crash()
    bench.work()

    assert bench.statuses() == ["succeeded"] * 2
    assert bench.places() == []


def test_a_run_held_for_a_person_gives_its_slot_to_the_next(bench: FlowBench, scripted: Any) -> None:
    def doubtful(params: dict[str, Any], context: dict[str, Any]) -> Any:
        if params["n"] == 1:
            raise RuntimeError("who knows")
        return params

    scripted.script = staticmethod(doubtful)
    bench.publish_flow(step("a", "write", params={"n": "{{ payload.n }}"}), concurrency={"limit": 1})
    bench.emit_all({"n": 1}, {"n": 2})

    bench.work()

    assert bench.statuses() == ["held", "succeeded"]
    assert bench.places() == []


def test_an_event_without_what_the_key_reads_is_answered_for(bench: FlowBench, scripted: Any) -> None:
    bench.publish_flow(concurrency=ONE_EACH)
    bench.emit({"n": 1})

    bench.work()

    [(decision, reason)] = bench.decisions()
    assert decision == "skipped"
    assert reason.startswith("key_error: ")
    assert bench.runs() == []
