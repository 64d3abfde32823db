"""Numbers beyond 64 bits in a rule: read as they are in the data, before and after a round trip through PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest

from automate.definitions import find_problems
from automate.rules import evaluate, explain, find_rule_problems

LARGE = [10**299, 1e299, -(10**19), 2**63, 10**400]


@pytest.mark.parametrize("number", LARGE, ids=["10**299", "1e299", "-10**19", "2**63", "10**400"])
def test_a_large_constant_is_no_problem_and_compares(number: Any) -> None:
    rule = {"==": [{"var": "payload.n"}, number]}

    assert find_rule_problems(rule) == []
    assert evaluate(rule, {"payload": {"n": number}})
    assert not evaluate(rule, {"payload": {"n": 1}})
    assert explain(rule, {"payload": {"n": 1}})


def test_large_constants_keep_their_order() -> None:
    assert evaluate({"<": [{"var": "payload.n"}, 10**301]}, {"payload": {"n": 10**300}})
    assert not evaluate({"<": [{"var": "payload.n"}, 10**301]}, {"payload": {"n": 10**302}})


def test_a_definition_with_one_can_be_published() -> None:
    step = {"id": "say", "connector": "core", "action": "log", "params": {"message": "x"}}
    definition = {
        "slug": "large",
        "name": "Large",
        "trigger": {"type": "event", "event_type": "a.b"},
        "rule": {">": [{"var": "payload.n"}, 10**299]},
        "steps": [step],
    }

    assert find_problems(definition) == []
