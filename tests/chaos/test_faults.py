"""Every other fault once, under load; then the promises, from the receiver's log and the tables."""

from __future__ import annotations

import signal

import pytest

from tests.chaos import scenarios
from tests.chaos.checker import check, check_usage
from tests.chaos.harness import Harness

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240), pytest.mark.xdist_group("kills")]


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGKILL])
def test_postgresql_ends_and_comes_back(number: signal.Signals, harness: Harness) -> None:
    scenarios.postgres_down(harness, number)
    check(harness)


def test_every_connection_is_reset(harness: Harness) -> None:
    scenarios.connections_reset(harness, times=3)
    check(harness)


def test_the_database_is_silent_for_longer_than_a_lease(harness: Harness) -> None:
    scenarios.database_silent(harness)
    check(harness)


def test_statements_are_cancelled(harness: Harness) -> None:
    scenarios.statements_timed_out(harness)
    check(harness)


def test_the_disk_is_full(harness: Harness) -> None:
    if harness.disk is None:
        pytest.skip(harness.why_no_disk)
    scenarios.disk_full(harness)
    check(harness)


@pytest.mark.parametrize("hours", [1, -1])
def test_clocks_are_wrong_in_both_directions(hours: int, harness: Harness) -> None:
    scenarios.clocks_wrong(harness, gateway=hours, worker=-hours)
    check(harness)


def test_nobody_can_listen(harness: Harness) -> None:
    scenarios.wake_ups_gone(harness)
    check(harness)


def test_a_worker_stopped_for_longer_than_its_lease_is_fenced(harness: Harness) -> None:
    """In the middle of a call, and with its lease locked in a transaction."""
    with harness.second_worker():
        for name in ("step.after", "finish.held"):
            scenarios.stopped(harness, name)
        check(harness, late_calls=True)


def test_usage_is_what_lies_in_the_tables_after_all_that(harness: Harness) -> None:
    check_usage(harness)
