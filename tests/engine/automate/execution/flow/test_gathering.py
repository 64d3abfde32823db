"""Debounce and batch: many events, one run, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from automate.execution.flow import buffers
from automate.ingest import hops
from automate.models import Event, EventBuffer, ExecutionRun, OutboxJob
from automate.runtime import emit_event
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.flow.conftest import FlowBench

pytestmark = pytest.mark.postgresql("queues")

QUIET = {"key": "{{ payload.document }}", "seconds": 30, "max_seconds": 90}


def test_of_a_burst_the_last_event_runs_once(bench: FlowBench, scripted: Any) -> None:
    bench.publish_flow(debounce=QUIET)
    bench.emit_all(*({"n": n, "document": "a"} for n in range(5)), {"n": 9, "document": "b"})
    bench.work(batch_size=2)

    assert bench.runs() == []
    assert [buffer.count for buffer in bench.buffers()] == [5, 1]
    assert {answer[:2] for answer in bench.answers()} == {("held", "debounced")}

    bench.buffers_due()
    bench.work()

    assert sorted(bench.payload_of(run)["n"] for run in bench.runs()) == [4, 9]
    assert bench.statuses() == ["succeeded"] * 2
    assert bench.buffers() == []
    of_a = next(run.id for run in bench.runs() if bench.payload_of(run)["n"] == 4)
    assert [answer for answer in bench.answers() if answer[2] == of_a] == [
        *[("skipped", "debounced_by_later", of_a)] * 4,
        ("started", "debounce_latest", of_a),
    ]


def test_each_event_moves_the_end_of_the_burst_up_to_a_limit(bench: FlowBench, scripted: Any) -> None:
    bench.publish_flow(debounce=QUIET)
    bench.emit({"n": 1, "document": "a"})
    bench.work()
    [before] = bench.buffers()
    with tenant_scope(bench.ref):  # as if the first event had come 80 s ago
        EventBuffer.objects.update(
            until_at=before.until_at - timedelta(seconds=80), due_at=before.due_at - timedelta(80)
        )
    bench.emit({"n": 2, "document": "a"})
    bench.work()

    [after] = bench.buffers()
    assert after.due_at == before.until_at - timedelta(seconds=80)


def test_a_tick_that_comes_before_the_end_of_the_burst_comes_again(bench: FlowBench, scripted: Any) -> None:
    bench.publish_flow(debounce=QUIET)
    bench.emit({"n": 1, "document": "a"})
    bench.work()

    bench.make_due()  # the tick of the first event; the buffer's own time has not come
    bench.work()

    assert bench.runs() == []
    [buffer] = bench.buffers()
    with tenant_scope(bench.ref):
        job = OutboxJob.objects.get(pk=buffer.tick_job_id)
    assert (job.status, job.available_at) == ("PENDING", buffer.due_at)


def test_so_many_events_make_one_run_and_every_decision_points_at_it(bench: FlowBench, scripted: Any) -> None:
    bench.publish_flow(batch={"size": 3, "seconds": 60})
    events = bench.emit_all(*({"n": n} for n in range(7)))

    bench.work(batch_size=10)

    runs = bench.runs()
    assert [[one["payload"]["n"] for one in bench.payload_of(run)["events"]] for run in runs] == [[0, 1, 2], [3, 4, 5]]
    answers = bench.answers()
    assert [run for _, _, run in answers[:7]] == [runs[0].id] * 3 + [runs[1].id] * 3 + [None]
    assert answers[6][:2] == ("held", "batched")
    assert answers[7:] == [("started", "batch", run.id) for run in runs]
    assert bench.payload_of(runs[0])["events"][0]["id"] == str(events[0])

    bench.buffers_due()
    bench.work()

    assert [one["payload"]["n"] for one in bench.payload_of(bench.runs()[2])["events"]] == [6]
    assert bench.buffers() == []


def test_workers_beside_each_other_lose_no_event_and_run_none_twice(
    bench: FlowBench, scripted: Any, eventually: Any
) -> None:
    bench.publish_flow(batch={"key": "{{ payload.k }}", "size": 4, "seconds": 1})
    stop = bench.start(count=3)
    try:
        bench.emit_all(*({"n": n, "k": n % 2} for n in range(50)))
        eventually(lambda: not bench.buffers() and len(seen(bench)) >= 50, seconds=40)
    finally:
        stop()

    assert sorted(seen(bench)) == list(range(50))


def test_a_tick_repeated_after_a_crash_makes_no_second_run(bench: FlowBench, scripted: Any) -> None:
    bench.publish_flow(batch={"size": 5, "seconds": 60})
    bench.emit_all({"n": 1}, {"n": 2})
    bench.work()
    [buffer] = bench.buffers()
    bench.buffers_due()

    with tenant_scope(bench.ref):
        done = [buffers.tick(buffer.tick_job_id, now=timezone.now()) for _ in range(2)]

    assert done == [True, False]
    assert len(bench.runs()) == 1


def test_a_tick_and_an_event_at_the_same_moment(bench: FlowBench, scripted: Any, at_once: Any) -> None:
    bench.publish_flow(batch={"size": 100, "seconds": 60})
    bench.emit_all(*({"n": n} for n in range(10)))
    bench.work()
    later = timezone.now() + timedelta(seconds=61)

    def tick() -> None:
        with tenant_scope(bench.ref):
            [buffer] = EventBuffer.objects.all()
            buffers.tick(buffer.tick_job_id, now=later)

    def more() -> None:
        bench.emit_all(*({"n": n} for n in range(10, 20)))
        bench.work(batch_size=2)

    at_once(tick, more)
    bench.buffers_due()
    bench.work()

    assert sorted(seen(bench)) == list(range(20))


def test_what_does_not_fit_into_one_run_goes_into_the_next(bench: FlowBench, scripted: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(buffers, "MAX_BYTES", 300)
    bench.publish_flow(batch={"size": 3, "seconds": 60})
    bench.emit_all(*({"n": n, "text": "x" * 200} for n in range(3)))
    bench.work()
    bench.buffers_due()
    bench.work()
    bench.buffers_due()
    bench.work()

    assert [len(bench.payload_of(run)["events"]) for run in bench.runs()] == [1, 1, 1]


def seen(bench: FlowBench) -> list[int]:
    """The numbers of all events in the payloads of all batch events."""
    with tenant_scope(bench.ref):
        batches = Event.objects.filter(type=buffers.EVENT_TYPE).values_list("payload", flat=True)
        return [one["payload"]["n"] for payload in batches for one in payload["events"]]


def test_a_buffer_whose_tick_died_makes_its_run_after_housekeeping(bench: FlowBench, scripted: Any) -> None:
    bench.publish_flow(batch={"size": 5, "seconds": 30})
    bench.emit_all({"n": 1}, {"n": 2})
    bench.work()
    with tenant_scope(bench.ref):
        OutboxJob.objects.filter(kind="tick").update(status="DEAD", attempts=5)

        assert buffers.repair() == 1
        assert buffers.repair() == 0
    bench.buffers_due()
    bench.work()

    [run] = bench.runs()
    assert run.origin == "batch"
    assert len(bench.payload_of(run)["events"]) == 2


def test_a_batch_is_as_deep_in_a_loop_as_its_deepest_event(bench: FlowBench, scripted: Any) -> None:
    bench.publish_flow(batch={"size": 2, "seconds": 30})
    bench.emit({"n": 1})
    trace = uuid4()
    with tenant_scope(bench.ref), hops.inside({"trace_id": trace.hex, "hops": 6}):
        emit_event("order.created", {"n": 2})
    bench.work()
    [before] = bench.runs()
    assert before.hops == 0  # a trace that no run here has is somebody else's

    with tenant_scope(bench.ref):
        ExecutionRun.objects.filter(pk=before.pk).update(trace_id=trace)
        for number in (3, 4):
            with hops.inside({"trace_id": trace.hex, "hops": 5 + number}):
                emit_event("order.created", {"n": number})
    bench.work()

    assert max(run.hops for run in bench.runs()) == 10
