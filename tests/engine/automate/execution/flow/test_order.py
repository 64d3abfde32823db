"""Order: runs of a key one after the other, keys beside each other, a stuck head stops its own key only."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from typing import Any

import pytest

from automate.models import OutboxJob
from automate_connectors.models import ConnectorError
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import step
from tests.engine.automate.execution.flow.conftest import FlowBench

pytestmark = pytest.mark.postgresql("queues")

BY_CUSTOMER = "{{ payload.customer }}"


def doubtful_first(params: dict[str, Any], context: dict[str, Any]) -> Any:
    if params["n"] == 1:
        raise RuntimeError("may have happened")
    return params


def writes() -> dict[str, Any]:
    return step("a", "write", params={"n": "{{ payload.n }}", "customer": BY_CUSTOMER})


def test_runs_of_a_key_go_in_the_order_of_their_events_under_three_workers(
    bench: FlowBench, scripted: Any, eventually: Any
) -> None:
    lock, seen, inside = threading.Lock(), defaultdict(list), defaultdict(int)
    overlaps: list[str] = []

    def note(params: dict[str, Any], context: dict[str, Any]) -> Any:
        with lock:
            inside[params["customer"]] += 1
            if inside[params["customer"]] > 1:
                overlaps.append(params["customer"])
            seen[params["customer"]].append(params["n"])
        threading.Event().wait(random.uniform(0, 0.01))
        with lock:
            inside[params["customer"]] -= 1
        return params

    scripted.script = staticmethod(note)
    bench.publish_flow(writes(), order={"key": BY_CUSTOMER})
    stop = bench.start(count=3)
    try:
        bench.emit_all(*({"n": n, "customer": "abc"[n % 3]} for n in range(45)))
        eventually(lambda: len(bench.statuses()) == 45 and set(bench.statuses()) == {"succeeded"}, seconds=40)
    finally:
        stop()

    assert overlaps == []
    assert {key: numbers == sorted(numbers) for key, numbers in seen.items()} == {"a": True, "b": True, "c": True}
    assert bench.places() == []


def test_a_retry_in_front_keeps_its_key_waiting_and_no_other(bench: FlowBench, scripted: Any) -> None:
    def later(params: dict[str, Any], context: dict[str, Any]) -> Any:
        if params["n"] == 1:
            raise ConnectorError("later", retryable=True, retry_after=3600)
        return params

    scripted.script = staticmethod(later)
    bench.publish_flow(writes(), order={"key": BY_CUSTOMER})
    bench.emit_all({"n": 1, "customer": "a"}, {"n": 2, "customer": "a"}, {"n": 3, "customer": "b"})
    bench.work()

    assert bench.statuses() == ["waiting", "queued", "succeeded"]

    scripted.script = staticmethod(lambda params, context: params)
    bench.make_due()
    bench.work()

    assert bench.statuses() == ["succeeded"] * 3


def test_an_earlier_event_still_to_be_matched_is_waited_for(bench: FlowBench, numbers: list[int]) -> None:
    bench.publish_flow(writes(), order={"key": BY_CUSTOMER})
    first, _ = bench.emit_all({"n": 1, "customer": "a"}, {"n": 2, "customer": "a"})
    with tenant_scope(bench.ref):
        mine = OutboxJob.objects.filter(event_id=first)
        mine.update(status="CLAIMED", lease_id=1, lease_expires_at="2100-01-01T00:00:00Z")  # another worker's
    bench.work()

    assert bench.statuses() == ["queued"]

    with tenant_scope(bench.ref):
        mine.update(status="PENDING", lease_id=None, lease_expires_at=None)
    bench.make_due()
    bench.work()
    bench.make_due()
    bench.work()

    assert bench.statuses() == ["succeeded"] * 2
    assert numbers == [1, 2]


@pytest.mark.parametrize(
    ("on_stuck", "expected"),
    [("wait", ["held", "queued", "queued"]), ("skip", ["held", "succeeded", "succeeded"]), ("park", ["held"] * 3)],
)
def test_a_held_head(bench: FlowBench, scripted: Any, on_stuck: str, expected: list[str]) -> None:
    scripted.script = staticmethod(doubtful_first)
    bench.publish_flow(writes(), order={"key": BY_CUSTOMER, "on_stuck": on_stuck})
    bench.emit_all(*({"n": n, "customer": "a"} for n in (1, 2, 3)), {"n": 4, "customer": "b"})

    bench.work()

    *of_a, of_b = bench.runs()
    assert [run.status for run in of_a] == expected
    assert of_b.status == "succeeded"
    if on_stuck == "park":
        assert {run.error["code"] for run in of_a[1:]} == {"order_parked"}


def test_a_run_that_comes_to_a_parked_key_later_is_held_too(bench: FlowBench, scripted: Any) -> None:
    scripted.script = staticmethod(doubtful_first)
    bench.publish_flow(writes(), order={"key": BY_CUSTOMER, "on_stuck": "park"})
    bench.emit({"n": 1, "customer": "a"})
    bench.work()
    bench.emit({"n": 2, "customer": "a"})

    bench.work()

    assert bench.statuses() == ["held", "held"]


def test_order_and_concurrency_together(bench: FlowBench, numbers: list[int]) -> None:
    bench.publish_flow(writes(), order={"key": BY_CUSTOMER}, concurrency={"limit": 1})
    bench.emit_all(*({"n": n, "customer": "ab"[n % 2]} for n in range(8)))

    bench.work(batch_size=3)

    assert bench.statuses() == ["succeeded"] * 8
    assert [n for n in numbers if n % 2] == [1, 3, 5, 7]
    assert [n for n in numbers if not n % 2] == [0, 2, 4, 6]
    assert bench.places() == []
