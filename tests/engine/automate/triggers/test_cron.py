"""Due times when the clocks change, and what is refused. Moments are written as UTC."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import islice, pairwise

import pytest

from automate.triggers.cron import COUNTED, Cron, InvalidCron

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def due(cron: Cron, start: str, count: int) -> list[str]:
    return [moment.strftime("%m-%d %H:%M") for moment in islice(cron.after(at(start)), count)]


def test_a_time_that_does_not_exist_in_spring_is_due_once_as_soon_as_the_gap_is_over() -> None:
    assert due(Cron("30 2 * * *", BERLIN), "2026-03-28T12:00", 3) == ["03-29 01:00", "03-30 00:30", "03-31 00:30"]
    assert due(Cron("0,30 2 * * *", BERLIN), "2026-03-28T12:00", 2) == ["03-29 01:00", "03-30 00:00"]


def test_a_time_that_comes_twice_in_autumn_is_due_once_the_first_time() -> None:
    assert due(Cron("30 2 * * *", BERLIN), "2026-10-24T12:00", 3) == ["10-25 00:30", "10-26 01:30", "10-27 01:30"]


def test_no_time_is_due_again_when_asked_from_within_the_second_pass_of_the_hour() -> None:
    assert due(Cron("30 2 * * *", BERLIN), "2026-10-25T01:15", 1) == ["10-26 01:30"]


@pytest.mark.parametrize("start", ["2026-03-28T23:30", "2026-10-24T23:30"])
def test_every_hour_is_one_hour_after_the_last_through_both_changes(start: str) -> None:
    moments = list(islice(Cron("0 * * * *", BERLIN).after(at(start)), 6))

    assert {later - earlier for earlier, later in pairwise(moments)} == {timedelta(hours=1)}


def test_other_rules_of_other_zones() -> None:
    assert due(Cron("30 2 * * *", NEW_YORK), "2026-03-07T12:00", 2) == ["03-08 07:00", "03-09 06:30"]
    assert due(Cron("15 2 * * *", LORD_HOWE), "2026-10-03T00:00", 2) == [
        "10-03 15:30",
        "10-04 15:15",
    ]  # by half an hour


def test_the_last_of_a_month_in_a_leap_year() -> None:
    assert due(Cron("0 0 L * *"), "2028-01-31T00:00", 2) == ["02-29 00:00", "03-31 00:00"]


def test_nicknames_and_words() -> None:
    assert due(Cron("@daily", BERLIN), "2026-06-01T00:00", 1) == ["06-01 22:00"]
    assert Cron("30 2 * * MON-FRI").in_words() == "At 02:30 on Monday through Friday"
    assert Cron("@hourly").in_words() == Cron("0 * * * *").in_words()


@pytest.mark.parametrize(
    ("expression", "zone", "told"),
    [
        ("* * * *", "UTC", "five fields"),
        ("* * * * * *", "UTC", "five fields"),
        ("61 * * * *", "UTC", "minute"),
        ("0 0 30 2 *", "UTC", "day-of-month"),
        ("@fortnightly", "UTC", "@fortnightly"),
        ("", "UTC", "five fields"),
        ("0 " * 200, "UTC", "200 characters"),
        ("0 0 * * *", "Mars/Olympus", "Mars/Olympus"),
        ("0 0 * * *", "../../etc/passwd", "time zone"),
    ],
)
def test_what_is_no_schedule_is_refused_and_says_why(expression: str, zone: str, told: str) -> None:
    with pytest.raises(InvalidCron, match=told):
        Cron(expression, zone)


def test_the_newest_due_times_of_a_span_are_kept_and_the_older_ones_counted() -> None:
    start = at("2026-01-01T00:00")

    found = Cron("* * * * *").between(start, start + timedelta(hours=2, seconds=30), newest=100)

    assert len(found.newest) == 100
    assert found.newest[-1] == start + timedelta(hours=2)
    assert found.older_count == 20
    assert (found.oldest, found.oldest_until) == (start + timedelta(minutes=1), start + timedelta(minutes=20))


def test_a_span_too_long_to_count_still_has_its_newest_due_times() -> None:
    start = at("2025-01-01T00:00")
    end = start + timedelta(days=365, seconds=10)

    found = Cron("* * * * *").between(start, end, newest=3)

    assert found.newest == tuple(start + timedelta(days=365, minutes=-n) for n in (2, 1, 0))
    assert found.older_count >= COUNTED - 3
    assert found.oldest == start + timedelta(minutes=1)
    assert found.oldest_until == start + timedelta(days=365, minutes=-3)


def test_both_ends_of_a_span() -> None:
    start = at("2026-01-01T00:00")

    found = Cron("0 * * * *").between(start, start + timedelta(hours=1), newest=5)

    assert found.newest == (start + timedelta(hours=1),)  # the start is past, the end is due
