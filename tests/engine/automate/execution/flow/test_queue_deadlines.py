"""A run's deadline counts while it waits in a queue, too: it ends there, tidies up, and those behind it move up."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from automate.models import ExecutionRun, OutboxJob
from automate.services.halts import halt, resume
from automate_connectors.models import ConnectorError
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import step
from tests.engine.automate.execution.flow.conftest import FlowBench

pytestmark = pytest.mark.postgresql("queues")

BY_CUSTOMER = "{{ payload.customer }}"
ONE = {"key": BY_CUSTOMER, "limit": 1}
HELD = {"order": {"key": BY_CUSTOMER, "on_stuck": "park"}}


def first_waits(params: dict[str, Any], context: dict[str, Any]) -> Any:
    if params.get("n") == 1:
        raise ConnectorError("later", retryable=True, retry_after=3600)
    return params


def first_is_doubtful(params: dict[str, Any], context: dict[str, Any]) -> Any:
    if params.get("n") == 1:
        raise RuntimeError("may have happened")
    return params


def turn(bench: FlowBench, verb: Any) -> None:
    with tenant_scope(bench.ref):
        verb(actor="user:1", now=datetime.now(timezone.utc), workflow="flow")


def pass_deadline(bench: FlowBench, number: int) -> None:
    """Of the `number`-th run: it was made an hour ago, and so was its deadline."""
    run, past = bench.runs()[number - 1], datetime.now(timezone.utc) - timedelta(seconds=1)
    with tenant_scope(bench.ref):
        queued = OutboxJob.objects.filter(run_id=run.pk, available_at=run.deadline_at)
        assert queued.update(available_at=past) == 1
        ExecutionRun.objects.filter(pk=run.pk).update(deadline_at=past)
    bench.ring()


def codes(bench: FlowBench) -> list[tuple[str, str | None]]:
    return [(run.status, (run.error or {}).get("code")) for run in bench.runs()]


@pytest.mark.parametrize("queue", [{"concurrency": ONE}, {"order": {"key": BY_CUSTOMER}}], ids=["slot", "order"])
def test_a_run_in_a_queue_ends_at_its_deadline_and_runs_its_finally_steps(
    bench: FlowBench, scripted: Any, queue: dict[str, Any]
) -> None:
    scripted.script = staticmethod(first_waits)
    bench.publish_flow(step("a", params={"n": "{{ payload.n }}"}), **{"finally": [step("end")]}, **queue)
    bench.emit_all(*({"n": n, "customer": "a"} for n in (1, 2, 3)))
    bench.work()
    pass_deadline(bench, 2)
    bench.work()

    assert codes(bench) == [("waiting", None), ("failed", "deadline_exceeded"), ("queued", None)]
    late = bench.runs()[1]
    assert [(row.step_id, row.status) for row in bench.steps() if row.run_id == late.pk] == [("end", "succeeded")]
    assert [granted for _, _, granted in bench.places()] == [True, False]

    bench.make_due()  # the head goes on, and the next has its turn
    scripted.script = staticmethod(lambda params, context: params)
    bench.work()
    assert [run.status for run in bench.runs()] == ["succeeded", "failed", "succeeded"]
    assert bench.places() == []


def test_a_worker_whose_clock_is_behind_looks_again_and_does_not_end_it(bench: FlowBench, scripted: Any) -> None:
    scripted.script = staticmethod(first_waits)
    bench.publish_flow(step("a", params={"n": "{{ payload.n }}"}), concurrency=ONE)
    bench.emit_all(*({"n": n, "customer": "a"} for n in (1, 2)))
    bench.work()
    queued = bench.runs()[1]
    with tenant_scope(bench.ref):  # due by the database's clock alone
        OutboxJob.objects.filter(run_id=queued.pk).update(available_at=datetime.now(timezone.utc))
    bench.ring()
    bench.work()

    with tenant_scope(bench.ref):
        job = OutboxJob.objects.get(run_id=queued.pk)
    assert (bench.runs()[1].status, job.status, job.available_at) == ("queued", "PENDING", queued.deadline_at)


def test_a_run_that_was_parked_waits_for_a_person_and_for_no_deadline(bench: FlowBench, scripted: Any) -> None:
    scripted.script = staticmethod(first_waits)
    bench.publish_flow(step("a", "write", params={"n": "{{ payload.n }}"}), **HELD)
    bench.emit_all(*({"n": n, "customer": "a"} for n in (1, 2)))
    bench.work()
    assert codes(bench) == [("waiting", None), ("queued", None)]

    scripted.script = staticmethod(first_is_doubtful)
    bench.make_due()
    bench.work()
    parked = bench.runs()[1]
    with tenant_scope(bench.ref):
        job = OutboxJob.objects.get(run_id=parked.pk)

    assert (parked.status, parked.error["code"], job.status) == ("held", "order_parked", "COMPLETED")


def test_a_halted_run_ends_at_its_deadline_unless_something_is_left_to_do(bench: FlowBench, scripted: Any) -> None:
    bench.publish_flow(step("a"))
    turn(bench, halt)
    bench.emit_all({"n": 1}, {"n": 2})
    bench.work()
    pass_deadline(bench, 1)
    bench.work()

    assert codes(bench) == [("failed", "deadline_exceeded"), ("queued", None)]
    assert scripted.calls == []

    turn(bench, resume)
    bench.work()
    assert bench.statuses() == ["failed", "succeeded"]


def test_a_halted_run_tidies_up_when_it_is_let_go(bench: FlowBench, scripted: Any) -> None:
    bench.publish_flow(step("a"), **{"finally": [step("end")]})
    turn(bench, halt)
    bench.emit({"n": 1})
    bench.work()
    pass_deadline(bench, 1)
    bench.work()

    assert bench.statuses() == ["queued"]
    assert bench.jobs()[-1] == ("run", "COMPLETED")  # it waits for the switch alone
    assert scripted.calls == []

    turn(bench, resume)
    bench.work()
    assert codes(bench) == [("failed", "deadline_exceeded")]
    assert [step_id for step_id, _, _ in scripted.calls] == ["end"]
