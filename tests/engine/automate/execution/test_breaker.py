"""Circuit breakers: ten failures that speak of the host open one; then one call at a time finds out."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from automate.execution.breaker import (
    FIRST_OPEN_SECONDS,
    KEPT,
    LIMIT,
    LONGEST_OPEN_SECONDS,
    CircuitBreakers,
    CircuitOpen,
)
from automate_connectors.models import ConnectorError

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)
HOST = ("tenant", "api.example.com")
BUSY = ConnectorError("Busy.", retryable=True)
REFUSED = ConnectorError("No such order.")


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def breakers() -> CircuitBreakers:
    return CircuitBreakers()


def fail(breakers: CircuitBreakers, times: int, *, at: datetime = NOW) -> None:
    for _ in range(times):
        breakers.enter(HOST, at)
        breakers.failed(HOST, BUSY, at)


def test_ten_failures_in_a_row_open_it_for_its_host_alone(breakers: CircuitBreakers) -> None:
    fail(breakers, LIMIT)

    with pytest.raises(CircuitOpen) as refused:
        breakers.enter(HOST, later(10))
    assert refused.value.seconds == FIRST_OPEN_SECONDS - 10
    breakers.enter(("tenant", "other.example.com"), NOW)
    breakers.enter(("other tenant", "api.example.com"), NOW)


@pytest.mark.parametrize("answer", ["success", "refusal"])
def test_an_answer_in_between_counts_from_the_start_again(breakers: CircuitBreakers, answer: str) -> None:
    fail(breakers, LIMIT - 1)
    if answer == "success":
        breakers.succeeded(HOST)
    else:
        breakers.failed(HOST, REFUSED, NOW)  # the host works: it refuses this one request
    fail(breakers, LIMIT - 1)

    breakers.enter(HOST, NOW)


def test_after_its_time_one_call_goes_ahead_and_closes_it(breakers: CircuitBreakers) -> None:
    fail(breakers, LIMIT)
    breakers.enter(HOST, later(FIRST_OPEN_SECONDS))
    with pytest.raises(CircuitOpen):
        breakers.enter(HOST, later(FIRST_OPEN_SECONDS))
    breakers.succeeded(HOST)

    fail(breakers, LIMIT - 1, at=later(31))
    breakers.enter(HOST, later(31))


def test_a_failure_of_the_one_call_opens_it_for_twice_as_long_up_to_a_limit(breakers: CircuitBreakers) -> None:
    fail(breakers, LIMIT)
    at, seen = NOW, []
    for _ in range(6):
        with pytest.raises(CircuitOpen) as refused:
            breakers.enter(HOST, at)
        seen.append(refused.value.seconds)
        at += timedelta(seconds=refused.value.seconds)
        fail(breakers, 1, at=at)

    assert seen == [30, 60, 120, 240, LONGEST_OPEN_SECONDS, LONGEST_OPEN_SECONDS]


def test_a_call_that_was_given_up_lets_the_next_one_ahead(breakers: CircuitBreakers) -> None:
    fail(breakers, LIMIT)
    breakers.enter(HOST, later(30))
    breakers.left(HOST)

    breakers.enter(HOST, later(30))


def test_hosts_that_were_quiet_longest_are_forgotten(breakers: CircuitBreakers) -> None:
    fail(breakers, LIMIT)
    for number in range(KEPT):
        breakers.failed(("tenant", f"{number}.example.com"), BUSY, NOW)

    breakers.enter(HOST, NOW)
