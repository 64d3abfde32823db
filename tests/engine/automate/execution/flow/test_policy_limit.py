"""Policy's `max_concurrent_runs`: of the workspace and of a workflow, in order, and no place leaks."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from automate.execution.flow import places
from automate.models import ExecutionRun, QueuePlace
from automate.policy import blocked_since, save_policy, stored_policy
from automate.services.why_waits import why_waits
from automate_connectors.models import ConnectorError
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.flow.conftest import FlowBench
from tests.engine.automate.execution.flow.hands import Counted

pytestmark = pytest.mark.postgresql("queues")


def set_limit(bench: FlowBench, limit: int | None) -> None:
    with tenant_scope(bench.ref):
        save_policy(
            document={} if limit is None else {"max_concurrent_runs": limit},
            expected_revision=stored_policy().revision,
            actor="user:1",
            now=datetime.now(timezone.utc),
        )


def test_a_workspace_never_has_more_runs_in_hand_than_its_policy_says(
    bench: FlowBench, scripted: Any, eventually: Any
) -> None:
    counted = Counted(scripted)
    bench.publish_flow()
    bench.publish_flow(slug="other")
    set_limit(bench, 2)
    bench.emit_all(*({"n": n} for n in range(4)))  # two runs each
    stop = bench.start(count=2)
    try:
        for done in range(8):
            eventually(lambda done=done: counted.now == min(2, 8 - done))
            counted.let_one_go()
        eventually(lambda: bench.statuses() == ["succeeded"] * 8)
    finally:
        counted.open()
        stop()

    assert counted.most == 2
    assert bench.places() == []
    with tenant_scope(bench.ref):
        (row,) = blocked_since(datetime.now(timezone.utc) - timedelta(hours=1))
    assert (row.rule, row.layer, row.subject, row.outcome) == ("max_concurrent_runs", "tenant", "runs", "waited")


def test_a_workflow_limits_its_own_runs_and_the_first_to_come_goes_first(bench: FlowBench, numbers: list[int]) -> None:
    bench.publish_flow(policy={"max_concurrent_runs": 1})
    bench.emit_all(*({"n": n} for n in range(6)))

    bench.work(batch_size=4)

    assert numbers == list(range(6))
    assert bench.statuses() == ["succeeded"] * 6
    assert bench.places() == []


def test_a_run_that_waits_has_no_place_and_asks_again_when_it_goes_on(bench: FlowBench, scripted: Any) -> None:
    def later(params: dict[str, Any], context: dict[str, Any]) -> Any:
        raise ConnectorError("later", retryable=True, retry_after=3600)

    bench.publish_flow()
    set_limit(bench, 1)
    scripted.script = staticmethod(later)
    bench.emit_all({"n": 1}, {"n": 2})
    bench.work()
    assert bench.statuses() == ["waiting", "waiting"]
    assert bench.places() == []

    scripted.script = staticmethod(lambda params, context: params)
    bench.make_due()
    bench.work()
    assert bench.statuses() == ["succeeded", "succeeded"]
    assert bench.places() == []


def test_the_place_of_a_run_that_is_gone_is_swept_and_the_next_goes_on(bench: FlowBench, numbers: list[int]) -> None:
    bench.publish_flow()
    set_limit(bench, 1)
    _leak(bench)
    bench.emit({"n": 2})
    bench.work()
    [run] = bench.runs()
    with tenant_scope(bench.ref):
        waits_for = why_waits(run)
        assert waits_for is not None
        assert waits_for.sentence.startswith("Policy lets the workspace have 1 runs at a time")
        assert places.sweep(now=datetime.now(timezone.utc)) == 0  # it may be of a run that is being written
        assert places.sweep(now=datetime.now(timezone.utc) + places.SETTLED * 2) == 1

    bench.ring()
    bench.work()

    assert (numbers, bench.statuses(), bench.places()) == ([2], ["succeeded"], [])


def test_a_limit_that_is_lifted_lets_those_go_that_wait(bench: FlowBench, numbers: list[int]) -> None:
    bench.publish_flow()
    set_limit(bench, 1)
    _leak(bench)
    bench.emit_all({"n": 1}, {"n": 2})
    bench.work()
    assert sorted(bench.statuses()) == ["queued", "queued"]

    set_limit(bench, None)
    bench.ring()
    bench.work()

    assert sorted(numbers) == [1, 2]
    assert bench.statuses() == ["succeeded"] * 2


def _leak(bench: FlowBench) -> None:
    """A granted place of a run that nobody knows."""
    with tenant_scope(bench.ref):
        now = datetime.now(timezone.utc)
        assert not ExecutionRun.objects.exists()
        QueuePlace.objects.create(
            run_id="00000000-0000-7000-8000-000000000001", kind="all", key="workspace:",
            workflow_id="00000000-0000-7000-8000-000000000002", place=0, cap=1, asked_at=now, granted_at=now,
        )  # fmt: skip
