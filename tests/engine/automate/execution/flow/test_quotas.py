"""Policy's `runs_daily` and `runs_monthly`: never more begin, none is lost, each is counted once."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest

from automate.execution.flow import quotas
from automate.execution.flow.quotas import Ask, Cap
from automate.housekeeping import keep_house
from automate.models import AuditLogEntry, ExecutionRun, OutboxJob, RunCount
from automate.policy import blocked_since, save_policy, stored_policy
from automate.retention import Retention
from automate.services.runs import cancel_run
from automate.services.why_waits import why_waits
from automate_llm import host
from automate_llm.budgets.periods import reset_at
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.flow.conftest import FlowBench

TODAY = datetime.now(timezone.utc)


def set_policy(bench: FlowBench, **document: Any) -> None:
    with tenant_scope(bench.ref):
        save_policy(document=document, expected_revision=stored_policy().revision, actor="user:1", now=TODAY)


def used(bench: FlowBench, scope: str = "", rule: str = "runs_daily") -> int:
    with tenant_scope(bench.ref):
        return quotas.used(scope, rule, now=datetime.now(timezone.utc))


def next_day(bench: FlowBench) -> None:
    """What was counted was counted yesterday, and midnight has come."""
    with tenant_scope(bench.ref):
        RunCount.objects.update(period="2001-01-01")
    bench.make_due()


def test_what_is_above_the_days_number_begins_the_next_day(bench: FlowBench, numbers: list[int]) -> None:
    bench.publish_flow()
    set_policy(bench, runs_daily=2)
    bench.emit_all(*({"n": n} for n in range(3)))

    bench.work()

    assert sorted(numbers) == [0, 1]
    assert bench.statuses() == ["succeeded", "succeeded", "queued"]
    assert (used(bench), bench.places()) == (2, [("quota", "", False)])
    waiting = bench.runs()[2]
    with tenant_scope(bench.ref):
        due = OutboxJob.objects.get(run_id=waiting.pk).available_at
        (row,) = blocked_since(TODAY - timedelta(hours=1))
        reason = why_waits(ExecutionRun.objects.get(pk=waiting.pk))
        midnight = reset_at(datetime.now(timezone.utc), host.current().time_zone())
    assert abs(due - midnight) < timedelta(seconds=30)
    assert (row.rule, row.layer, row.subject, row.outcome) == ("runs_daily", "tenant", "runs", "waited")
    assert reason is not None and "no more runs begin" in reason.sentence

    next_day(bench)
    bench.work()
    assert numbers[2:] == [2]
    assert (bench.statuses(), bench.places()) == (["succeeded"] * 3, [])


def test_a_higher_number_lets_those_that_wait_go_on_at_once(bench: FlowBench, numbers: list[int]) -> None:
    bench.publish_flow()
    set_policy(bench, runs_monthly=0)
    bench.emit_all({"n": 1}, {"n": 2})
    bench.work()
    assert (numbers, bench.statuses()) == ([], ["queued", "queued"])

    set_policy(bench, runs_monthly=1)
    bench.work()

    assert numbers == [1]
    assert used(bench, rule="runs_monthly") == 1


def test_a_workflow_counts_its_own_and_the_strictest_layer_wins(bench: FlowBench, numbers: list[int]) -> None:
    own = bench.publish_flow(policy={"runs_daily": 1})
    bench.publish_flow(slug="other")
    set_policy(bench, runs_daily=3)
    bench.emit_all({"n": 1}, {"n": 2})  # two runs each

    bench.work()

    with tenant_scope(bench.ref):
        began = ExecutionRun.objects.exclude(started_at=None)
        assert began.filter(workflow_id=own).count() == 1
        assert began.exclude(workflow_id=own).count() == 2
    assert (used(bench, str(own)), used(bench)) == (1, 3)


@pytest.mark.postgresql("queues")
@pytest.mark.postgresql("places in queues")
def test_a_run_that_queues_for_a_slot_is_counted_once(bench: FlowBench, numbers: list[int]) -> None:
    bench.publish_flow(concurrency={"limit": 1})
    set_policy(bench, runs_daily=3)
    bench.emit_all(*({"n": n} for n in range(3)))

    bench.work(batch_size=2)

    assert (sorted(numbers), used(bench)) == ([0, 1, 2], 3)
    assert bench.places() == []


def test_a_run_that_waits_for_the_next_day_can_be_cancelled(bench: FlowBench, numbers: list[int]) -> None:
    bench.publish_flow()
    set_policy(bench, runs_daily=0)
    bench.emit({"n": 1})
    bench.work()
    with tenant_scope(bench.ref):
        cancel_run(run_id=bench.run().pk, actor="user:1", now=datetime.now(timezone.utc))

    bench.work()

    assert (bench.run().status, numbers, used(bench)) == ("cancelled", [], 0)


def test_a_halted_workflows_runs_are_counted_when_they_begin(bench: FlowBench, numbers: list[int]) -> None:
    from automate.services import halts

    bench.publish_flow()
    set_policy(bench, runs_daily=5)
    with tenant_scope(bench.ref):
        halts.halt(actor="user:1", now=TODAY, reason="", workflow="flow")
    bench.emit({"n": 1})
    bench.work()
    assert used(bench) == 0

    with tenant_scope(bench.ref):
        halts.resume(actor="user:1", now=TODAY, workflow="flow")
    bench.work()

    assert (numbers, used(bench)) == ([1], 1)


def test_each_threshold_is_told_once(bench: FlowBench, numbers: list[int]) -> None:
    bench.publish_flow()
    set_policy(bench, runs_daily=4)
    for n in range(6):
        bench.emit({"n": n})
        bench.work()

    with tenant_scope(bench.ref):
        told = AuditLogEntry.objects.filter(action="runs.alert").order_by("id").values_list("details", flat=True)
        assert [(details["percent"], details["used"]) for details in told] == [(50, 2), (100, 4)]


def test_counters_of_long_ago_are_dropped(bench: FlowBench) -> None:
    with tenant_scope(bench.ref):
        for period in ("2025-01-01", "2025-01", "2026-11-20", "2026-11"):
            RunCount.objects.create(scope="", period=period, used=1)

        keep_house(now=datetime(2026, 11, 22, tzinfo=timezone.utc), retention=Retention())

        assert set(RunCount.objects.values_list("period", flat=True)) == {"2026-11-20", "2026-11"}


@pytest.mark.django_db(transaction=True)
def test_no_more_begin_however_many_ask_at_once(bench: FlowBench, at_once: Any) -> None:
    workflow, now = uuid4(), datetime.now(timezone.utc)
    caps = (Cap("", "runs_daily", 25, "tenant"), Cap(str(workflow), "runs_monthly", 30, "workflow"))

    def ten() -> dict[UUID, Any]:
        asks = [Ask(uuid4(), workflow, place, caps) for place in range(10)]
        with tenant_scope(bench.ref):
            return quotas.begin(asks, now=now)

    refused = at_once(*[ten] * 8)

    assert sum(map(len, refused)) == 55
    assert (used(bench), used(bench, str(workflow), "runs_monthly")) == (25, 25)
