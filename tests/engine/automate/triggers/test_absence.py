"""No event for too long: told once, in time, and again after the next one."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from tests.engine.automate.triggers.conftest import Bench

BASE = datetime(2026, 5, 1, 12, 0, tzinfo=timezone.utc)
TWO_HOURS = {"type": "absence", "event_type": "order.created", "after_seconds": 7200}


def at(hours: float) -> datetime:
    return BASE + timedelta(hours=hours)


def test_silence_is_told_when_the_time_is_over_and_starts_the_workflow(bench: Bench) -> None:
    bench.publish(TWO_HOURS, now=BASE)
    assert bench.pending_ticks() == [at(2)]

    bench.tick(at(2))

    (event,) = bench.events("absence.detected")
    assert event.source == "absence:flow"
    assert event.payload == {
        "event_type": "order.created",
        "after_seconds": 7200,
        "silent_since": BASE.isoformat(),
        "detected_at": at(2).isoformat(),
    }
    assert bench.history() == [("01 14:00", "fired")]


def test_an_event_in_time_moves_the_due_time_to_itself_and_writes_nothing_when_it_comes(bench: Bench) -> None:
    bench.publish(TWO_HOURS, now=BASE)
    bench.event("order.created", at(1.5))
    bench.event("order.paid", at(1.9))
    assert bench.pending_ticks() == [at(2)]

    bench.tick(at(2))

    assert bench.events("absence.detected") == []
    assert bench.schedule().next_at == at(3.5)
    bench.tick(at(3.5))
    assert bench.history() == [("01 15:30", "fired")]


def test_it_is_told_once_until_an_event_comes_and_then_in_time(bench: Bench) -> None:
    bench.publish(TWO_HOURS, now=BASE)
    bench.tick(at(2))
    bench.tick(at(4))
    assert len(bench.events("absence.detected")) == 1

    bench.event("order.created", at(4.5))
    bench.tick(at(6))
    assert len(bench.events("absence.detected")) == 1
    assert bench.schedule().next_at == at(6.5)
    bench.tick(at(6.5))

    assert [event.payload["silent_since"] for event in bench.events("absence.detected")] == [
        BASE.isoformat(),
        at(4.5).isoformat(),
    ]


def test_a_silence_that_began_and_ended_while_no_worker_ran_is_told_too(bench: Bench) -> None:
    bench.publish(TWO_HOURS, now=BASE)
    bench.event("order.created", at(1))
    bench.event("order.created", at(5))  # four hours later

    bench.tick(at(6))

    assert bench.history() == [("01 15:00", "fired")]
    assert bench.schedule().next_at == at(7)


def test_only_events_that_match_the_rule_count(bench: Bench) -> None:
    bench.publish({**TWO_HOURS, "rule": {">": [{"var": "payload.amount"}, 100]}}, now=BASE)
    bench.event("order.created", at(1), {"amount": 150})
    bench.event("order.created", at(1.5), {"amount": 5})

    bench.tick(at(2))

    assert bench.schedule().next_at == at(3)


def test_a_month_without_a_worker_takes_bounded_looks_and_goes_on_from_the_latest_event(bench: Bench) -> None:
    bench.publish({**TWO_HOURS, "after_seconds": 60}, now=BASE)
    bench.event("order.created", at(24 * 30 - 0.01))

    bench.tick(at(24 * 30))

    assert len(bench.events("absence.detected")) == 1
    assert bench.schedule().next_at is not None
    assert bench.schedule().next_at > at(24 * 30)
