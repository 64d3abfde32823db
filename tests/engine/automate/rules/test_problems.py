"""What is refused before a rule can run."""

from __future__ import annotations

from typing import Any

import pytest

from automate.rules import OPERATORS, find_rule_problems


@pytest.mark.parametrize(
    ("rule", "path", "code"),
    [
        ({"eq": [1, 1]}, "", "unknown_operator"),
        ({"and": [True, {"log": "x"}]}, "/and/1", "unknown_operator"),
        ({"==": [{"now": []}, 1]}, "/==/0", "unknown_operator"),
        ({"==": [{"switch": ["x"]}, 1]}, "/==/0", "unknown_operator"),
        ({"try": [{"throws": "x"}, 1]}, "/try/0", "unknown_operator"),
        ({"var": {"nope": 1}}, "/var", "unknown_operator"),
        ({"==": [1, {"a": 1}]}, "/==/1", "unknown_operator"),
        ({"==": 1, "!=": 2}, "", "not_an_operator"),
        ({"some": [[1], {"a": 1, "b": 2}]}, "/some/1", "not_an_operator"),
        ({"==": [1]}, "", "wrong_arguments"),
        ({"and": 5}, "", "wrong_arguments"),
        ({"and": [{"!": [1, 2]}]}, "/and/0", "wrong_arguments"),
        ({"filter": [[1]]}, "", "wrong_arguments"),
        ({"in": [1]}, "", "wrong_arguments"),
        ({}, "", "not_a_rule"),
        ("true", "", "not_a_rule"),
        ([1], "", "not_a_rule"),
        (5, "", "not_a_rule"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_place(rule: Any, path: str, code: str) -> None:
    problems = find_rule_problems(rule)

    assert (problems[0].path, problems[0].code) == (path, code)
    assert problems[0].message.endswith((".", "?", '"'))


def test_every_problem_is_found_at_once() -> None:
    problems = find_rule_problems({"and": [{"foo": 1}, {"or": [{"bar": 1}]}]})

    assert [problem.path for problem in problems] == ["/and/0", "/and/1/or/0"]


def test_a_near_name_is_suggested() -> None:
    [problem] = find_rule_problems({"mising": ["a"]})

    assert 'Did you mean "missing"?' in problem.message


def test_a_good_rule_has_no_problem() -> None:
    assert find_rule_problems(None) == []
    assert find_rule_problems({"and": [{"==": [{"var": "a"}, []]}, {"!": {"var": "b"}}, {"in": ["x", "xyz"]}]}) == []


def test_depth_and_size_are_bounded_whatever_the_depth() -> None:
    deep: Any = {"var": "a"}
    for _ in range(50_000):
        deep = {"!": [deep]}
    wide = {"and": [{"==": [1, 1]}] * 5_000}

    assert [problem.code for problem in find_rule_problems(deep)] == ["rule_too_deep"]
    assert [problem.code for problem in find_rule_problems(wide)] == ["rule_too_large"]


@pytest.mark.parametrize(
    ("rule", "paths"),
    [
        ({"==": [{"var": "amount"}, 1]}, ["/==/0/var"]),
        ({"==": [{"var": ["amount", 0]}, 1]}, ["/==/0/var/0"]),
        ({"!": {"missing": ["payload.a", "b"]}}, ["/!/missing/1"]),
        ({"some": [{"var": "items"}, {"var": "sku"}]}, ["/some/0/var"]),
        ({"some": [{"var": "payload.items"}, {"var": "sku"}]}, []),
        ({"==": [{"var": "event.type"}, "x"]}, []),
        ({"var": ""}, []),
        ({"==": [{"val": "amount"}, 1]}, ["/==/0/val"]),
        ({"exists": "payload.amount"}, ["/exists"]),
        ({"exists": ["payload", "amount"]}, []),
        ({"val": [{"cat": ["a", "b"]}]}, []),
        ({"some": [{"val": ["payload", "items"]}, {"==": [{"val": "sku"}, {"val": [[-2], "limit"]}]}]}, []),
        ({"try": [{"==": [{"var": "amount"}, 1]}, {"val": "type"}]}, ["/try/0/==/0/var"]),
    ],
)
def test_a_name_that_no_context_has_is_refused(rule: Any, paths: list[str]) -> None:
    problems = find_rule_problems(rule, known_roots=("payload", "event"))

    assert [problem.path for problem in problems] == paths
    assert all(problem.code == "unknown_name" for problem in problems)


def test_a_path_in_one_text_is_answered_with_its_keys() -> None:
    [of_val] = find_rule_problems({"val": "payload.a.b"}, known_roots=("payload",))
    [of_exists] = find_rule_problems({"exists": "a.b"}, known_roots=("payload",))

    assert '{"val": ["payload", "a", "b"]}' in of_val.message
    assert '{"exists": ["payload", "a", "b"]}' in of_exists.message


def test_no_promised_operator_is_unknown_to_the_library() -> None:
    for operator in OPERATORS:
        assert not [p for p in find_rule_problems({operator: [1, 1]}) if p.code == "unknown_operator"]
