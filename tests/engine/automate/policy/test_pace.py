"""Never more than N in any window, for any sequence of calls; nothing that fits is made to wait."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from automate.policy.pace import LATE_MS, Pace
from automate.policy.window import BUCKET_MS
from tests.support.examples import examples

WINDOW = 1_000
STEPS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 5)), max_size=60)  # (ms later, who asks)


def most_in_a_window(times: list[int], window_ms: int) -> int:
    return max((sum(1 for other in times if at <= other < at + window_ms) for at in times), default=0)


@settings(max_examples=examples(150))
@given(st.integers(1, 6), STEPS)
def test_never_more_than_the_limit_in_any_window(limit: int, steps: list[tuple[int, int]]) -> None:
    pace, now, made = Pace(), 0, []
    for later, who in steps:
        now += later
        pace.tidy(now_ms=now, window_ms=WINDOW)
        wait = pace.wait_ms(str(who), now_ms=now, limit=limit, window_ms=WINDOW)
        if wait == 0:
            pace.let_through(str(who), now_ms=now, limit=limit)
            made.append(now)
        else:
            pace.keep_place(str(who), back_at_ms=now + wait)

    assert most_in_a_window(made, WINDOW) <= limit


@settings(max_examples=examples(100))
@given(st.integers(1, 6), st.lists(st.integers(0, 400), max_size=60))
def test_who_comes_when_there_is_room_and_nobody_waits_goes_at_once(limit: int, gaps: list[int]) -> None:
    pace, now, made = Pace(), 0, []
    for gap in gaps:
        now += gap
        pace.tidy(now_ms=now, window_ms=WINDOW)
        has_room = sum(1 for at in made if at > now - WINDOW - 1) < limit
        if pace.wait_ms("x", now_ms=now, limit=limit, window_ms=WINDOW) == 0:
            pace.let_through("x", now_ms=now, limit=limit)
            made.append(now)
        else:
            assert not has_room


def test_whoever_keeps_a_place_goes_before_whoever_comes_later() -> None:
    pace = Pace()
    pace.let_through("first", now_ms=0, limit=1)
    wait = pace.wait_ms("second", now_ms=100, limit=1, window_ms=WINDOW)
    pace.keep_place("second", back_at_ms=100 + wait)

    late = pace.wait_ms("third", now_ms=100 + wait, limit=1, window_ms=WINDOW)

    assert pace.wait_ms("second", now_ms=100 + wait, limit=1, window_ms=WINDOW) == 0
    assert late >= WINDOW


def test_a_place_that_nobody_comes_for_is_given_away() -> None:
    pace = Pace()
    pace.keep_place("gone", back_at_ms=1_000)

    pace.tidy(now_ms=1_000 + LATE_MS, window_ms=WINDOW)

    assert pace.wait_ms("other", now_ms=1_000 + LATE_MS, limit=1, window_ms=WINDOW) == 0


def test_a_large_limit_counts_in_buckets_and_never_too_short() -> None:
    pace = Pace()
    for _ in range(300):
        assert pace.wait_ms("x", now_ms=50, limit=300, window_ms=WINDOW) == 0
        pace.let_through("x", now_ms=50, limit=300)

    assert len(pace.used.entries) == 1
    wait = pace.wait_ms("x", now_ms=60, limit=300, window_ms=WINDOW)
    assert WINDOW - 10 <= wait <= WINDOW + BUCKET_MS


def test_the_state_survives_being_written_down() -> None:
    pace = Pace()
    pace.let_through("a", now_ms=5, limit=1)
    pace.keep_place("b", back_at_ms=70)

    assert Pace.from_json(pace.as_json()) == pace
