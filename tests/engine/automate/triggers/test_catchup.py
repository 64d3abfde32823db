"""What becomes of due times: decided with plain values."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from automate.triggers.catchup import GRACE, MAX_CAUGHT_UP, plan
from automate.triggers.cron import Cron, Due

NOON = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
HOURS = tuple(NOON + timedelta(hours=n) for n in range(4))  # 12:00 to 15:00


def rows(due: Due, now: datetime, catch_up: str) -> list[tuple[int, str]]:
    return [(row.due_at.hour, row.outcome) for row in plan(due, now=now, catch_up=catch_up)]


@pytest.mark.parametrize("catch_up", ["skip", "once", "all"])
@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=1), GRACE])
def test_a_tick_on_time_or_a_little_late_fires_under_every_policy(catch_up: str, late: timedelta) -> None:
    assert rows(Due((NOON,)), NOON + late, catch_up) == [(12, "fired")]


def test_missed_ticks_follow_the_policy() -> None:
    now = HOURS[-1] + timedelta(minutes=30)

    assert rows(Due(HOURS), now, "skip") == [(12, "skipped"), (13, "skipped"), (14, "skipped"), (15, "skipped")]
    assert rows(Due(HOURS), now, "once") == [(12, "skipped"), (13, "skipped"), (14, "skipped"), (15, "caught_up")]
    assert rows(Due(HOURS), now, "all") == [(12, "caught_up"), (13, "caught_up"), (14, "caught_up"), (15, "caught_up")]


def test_when_the_latest_is_on_time_it_stands_for_those_that_were_missed() -> None:
    assert rows(Due(HOURS[:2]), HOURS[1], "once") == [(12, "skipped"), (13, "fired")]
    assert rows(Due(HOURS[:2]), HOURS[1], "skip") == [(12, "skipped"), (13, "fired")]
    assert rows(Due(HOURS[:2]), HOURS[1], "all") == [(12, "caught_up"), (13, "fired")]


@pytest.mark.parametrize(("catch_up", "fired"), [("skip", 0), ("once", 1), ("all", MAX_CAUGHT_UP)])
def test_a_day_without_a_worker_is_bounded_and_wholly_accounted_for(catch_up: str, fired: int) -> None:
    due = Cron("* * * * *").between(NOON, NOON + timedelta(days=1), newest=MAX_CAUGHT_UP)

    planned = plan(due, now=NOON + timedelta(days=1, minutes=30), catch_up=catch_up)

    assert sum(row.runs for row in planned) == fired
    assert sum(row.count for row in planned) == 24 * 60
    assert len(planned) == MAX_CAUGHT_UP + 1
    assert planned[0].count == 24 * 60 - MAX_CAUGHT_UP
    assert all(row.reason for row in planned)
