"""Compiled rules: the cache, the first failing condition, and use by several threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from automate import rules
from automate.rules import compiled

RULE = {
    "and": [
        {">": [{"var": "payload.amount"}, 100]},
        {"or": [{"==": [{"var": "payload.currency"}, "EUR"]}, {"var": "payload.force"}]},
        {"and": [{"!": {"var": "payload.test"}}, {"in": ["vip", {"var": "payload.tags"}]}]},
    ]
}


def _context(**payload: Any) -> dict[str, Any]:
    return {"payload": {"amount": 500, "currency": "EUR", "tags": ["vip"], **payload}, "event": {}}


@pytest.mark.parametrize(
    ("payload", "pointer"),
    [
        ({}, ""),
        ({"amount": 100}, "/and/0"),
        ({"amount": "much"}, "/and/0"),
        ({"currency": "USD"}, "/and/1"),
        ({"currency": "USD", "force": 1}, ""),
        ({"test": True}, "/and/2/and/0"),
        ({"tags": []}, "/and/2/and/1"),
        ({"amount": 1, "tags": []}, "/and/0"),
    ],
)
def test_the_first_failing_condition_is_named(payload: dict[str, Any], pointer: str) -> None:
    assert rules.first_failure(RULE, _context(**payload)) == pointer


def test_a_rule_that_fails_as_a_whole_has_the_empty_pointer() -> None:
    rule = {"==": [{"var": "payload.amount"}, 1]}

    assert rules.evaluate(rule, _context()) is False
    assert rules.first_failure(rule, _context()) == ""


def test_a_pointer_fits_its_column() -> None:
    rule: Any = {"==": [1, 2]}
    for _ in range(63):
        rule = {"and": [True, rule]}

    pointer = rules.first_failure(rule, {})

    assert len(pointer) <= 300
    assert pointer.startswith("/and/1/and/1")


def test_equal_rules_are_compiled_once_and_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "KEPT", 3)
    first = rules.compile_rule({"==": [1, "kept"]})
    assert rules.compile_rule({"==": [1, "kept"]}) is first

    for number in range(3):
        rules.compile_rule({"==": [number, "other"]})

    assert len(compiled._cache) <= 3
    assert rules.compile_rule({"==": [1, "kept"]}) is not first


def test_one_and_true_are_different_rules() -> None:
    assert rules.evaluate({"===": [{"var": "x"}, 1]}, {"x": 1}) is True
    assert rules.evaluate({"===": [{"var": "x"}, True]}, {"x": 1}) is False


def test_threads_share_compiled_rules() -> None:
    rule = rules.compile_rule(RULE)

    def ask(amount: int) -> bool:
        return rule.matches(_context(amount=amount))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(400)))

    assert answers == [amount > 100 for amount in range(400)]


def test_a_context_can_be_prepared_for_many_rules() -> None:
    prepared = compiled.prepare(_context(amount=1))

    assert rules.compile_rule(RULE).matches(prepared) is False
    assert rules.compile_rule(RULE).first_failure(prepared) == "/and/0"


def test_a_refused_rule_tells_every_problem() -> None:
    with pytest.raises(rules.RuleFailed) as failed:
        rules.compile_rule({"and": [{"foo": 1}, {"bar": 2}]})

    assert [error["path"] for error in failed.value.details["errors"]] == ["/and/0", "/and/1"]
