"""Rule test cases: what each says of the rule, where a failing one is reported, and how large they may be."""

from __future__ import annotations

from typing import Any

import pytest

from automate.definitions import find_problems
from automate.definitions.rule_tests import MAX_BYTES, MAX_EXPLAINED, MAX_TESTS, run_tests
from automate_testing.workflows import assert_valid

RULE: dict[str, Any] = {"and": [{">": [{"var": "payload.total"}, 100]}, {"==": [{"var": "payload.currency"}, "EUR"]}]}
BASE: dict[str, Any] = {
    "slug": "orders",
    "name": "Orders",
    "trigger": {"type": "event", "event_type": "order.created"},
    "rule": RULE,
    "steps": [{"id": "a", "connector": "core", "action": "log", "params": {"message": "x"}}],
}


def case(payload: Any, expected: Any = True, name: str = "a case", **more: Any) -> dict[str, Any]:
    return {"name": name, "payload": payload, "expected": expected, **more}


def problems(*cases: Any, **more: Any) -> list[tuple[str, str, str]]:
    return [(p.path, p.code, p.message) for p in find_problems({**BASE, "tests": list(cases), **more})]


def test_cases_that_the_rule_meets_are_no_problem() -> None:
    assert problems(case({"total": 101, "currency": "EUR"}), case({"total": 100}, False, "too small")) == []
    assert problems(case({"anything": 1}), rule=None) == []


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            case({"total": 500, "currency": "USD"}),
            'Expected a match, got none: payload.currency is "EUR" was not met; it saw "USD", "EUR".',
        ),
        (case({"total": 500, "currency": "EUR"}, False), "Expected no match, and the rule matches."),
        (
            case({"total": "many"}, False),
            "Expected no match, and the rule cannot be evaluated: `>` was given something that is not a number.",
        ),
    ],
)
def test_a_failing_case_says_what_was_expected_what_came_and_which_condition(
    given: dict[str, Any], sentence: str
) -> None:
    met = case({"total": 101, "currency": "EUR"}, name="met")

    assert problems(met, given) == [("/tests/1/expected", "rule_test_failed", f'Test "a case" fails. {sentence}')]


def test_the_event_around_a_payload_is_the_triggers_unless_the_case_says_otherwise() -> None:
    rule = {"==": [{"cat": [{"var": "event.type"}, " ", {"var": "event.source"}]}, "order.created emit_event"]}

    assert problems(case({}), case({}, False, "other", event={"type": "order.paid"}), rule=rule) == []
    always = {"==": [{"var": "event.received_at"}, "2026-01-01T00:00:00+00:00"]}
    assert problems(case({}), rule=always) == []


def test_what_a_payload_hides_is_masked_in_the_sentence() -> None:
    rule = {"==": [{"upper": [{"var": "payload.password"}]}, "OTHER"]}

    [(_path, _code, message)] = problems(case({"password": "hunter2hunter2"}), rule=rule)

    assert "hunter2" not in message.lower()
    assert "********" in message


def test_malformed_cases_are_reported_where_they_stand() -> None:
    found = {
        (path, code)
        for path, code, _ in problems(
            case({}, "yes"), {"name": "x", "expected": True}, case({}, False), case({}, False), case({}, False, "")
        )
    }

    assert found == {
        ("/tests/0/expected", "malformed"),
        ("/tests/1/payload", "required"),
        ("/tests/3/name", "duplicate_test"),
        ("/tests/4/name", "malformed"),
    }
    assert [code for _, code, _ in problems(case({}, False, extra=1))] == ["unknown_field"]


def test_cases_are_bounded_in_number_and_size() -> None:
    many = [case({}, False, str(number)) for number in range(MAX_TESTS + 1)]
    assert [(path, code) for path, code, _ in problems(*many)] == [("/tests", "malformed")]
    assert problems(*many[:-1]) == []
    large = case({"text": "x" * MAX_BYTES}, False)
    assert [(path, code) for path, code, _ in problems(large)] == [("/tests", "tests_too_large")]


def test_a_draft_that_is_not_finished_is_asked_as_far_as_it_goes() -> None:
    rule = {"nonsense": 1}
    assert [code for _, code, _ in problems(case({}), rule=rule)] == ["unknown_operator"]
    assert [verdict.matches for verdict in run_tests({"rule": rule, "tests": [case({}), "x"]})] == [None]
    assert run_tests({"tests": "nonsense"}) == []
    assert [v.passed for v in run_tests({"trigger": {"type": "event"}, "rule": None, "tests": [case(1)]})] == [True]


def test_only_the_first_failing_cases_are_explained() -> None:
    many = [case({"total": 1}, True, str(number)) for number in range(MAX_EXPLAINED + 1)]

    conditions = [verdict.condition for verdict in run_tests({**BASE, "tests": many})]

    assert conditions == ["payload.total > 100"] * MAX_EXPLAINED + [""]


def test_a_customers_own_suite_fails_with_the_case_that_publishing_would_refuse() -> None:
    with pytest.raises(AssertionError, match=r'/tests/0/expected.*Test "a case" fails'):
        assert_valid({**BASE, "tests": [case({"total": 1})]})
