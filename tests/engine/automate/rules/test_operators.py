"""What each operator gives: JSONLogic's own semantics, and where we differ from its JavaScript on purpose."""

from __future__ import annotations

from typing import Any

import pytest

from automate import rules
from automate.rules import library
from automate.rules.compiled import compile_part

DATA: dict[str, Any] = {
    "a": 1,
    "zero": 0,
    "text": "spring",
    "empty": "",
    "none": None,
    "no": False,
    "list": [1, 2, 3],
    "nested": {"deep": {"deeper": [{"x": 7}]}},
    "items": [{"sku": "a", "qty": 2}, {"sku": "b", "qty": 5}],
    "dotted.name": 1,
    "unicode": "Grüße 🌍",
}

CASES: list[tuple[Any, Any]] = [
    # var
    ({"var": "a"}, 1),
    ({"var": ["a"]}, 1),
    ({"var": "nested.deep.deeper.0.x"}, 7),
    ({"var": "list.1"}, 2),
    ({"var": "missing"}, None),
    ({"var": ["missing", "instead"]}, "instead"),
    ({"var": ["none", "instead"]}, None),
    ({"var": "dotted.name"}, None),
    ({"var": {"cat": ["te", "xt"]}}, "spring"),
    ({"var": "unicode"}, "Grüße 🌍"),
    # missing, missing_some, exists
    ({"missing": ["a", "b", "nested.deep"]}, ["b"]),
    ({"missing_some": [1, ["a", "b"]]}, []),
    ({"missing_some": [2, ["a", "b", "c"]]}, ["b", "c"]),
    ({"exists": "none"}, True),
    ({"exists": "b"}, False),
    # equality, loose and strict
    ({"==": [1, 1]}, True),
    ({"==": [1, "1"]}, True),
    ({"==": [0, False]}, True),
    ({"==": ["abc", 5]}, False),
    ({"===": [1, "1"]}, False),
    ({"===": [1, 1.0]}, True),
    ({"===": [{"var": "missing"}, None]}, True),
    ({"!=": [1, 2]}, True),
    ({"!=": [1, "1"]}, False),
    ({"!==": [1, "1"]}, True),
    # truthiness: "0" and non-empty lists are true, 0, "", [], null are not
    ({"!": [True]}, False),
    ({"!": True}, False),
    ({"!!": [[]]}, False),
    ({"!!": ["0"]}, True),
    ({"!!": [0]}, False),
    ({"!!": [""]}, False),
    ({"!!": [[0]]}, True),
    ({"!!": [{"var": "nested"}]}, True),
    # and, or give the value that decided
    ({"and": [1, "x", [2]]}, [2]),
    ({"and": [1, 0, "x"]}, 0),
    ({"or": [0, "", "x", 1]}, "x"),
    ({"or": [0, "", None]}, None),
    # if
    ({"if": [True, "yes", "no"]}, "yes"),
    ({"if": [False, "yes", "no"]}, "no"),
    ({"if": [False, "a", True, "b", "c"]}, "b"),
    ({"if": [False, "a", False, "b", "c"]}, "c"),
    ({"if": [False, "a"]}, None),
    ({"?:": [{"var": "a"}, 1, 2]}, 1),
    # order
    ({">": [2, 1]}, True),
    ({">=": [1, 1]}, True),
    ({"<": [1, 2, 3]}, True),
    ({"<": [1, 1, 3]}, False),
    ({"<=": [1, 1, 3]}, True),
    ({"<": ["1", 2]}, True),
    ({"<": ["abc", "abd"]}, True),
    ({"<": [{"var": "missing"}, 5]}, True),
    # arithmetic
    ({"+": [4, 2]}, 6),
    ({"+": ["3.5", 1]}, 4.5),
    ({"+": "3"}, 3),
    ({"-": [4, 2]}, 2),
    ({"-": 2}, -2),
    ({"*": [2, 3, 4]}, 24),
    ({"/": [4, 2]}, 2),
    ({"%": [101, 2]}, 1),
    ({"max": [1, 2, 3]}, 3),
    ({"min": [1, 2, 3]}, 1),
    # text
    ({"cat": ["I love ", {"var": "text"}, 1]}, "I love spring1"),
    ({"substr": ["jsonlogic", 4]}, "logic"),
    ({"substr": ["jsonlogic", -5]}, "logic"),
    ({"substr": ["jsonlogic", 4, -2]}, "log"),
    ({"in": ["Spring", "Springfield"]}, True),
    ({"in": ["x", "Springfield"]}, False),
    ({"starts_with": [{"var": "text"}, "spr"]}, True),
    ({"ends_with": [{"var": "text"}, "spr"]}, False),
    ({"upper": "abc"}, "ABC"),
    ({"lower": "ABC"}, "abc"),
    ({"trim": "  x "}, "x"),
    ({"length": "Grüße"}, 5),
    # lists
    ({"in": [2, {"var": "list"}]}, True),
    ({"in": [1, {"var": "missing"}]}, False),
    ({"merge": [[1, 2], [3], 4]}, [1, 2, 3, 4]),
    ({"map": [{"var": "items"}, {"var": "sku"}]}, ["a", "b"]),
    ({"filter": [{"var": "list"}, {">": [{"var": ""}, 1]}]}, [2, 3]),
    ({"reduce": [{"var": "items"}, {"+": [{"var": "accumulator"}, {"var": "current.qty"}]}, 0]}, 7),
    ({"all": [{"var": "list"}, {">": [{"var": ""}, 0]}]}, True),
    ({"all": [[], {">": [{"var": ""}, 0]}]}, False),
    ({"some": [{"var": "items"}, {"==": [{"var": "sku"}, "b"]}]}, True),
    ({"some": [[], True]}, False),
    ({"none": [{"var": "items"}, {"==": [{"var": "sku"}, "z"]}]}, True),
    ({"none": [[], True]}, True),
    ({"some": [{"var": "missing"}, True]}, False),
]


