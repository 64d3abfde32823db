"""Matching an event against the live versions: each gets a decision, its reason, and the condition that failed."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

from automate.execution.match import RuleEngine
from automate.outbox.store import ActiveVersion, EventData

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)
STEPS = [{"id": "tell", "connector": "core", "action": "log"}]
PAID = {"==": [{"var": "payload.status"}, "paid"]}
LARGE = {">": [{"var": "payload.amount"}, 100]}


def _version(rule: dict[str, Any] | None) -> ActiveVersion:
    return ActiveVersion(uuid4(), uuid4(), {"type": "event", "event_type": "order"}, rule, STEPS)


def _decided(payload: Any, *rules: dict[str, Any] | None) -> list[tuple[str, str, str]]:
    event = EventData(uuid4(), "order", "api", payload, uuid4(), NOW)
    decisions, _matched = RuleEngine([_version(rule) for rule in rules]).decide(event, now=NOW)
    return [(row.decision, row.reason, row.failed_at) for row in decisions]


def test_the_first_condition_that_failed_is_kept() -> None:
    assert _decided(
        {"status": "paid", "amount": 5}, {"and": [PAID, LARGE]}, {"and": [LARGE, PAID]}, LARGE, PAID, None
    ) == [
        ("no_match", "rule_false", "/and/1"),
        ("no_match", "rule_false", "/and/0"),
        ("no_match", "rule_false", ""),
        ("started", "rule_true", ""),
        ("started", "rule_true", ""),
    ]


def test_a_rule_that_cannot_be_evaluated_harms_no_other() -> None:
    failed, started = _decided({"status": "paid", "amount": "much"}, LARGE, PAID)

    assert failed[:1] + failed[2:] == ("no_match", "")
    assert failed[1].startswith("rule_error: `>` was given something")
    assert started == ("started", "rule_true", "")


def test_what_a_rule_throws_is_not_kept_as_it_may_be_a_secret() -> None:
    [failed] = _decided({"password": "hunter2"}, {"throw": {"val": ["payload", "password"]}})

    assert failed == ("no_match", "rule_error: The rule threw an error.", "")


def test_an_event_that_no_rule_can_read_still_starts_what_has_no_rule() -> None:
    payload: Any = "\ud800"  # has to be replaced before a rule reads it, which is not done that deep
    for _ in range(700):
        payload = [payload]

    first, second, third = _decided(payload, LARGE, PAID, None)

    assert first[1].startswith("rule_error")
    assert second[1].startswith("rule_error")
    assert third == ("started", "rule_true", "")
