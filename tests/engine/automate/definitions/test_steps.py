"""A checked definition as the runtime reads it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from automate.definitions import Draft, RetryPolicy, StepDefinition, parse_steps
from automate.definitions.canonical import canonical, same


def test_what_is_left_out_has_its_default() -> None:
    [step] = parse_steps([{"id": "a", "connector": "core", "action": "log"}])

    assert step == StepDefinition("a", "core", "log", {}, RetryPolicy(4, 5, 6, 3600), 60.0, False, 0)


def test_steps_know_their_place_and_their_settings() -> None:
    first, second = parse_steps(
        [
            {"id": "a", "connector": "core", "action": "log", "params": {"message": "x"}},
            {"id": "b", "connector": "http", "action": "request", "retry": {"attempts": 1}, "timeout_seconds": 5,
             "idempotent": True, "name": "B"},
        ]
    )  # fmt: skip

    assert (first.position, first.params) == (0, {"message": "x"})
    assert (second.position, second.retry.attempts, second.retry.factor) == (1, 1, 6)
    assert (second.timeout_seconds, second.idempotent, second.name) == (5.0, True, "B")
    with pytest.raises(FrozenInstanceError):
        first.id = "other"  # type: ignore[misc]


def test_a_draft_knows_whether_a_version_says_the_same() -> None:
    draft = Draft.parse(
        {"slug": "a", "name": "A", "trigger": {"type": "event", "event_type": "x"}, "steps": [{"n": 1e16}]}
    )

    assert draft.says_the_same_as({"event_type": "x", "type": "event"}, None, [{"n": 10**16}], {})
    assert not draft.says_the_same_as({"event_type": "x", "type": "event"}, None, [{"n": True}], {})


def test_canonical_values() -> None:
    assert canonical([-0.0, 1e300, {"b": 1, "a": 2.5}]) == [0.0, 10**300, {"a": 2.5, "b": 1}]
    assert not same({"a": 1}, {"a": 1.0})
