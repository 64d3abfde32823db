"""What a trigger may not say: each problem with its place."""

from __future__ import annotations

from typing import Any

import pytest

from automate.definitions import find_problems

STEP = {"id": "say", "connector": "core", "action": "log", "params": {"message": "hi"}}


def problems(trigger: dict[str, Any]) -> list[tuple[str, str]]:
    definition = {"slug": "flow", "name": "Flow", "trigger": trigger, "steps": [STEP]}
    return [(problem.path, problem.code) for problem in find_problems(definition)]


@pytest.mark.parametrize(
    "trigger",
    [
        {"type": "manual"},
        {"type": "schedule", "cron": "@daily"},
        {
            "type": "schedule",
            "cron": "*/5 8-18 * * MON-FRI",
            "timezone": "Europe/Berlin",
            "catch_up": "all",
            "overlap": "queue",
            "payload": {"a": 1},
        },
        {"type": "workflow", "workflow": "billing", "on": ["failed", "cancelled"]},
        {"type": "absence", "event_type": "heartbeat", "after_seconds": 60},
        {
            "type": "absence",
            "event_type": "heartbeat",
            "after_seconds": 7200,
            "rule": {"==": [{"var": "event.source"}, "x"]},
        },
    ],
)
def test_what_is_well_formed_has_no_problem(trigger: dict[str, Any]) -> None:
    assert problems(trigger) == []


@pytest.mark.parametrize(
    ("trigger", "found"),
    [
        ({"type": "schedule"}, ("/trigger/cron", "required")),
        ({"type": "schedule", "cron": "every day"}, ("/trigger/cron", "invalid_cron")),
        ({"type": "schedule", "cron": "0 0 30 2 *"}, ("/trigger/cron", "invalid_cron")),
        ({"type": "schedule", "cron": "@daily", "timezone": "CEST2"}, ("/trigger/timezone", "unknown_timezone")),
        ({"type": "schedule", "cron": "@daily", "catch_up": "some"}, ("/trigger/catch_up", "malformed")),
        ({"type": "schedule", "cron": "@daily", "overlap": "kill"}, ("/trigger/overlap", "malformed")),
        (
            {"type": "schedule", "cron": "@daily", "payload": {"fired_at": 1}},
            ("/trigger/payload/fired_at", "reserved_name"),
        ),
        ({"type": "manual", "cron": "@daily"}, ("/trigger/cron", "unknown_field")),
        ({"type": "workflow", "workflow": "a", "on": []}, ("/trigger/on", "malformed")),
        ({"type": "workflow", "workflow": "a", "on": ["started"]}, ("/trigger/on/0", "malformed")),
        ({"type": "absence", "event_type": "x", "after_seconds": 5}, ("/trigger/after_seconds", "malformed")),
        (
            {"type": "absence", "event_type": "x", "after_seconds": 60, "rule": {"frobnicate": []}},
            ("/trigger/rule", "unknown_operator"),
        ),
        ({"type": "signal", "model": "shop.Order"}, ("/trigger/type", "signals_off")),
    ],
)
def test_each_problem_says_where_it_is(trigger: dict[str, Any], found: tuple[str, str]) -> None:
    assert found in problems(trigger)
