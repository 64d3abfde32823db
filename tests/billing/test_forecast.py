"""The forecast's arithmetic, with plain values."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automate_billing.forecast import Forecast, Z, forecast

NOW = datetime(2026, 11, 21, tzinfo=UTC)
END = datetime(2026, 12, 1, tzinfo=UTC)


def test_a_steady_use_goes_on_and_has_no_range() -> None:
    said = forecast(used=2000, daily=[100] * 14, now=NOW, ends_at=END, included=None)

    assert said == Forecast(low=3000, likely=3000, high=3000, hits_at=None)


def test_the_range_is_that_of_the_sum_of_the_days_left() -> None:
    said = forecast(used=0, daily=[50, 150] * 7, now=NOW, ends_at=END, included=None)

    assert said is not None
    assert (said.likely, said.high - said.likely) == (1000, round(Z * 50 * math.sqrt(10)))


def test_only_the_last_two_weeks_are_looked_at() -> None:
    said = forecast(used=0, daily=[10_000] * 20 + [1] * 14, now=NOW, ends_at=END, included=None)

    assert said is not None
    assert said.high == 10


@pytest.mark.parametrize(("included", "days"), [(2500, 5), (2999, 9.99), (3000, None), (9000, None), (2000, 0), (1, 0)])
def test_the_limit_is_hit_where_the_mean_reaches_it_or_not_in_this_period(included: int, days: float | None) -> None:
    said = forecast(used=2000, daily=[100] * 3, now=NOW, ends_at=END, included=included)

    assert said is not None
    assert said.hits_at == (None if days is None else NOW + timedelta(days=days))


@pytest.mark.parametrize("daily", [[], [5]])
def test_of_less_than_two_whole_days_nothing_is_said(daily: list[int]) -> None:
    assert forecast(used=5, daily=daily, now=NOW, ends_at=END, included=10) is None


def test_a_level_that_falls_reaches_no_limit() -> None:
    said = forecast(used=100, daily=[-20, -20], now=NOW, ends_at=END, included=150)

    assert said == Forecast(low=0, likely=0, high=0, hits_at=None)


@given(
    used=st.integers(0, 10**12),
    daily=st.lists(st.integers(0, 10**9), min_size=2, max_size=40),
    hours=st.integers(0, 24 * 31),
)
def test_what_was_used_stays_used_and_the_range_holds_the_likely(used: int, daily: list[int], hours: int) -> None:
    said = forecast(used=used, daily=daily, now=NOW, ends_at=NOW + timedelta(hours=hours), included=None)

    assert said is not None
    assert used <= said.low <= said.likely <= said.high
