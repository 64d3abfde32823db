"""Schedules over PostgreSQL, with the time passed in: what fires, what does not, and what is written about it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from automate.models import AuditLogEntry, OutboxJob
from automate.triggers import schedules
from automate_governance.errors import Conflict
from automate_tenants.context import tenant_scope
from tests.engine.automate.triggers.conftest import Bench

HOURLY = {"type": "schedule", "cron": "0 * * * *"}


def at(hour: int, minute: int = 0, *, day: int = 1) -> datetime:
    return datetime(2026, 5, day, hour, minute, tzinfo=timezone.utc)


def test_publishing_a_schedule_arms_one_tick_job_at_its_first_due_time(bench: Bench) -> None:
    bench.publish(HOURLY)

    assert bench.schedule().next_at == at(13)
    assert bench.pending_ticks() == [at(13)]
    assert bench.history() == []


def test_a_tick_fires_an_event_with_its_times_and_payload_and_arms_the_next(bench: Bench) -> None:
    bench.publish({**HOURLY, "payload": {"report": "daily"}})

    assert bench.tick(at(13) + timedelta(seconds=2))

    (event,) = bench.events()
    assert (event.type, event.source) == ("schedule.tick", "schedule:flow")
    assert event.payload == {
        "report": "daily",
        "scheduled_for": "2026-05-01T13:00:00+00:00",
        "fired_at": "2026-05-01T13:00:02+00:00",
    }
    assert bench.history() == [("01 13:00", "fired")]
    assert at(14) in bench.pending_ticks()


def test_an_old_tick_job_does_nothing_so_no_due_time_fires_twice(bench: Bench) -> None:
    bench.publish(HOURLY)
    job = bench.schedule().tick_job_id

    assert bench.tick(at(13), job_id=job)
    assert not bench.tick(at(13), job_id=job)
    assert not bench.tick(at(14), job_id=job)

    assert bench.history() == [("01 13:00", "fired")]


def test_two_workers_at_the_same_moment_fire_one_event(bench: Bench, at_once: Any) -> None:
    bench.publish(HOURLY)
    job = bench.schedule().tick_job_id

    answers = at_once(*[lambda: bench.tick(at(13), job_id=job)] * 2)

    assert sorted(answers) == [False, True]
    assert bench.history() == [("01 13:00", "fired")]
    assert len(bench.events()) == 1


def test_a_clock_that_goes_back_an_hour_repeats_nothing_and_one_put_forward_misses_nothing(bench: Bench) -> None:
    bench.publish({**HOURLY, "catch_up": "all"})
    bench.tick(at(13))

    bench.tick(at(12, 30))  # back: nothing is due, and 13:00 stays done
    assert bench.schedule().next_at == at(14)
    bench.tick(at(13))
    assert bench.history() == [("01 13:00", "fired")]

    bench.tick(at(15))  # forward: 14:00 was passed over
    assert bench.history() == [("01 13:00", "fired"), ("01 14:00", "caught_up"), ("01 15:00", "fired")]
    bench.tick(at(14))
    assert len(bench.history()) == 3


@pytest.mark.parametrize(
    ("catch_up", "outcomes", "events"),
    [
        ("skip", {"skipped": 24}, 0),
        ("once", {"skipped": 23, "caught_up": 1}, 1),
        ("all", {"caught_up": 24}, 24),
    ],
)
def test_a_day_without_a_worker_follows_the_policy_and_is_recorded(
    bench: Bench, catch_up: str, outcomes: dict[str, int], events: int
) -> None:
    bench.publish({**HOURLY, "catch_up": catch_up})

    bench.tick(at(12, 30, day=2))

    found = [outcome for _, outcome in bench.history()]
    assert {outcome: found.count(outcome) for outcome in set(found)} == outcomes
    assert all(tick.reason for tick in bench.ticks())
    assert len(bench.events()) == events
    assert bench.schedule().next_at == at(13, day=2)


def test_all_is_bounded_and_the_rest_is_one_row(bench: Bench) -> None:
    bench.publish({"type": "schedule", "cron": "* * * * *", "catch_up": "all"})

    bench.tick(at(16))

    ticks = bench.ticks()
    assert len(bench.events()) == 100
    assert len(ticks) == 101
    assert (ticks[0].outcome, ticks[0].count) == ("skipped", 140)
    assert (ticks[0].due_at, ticks[0].until_at) == (at(12, 1), at(14, 20))
    assert ticks[-1].outcome == "fired"


def test_overlap_skip_looks_at_unfinished_runs(bench: Bench) -> None:
    workflow = bench.publish({**HOURLY, "overlap": "skip"})
    run = bench.live_run(workflow)

    bench.tick(at(13))
    assert bench.history() == [("01 13:00", "skipped")]
    assert str(run.pk) in bench.ticks()[0].reason

    bench.end(run)
    bench.tick(at(14))
    assert bench.history()[-1] == ("01 14:00", "fired")

    bench.tick(at(15))  # the tick of 14:00 waits to be matched: it goes on, though it has no run yet
    assert bench.history()[-1] == ("01 15:00", "skipped")


def test_overlap_queue_waits_for_the_run_and_fires_one_after_the_other(bench: Bench) -> None:
    workflow = bench.publish({**HOURLY, "overlap": "queue"})
    run = bench.live_run(workflow)
    bench.tick(at(13))
    bench.tick(at(14))
    assert bench.history() == [("01 13:00", "queued"), ("01 14:00", "queued")]
    assert bench.pending_ticks() == [at(14) + schedules.QUEUE_POLL]

    bench.end(run)
    bench.tick(at(14, 1))
    assert bench.history() == [("01 13:00", "fired"), ("01 14:00", "queued")]
    bench.tick(at(14, 2))
    assert bench.history() == [("01 13:00", "fired"), ("01 14:00", "queued")]  # the first one is not matched yet

    bench.matched()
    bench.tick(at(14, 3))
    assert bench.history() == [("01 13:00", "fired"), ("01 14:00", "fired")]
    assert [event.payload["scheduled_for"][:16] for event in bench.events()] == ["2026-05-01T13:00", "2026-05-01T14:00"]


def test_a_new_cron_counts_from_now_and_the_old_tick_job_is_dead(bench: Bench) -> None:
    bench.publish(HOURLY)
    old = bench.schedule().tick_job_id

    bench.publish({"type": "schedule", "cron": "*/10 * * * *"}, now=at(14, 5))

    assert bench.events() == []
    assert bench.schedule().next_at == at(14, 10)
    assert bench.pending_ticks() == [at(14, 10)]
    assert not bench.tick(at(14, 6), job_id=old)
    bench.tick(at(14, 10))
    assert bench.history() == [("01 14:10", "fired")]


def test_a_new_version_with_the_same_trigger_leaves_the_schedule_alone(bench: Bench) -> None:
    bench.publish(HOURLY)
    before = bench.schedule()

    bench.publish(
        HOURLY, now=at(14, 5), step={"id": "other", "connector": "core", "action": "log", "params": {"message": "x"}}
    )

    assert bench.schedule().tick_job_id == before.tick_job_id
    assert bench.schedule().base_at == before.base_at


def test_disabling_stops_it_and_enabling_starts_anew(bench: Bench) -> None:
    workflow = bench.publish(HOURLY)
    bench.enable(workflow, False, now=at(12, 30))
    assert bench.pending_ticks() == []
    assert bench.schedule().next_at is None

    bench.enable(workflow, True, now=at(18, 30))

    assert bench.pending_ticks() == [at(19)]
    assert bench.history() == []


def test_another_trigger_ends_the_schedule_and_keeps_its_history(bench: Bench) -> None:
    bench.publish(HOURLY)
    bench.tick(at(13))

    bench.publish({"type": "event", "event_type": "order.created"}, now=at(13, 5))

    assert not bench.schedule().goes
    assert bench.pending_ticks() == []
    assert bench.history() == [("01 13:00", "fired")]


def test_pause_resume_and_run_now_are_audited(bench: Bench) -> None:
    bench.publish(HOURLY)
    id_ = bench.schedule().pk
    with tenant_scope(bench.ref):
        schedules.set_paused(schedule_id=id_, is_paused=True, actor="user:1", now=at(12, 10))
        assert bench.pending_ticks() == []
        tick = schedules.run_now(schedule_id=id_, actor="user:1", now=at(15, 10))
        resumed = schedules.set_paused(schedule_id=id_, is_paused=False, actor="user:1", now=at(16, 10))
        actions = list(AuditLogEntry.objects.order_by("id").values_list("action", flat=True))

    assert tick.outcome == "manual"
    assert [event.payload["scheduled_for"] for event in bench.events()] == [at(15, 10).isoformat()]
    assert resumed.next_at == at(17)
    assert actions[-3:] == ["schedule.pause", "schedule.run", "schedule.resume"]


def test_a_schedule_that_is_not_live_cannot_be_run_by_hand(bench: Bench) -> None:
    workflow = bench.publish(HOURLY)
    bench.enable(workflow, False, now=at(12, 30))
    with tenant_scope(bench.ref), pytest.raises(Conflict):
        schedules.run_now(schedule_id=bench.schedule().pk, actor="user:1", now=at(13))


def test_the_next_due_times_of_a_zone_through_its_change_of_clocks(bench: Bench) -> None:
    bench.publish({"type": "schedule", "cron": "30 2 * * *", "timezone": "Europe/Berlin"}, now=at(12))

    found = schedules.upcoming(bench.schedule(), 3, now=datetime(2026, 10, 24, 12, tzinfo=timezone.utc))

    assert [moment.strftime("%d %H:%M") for moment in found] == ["25 00:30", "26 01:30", "27 01:30"]


def test_a_worker_turns_a_due_tick_into_a_run(bench: Bench) -> None:
    bench.publish({"type": "schedule", "cron": "0 0 1 1 *"})  # not again before the test is over
    with tenant_scope(bench.ref):
        schedule = bench.schedule()
        schedule.base_at = datetime(2025, 12, 31, 23, tzinfo=timezone.utc)
        schedule.save()
    bench.make_due()

    bench.work()

    assert [tick.outcome for tick in bench.ticks()] == ["caught_up"]
    with tenant_scope(bench.ref):
        from automate.models import ExecutionRun, MatchDecision

        assert [run.status for run in ExecutionRun.objects.all()] == ["succeeded"]
        assert list(MatchDecision.objects.values_list("reason", flat=True)) == ["rule_true"]
        assert OutboxJob.objects.filter(kind="tick", status="PENDING").count() == 1


def test_a_schedule_whose_tick_died_goes_on_and_says_so(bench: Bench) -> None:
    bench.publish(HOURLY)
    with tenant_scope(bench.ref):
        OutboxJob.objects.filter(kind="tick").update(status="DEAD", attempts=5)

        assert schedules.repair(now=at(15, 20)) == 1
        assert schedules.repair(now=at(15, 20)) == 0

    assert bench.history() == [("01 13:00", "failed")]
    assert "Five workers" in bench.ticks()[0].reason
    assert (bench.schedule().next_at, bench.pending_ticks()) == (at(16), [at(16)])
    assert bench.tick(at(16))
    assert bench.history()[-1] == ("01 16:00", "fired")
