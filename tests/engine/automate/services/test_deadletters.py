"""The dead-letter queue: what is in it, redriving it, a person's word on what is in doubt."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from automate.models import AuditLogEntry, ExecutionRun, MatchDecision, OutboxJob
from automate.services import deadletters
from automate.services.deadletters import Filter
from automate_connectors.models import ConnectorError
from automate_governance.errors import Conflict, Invalid
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, bench, scripted, step

__all__ = ["bench", "scripted"]
ONCE = {"attempts": 1}


def now() -> datetime:
    return datetime.now(timezone.utc)


class Door:
    """A receiver that is closed until it is opened."""

    def __init__(self, scripted: Any):
        self.is_open = False
        scripted.script = staticmethod(self.answer)

    def answer(self, params: dict[str, Any], context: dict[str, Any]) -> Any:
        if not self.is_open:
            raise ConnectorError("Closed.", code=params.get("code", "closed"))
        return params


@pytest.fixture
def door(bench: Bench, scripted: Any) -> Door:
    door = Door(scripted)
    bench.publish(step("a"), step("send", "keyed", params={"code": "{{ payload.code }}"}, retry=ONCE))
    scripted.script = staticmethod(lambda p, c: {} if c["step_id"] == "a" else door.answer(p, c))
    for code in ("closed", "closed", "broken"):
        bench.emit({"code": code})
    bench.work()
    return door


def test_failed_runs_are_in_it_and_grouped_by_what_failed(bench: Bench, door: Door) -> None:
    with tenant_scope(bench.ref):
        assert deadletters.dead_runs().count() == 3
        assert deadletters.dead_runs(Filter(code="broken", step_id="send")).count() == 1
        groups = deadletters.groups()
    assert [group.count for group in groups] == [2, 1]
    assert len({group.fingerprint for group in groups}) == 2


def test_redriving_by_filter_leaves_the_others_and_is_safe_to_repeat(bench: Bench, door: Door) -> None:
    door.is_open = True
    with tenant_scope(bench.ref):
        told = deadletters.preview(Filter(code="closed"))
        done = deadletters.redrive(Filter(code="closed"), actor="user:1", now=now())
        again = deadletters.redrive(Filter(code="closed"), actor="user:1", now=now())
    bench.work()

    assert [(plan.from_step, plan.kept) for plan in told if isinstance(plan, deadletters.RetryPlan)] == [
        ("send", ("a",)), ("send", ("a",)),
    ]  # fmt: skip
    assert (len(done.started), done.skipped, again.started) == (2, [], [])
    runs = {run.id: run for run in bench.runs()}
    assert {runs[made].status for _, made in done.started} == {"succeeded"}
    assert {runs[made].origin for _, made in done.started} == {"redrive"}
    with tenant_scope(bench.ref):
        [left] = deadletters.dead_runs()
        assert left.error["code"] == "broken"
        assert AuditLogEntry.objects.filter(action="run.redrive").count() == 2


def test_a_rate_spreads_them(bench: Bench, door: Door) -> None:
    with tenant_scope(bench.ref):
        at = now()
        done = deadletters.redrive(Filter(), actor="user:1", now=at, rate=0.5)
        made = [run for _, run in done.started]
        due = OutboxJob.objects.filter(run_id__in=made).order_by("available_at").values_list("available_at", flat=True)
        assert [each - due[0] for each in due] == [timedelta(seconds=seconds) for seconds in (0, 2, 4)]
        assert at <= due[0] <= now()
        with pytest.raises(Invalid, match="rate"):
            deadletters.redrive(Filter(), actor="user:1", now=at, rate=0)


def test_dismissed_failures_leave_and_come_back(bench: Bench, door: Door) -> None:
    with tenant_scope(bench.ref):
        ids = list(deadletters.dead_runs().values_list("id", flat=True))
        assert deadletters.dismiss(ids[:2], actor="user:1", now=now()) == 2
        assert deadletters.dismiss(ids[:2], actor="user:1", now=now()) == 0
        assert deadletters.dead_runs().count() == 1
        assert deadletters.dismiss(ids[:1], actor="user:1", now=now(), undo=True) == 1
        assert deadletters.dead_runs().count() == 2


def test_an_event_that_killed_its_workers_is_matched_again_on_demand(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a"))
    event = bench.emit()
    with tenant_scope(bench.ref):
        OutboxJob.objects.update(status="DEAD")
        MatchDecision.objects.create(
            event_id=event, decision="held", reason="worker_crashed", decided_at=now(), trace_id=event
        )
        assert [job.event_id for job in deadletters.dead_event_jobs()] == [event]
        assert deadletters.redrive_events([event], actor="user:1", now=now()) == 1
        assert deadletters.redrive_events([event], actor="user:1", now=now()) == 0
    bench.make_due()
    bench.work()

    assert bench.run().status == "succeeded"


@pytest.fixture
def doubtful(bench: Bench, scripted: Any) -> ExecutionRun:
    """A write whose answer was lost: nobody knows whether it happened."""

    def lose(params: dict[str, Any], context: dict[str, Any]) -> Any:
        if context["step_id"] == "pay" and context["attempt"] == 1:
            raise ConnectorError("The answer was lost.", in_doubt=True)
        return params

    scripted.script = staticmethod(lose)
    bench.publish(step("pay", "write"), step("then", params={"paid": "{{ steps.pay.output }}"}))
    bench.emit()
    bench.work()
    run = bench.run()
    assert run.status == "held"
    return run


def test_what_did_happen_counts_and_the_run_goes_on(bench: Bench, scripted: Any, doubtful: ExecutionRun) -> None:
    with tenant_scope(bench.ref):
        assert [run.id for run in deadletters.dead_runs()] == [doubtful.id]
        deadletters.settle(
            run_id=doubtful.id, step_id="pay", verdict="happened", output={"id": "p1"}, actor="user:1", now=now()
        )
    bench.work()

    assert (bench.run().status, bench.run().outputs["then"]) == ("succeeded", {"paid": {"id": "p1"}})
    assert [name for name, _, _ in scripted.calls] == ["pay", "then"]


def test_what_did_not_happen_is_tried_again_with_the_same_key(
    bench: Bench, scripted: Any, doubtful: ExecutionRun
) -> None:
    with tenant_scope(bench.ref):
        deadletters.settle(run_id=doubtful.id, step_id="pay", verdict="did_not_happen", actor="user:1", now=now())
    bench.work()

    assert bench.run().status == "succeeded"
    assert [(name, attempt) for name, _, attempt in scripted.calls] == [("pay", 1), ("pay", 2), ("then", 1)]
    assert len({key for name, key, _ in scripted.calls if name == "pay"}) == 1


def test_only_what_is_in_doubt_can_be_settled(bench: Bench, doubtful: ExecutionRun) -> None:
    with tenant_scope(bench.ref):
        with pytest.raises(Conflict, match="in doubt"):
            deadletters.settle(run_id=doubtful.id, step_id="then", verdict="happened", actor="user:1", now=now())
        ExecutionRun.objects.filter(pk=doubtful.id).update(status="failed")
        with pytest.raises(Conflict, match="not held"):
            deadletters.settle(run_id=doubtful.id, step_id="pay", verdict="happened", actor="user:1", now=now())