@pytest.mark.parametrize(("rule", "expected"), CASES, ids=[str(rule) for rule, _ in CASES])
def test_an_operator_gives_what_jsonlogic_says(rule: Any, expected: Any) -> None:
    given = library.result(compile_part(rule), library.data(DATA))

    assert given == expected
    assert type(given) is type(expected) or {type(given), type(expected)} == {int, float}


def test_every_promised_operator_has_a_case() -> None:
    used = {operator for rule, _ in CASES for operator in _operators(rule)}

    assert used == rules.OPERATORS


def _operators(rule: Any) -> set[str]:
    if isinstance(rule, dict):
        return set(rule).union(*(_operators(argument) for argument in rule.values()))
    if isinstance(rule, list):
        return set().union(*(_operators(argument) for argument in rule))
    return set()


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"==": ["", 0]}, False),  # JavaScript: true
        ({"==": [{"var": "none"}, 0]}, True),  # JavaScript: false; null counts as 0 in every comparison
        ({"missing": ["empty", "none"]}, []),  # there, though empty; JavaScript: both are missing
    ],
)
def test_where_we_differ_from_javascript(rule: Any, expected: Any) -> None:
    assert library.result(compile_part(rule), library.data(DATA)) == expected


@pytest.mark.parametrize(
    ("rule", "operator"),
    [
        ({">": [{"var": "text"}, 5]}, ">"),
        ({"+": [{"var": "text"}, 1]}, "+"),
        ({"/": [1, {"var": "zero"}]}, "/"),
        ({"==": [1, {"%": [1, {"var": "zero"}]}]}, "%"),
    ],
)
def test_what_makes_no_sense_is_an_error_and_no_silent_no(rule: Any, operator: str) -> None:
    with pytest.raises(rules.RuleFailed) as failed:
        rules.evaluate(rule, DATA)

    assert failed.value.details["operator"] == operator
    assert f"`{operator}`" in failed.value.message


@pytest.mark.parametrize(
    ("field", "rule", "expected"),
    [
        (10**30, {">": [{"var": "x"}, 5]}, True),
        (-(10**400), {"<": [{"var": "x"}, 5]}, True),
        (2**64, {"==": [{"var": "x"}, 5]}, False),
        ("\ud800", {"==": [{"var": "y"}, 1]}, True),
        (float("inf"), {"==": [{"var": "y"}, 1]}, True),
    ],
)
def test_a_strange_value_does_not_break_a_rule(field: Any, rule: Any, expected: bool) -> None:
    assert rules.evaluate(rule, {"x": field, "y": 1}) is expected


@pytest.mark.parametrize("text", ["true", "[1]", '{"==": [1, 1]}', "not json", ""])
def test_text_is_never_read_as_json(text: str) -> None:
    assert rules.evaluate({"===": [{"var": "x"}, text]}, {"x": text}) is True
    assert rules.evaluate({"some": [{"var": "x"}, {"===": [{"var": ""}, text]}]}, {"x": [text]}) is True
    with pytest.raises(rules.RuleFailed):
        rules.evaluate(text, {})  # type: ignore[arg-type]
    with pytest.raises(rules.RuleFailed):
        rules.evaluate({"==": [1, 1]}, text)  # type: ignore[arg-type]


def test_no_rule_matches_everything() -> None:
    assert rules.evaluate(None, {}) is True  # type: ignore[arg-type]
    assert rules.first_failure(None, {}) == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "rule",
    [
        {"some": [{"var": "many"}, {"==": [{"var": ""}, -1]}]},
        {"reduce": [{"var": "many"}, {"cat": [{"var": "accumulator"}, {"var": "accumulator"}]}, "ab"]},
        {"map": [{"var": "many"}, {"map": [{"var": "many"}, 1]}]},
    ],
)
def test_a_rule_that_costs_too_much_is_stopped(rule: Any) -> None:
    with pytest.raises(rules.RuleFailed) as failed:
        rules.evaluate(rule, {"many": list(range(250_000))})

    assert "operations" in failed.value.message
