"""What each operator gives: JSONLogic's own semantics, and where we differ from its JavaScript on purpose."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automate import rules
from automate.rules import library
from tests.support.examples import examples

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
    "error": {"type": "as data"},
    "one": [1],
    "object": {},
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
    ({"missing": [["a", "b"]]}, ["b"]),
    ({"missing": "b"}, ["b"]),
    ({"missing": []}, []),
    ({"missing": ["none", "empty", "zero", "no"]}, ["none", "empty"]),
    ({"missing": {"merge": ["a", "b"]}}, ["b"]),
    ({"missing_some": [1, ["a", "b"]]}, []),
    ({"missing_some": [2, ["a", "b", "c"]]}, ["b", "c"]),
    ({"missing_some": [1, ["none", "empty"]]}, ["none", "empty"]),
    ({"missing_some": [{"var": "a"}, ["empty", "a"]]}, []),
    ({"exists": "none"}, True),
    ({"exists": "b"}, False),
    ({"exists": ["nested", "deep", "deeper"]}, True),
    ({"exists": ["nested", "nope"]}, False),
    ({"exists": "dotted.name"}, True),
    # val: a path key by key, and up to what is around the item
    ({"val": "a"}, 1),
    ({"val": ["nested", "deep", "deeper", 0, "x"]}, 7),
    ({"val": "dotted.name"}, 1),
    ({"val": ["missing", "x"]}, None),
    ({"val": [{"cat": ["te", "xt"]}]}, "spring"),
    ({"map": [{"val": "list"}, {"+": [{"val": []}, {"val": [[-1], "index"]}]}]}, [1, 3, 5]),
    ({"map": [{"val": "list"}, {"*": [{"val": []}, {"val": [[-2], "a"]}]}]}, [1, 2, 3]),
    ({"map": [["x"], {"map": [[1, 2], {"+": [{"val": []}, {"val": [[-4], "a"]}]}]}]}, [[2, 3]]),
    # ??: the first that is not null
    ({"??": [{"val": "none"}, {"val": "missing"}, 3]}, 3),
    ({"??": [{"val": "zero"}, 3]}, 0),
    ({"??": [{"val": "no"}, 3]}, False),
    ({"??": [{"val": "empty"}, 3]}, ""),
    ({"??": [{"val": "none"}, None]}, None),
    ({"??": [1, {"throw": "not reached"}]}, 1),
    # try, throw: the first that works; the next one sees the error
    ({"try": [{"throw": "Some error"}, 1]}, 1),
    ({"try": [{"/": [0, 0]}, 1]}, 1),
    ({"try": [{"throw": "Some error"}, {"/": [0, 0]}, 2]}, 2),
    ({"try": [2, {"throw": "not reached"}]}, 2),
    ({"try": [{"throw": "Some error"}, {"val": "type"}]}, "Some error"),
    ({"try": [{"throw": "A"}, {"throw": "B"}, {"val": "type"}]}, "B"),
    ({"try": [{"/": [1, {"val": "zero"}]}, {"val": "type"}]}, "NaN"),
    ({"try": [{"map": [[1, 2], {">": ["abc", 1]}]}, {"val": "type"}]}, "NaN"),
    ({"try": [{"throw": {"val": "error"}}, {"val": "type"}]}, "as data"),
    ({"try": [{"if": [{"val": "zero"}, 1, {"throw": "Not set"}]}, {"val": []}]}, {"type": "Not set"}),
    ({"try": [{"throw": "A"}, {"cat": [{"val": "type"}, "!"]}, 3]}, "A!"),
    # equality, loose and strict
    ({"==": [1, 1]}, True),
    ({"==": [1, "1"]}, True),
    ({"==": [0, False]}, True),
    ({"==": ["abc", 5]}, False),
    ({"===": [1, "1"]}, False),
    ({"===": [1, 1.0]}, True),
    ({"===": [{"var": "missing"}, None]}, True),
    ({"==": [{"var": "none"}, None]}, True),
    ({"==": [{"var": "zero"}, None]}, False),
    ({"==": [{"var": "empty"}, None]}, False),
    ({"==": [{"var": "missing"}, False]}, False),
    ({"==": [{"var": "none"}, {"var": "zero"}]}, False),
    ({"==": [{"var": "empty"}, 0]}, True),
    ({"==": [{"cat": ""}, {"var": "zero"}]}, True),
    ({"==": [{"var": "empty"}, {"var": "no"}]}, True),
    ({"==": ["1", True]}, True),
    ({"==": ["01", "1"]}, False),
    ({"==": ["1.0", {"+": [{"var": "zero"}, 1]}]}, True),
    ({"==": [{"var": "list"}, {"merge": [1, 2, 3]}]}, True),
    ({"!=": [{"var": "missing"}, 0]}, True),
    ({"!=": [{"var": "missing"}, {"var": "none"}]}, False),
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
    given = library.result(library.compiled(rule), library.data(DATA))

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
        ({"==": [{"var": "list"}, "1,2,3"]}, False),  # JavaScript: true, a list counts as its items' text
        ({"===": [[1], {"var": "one"}]}, True),  # JavaScript: false, two lists are never the same
        ({"!!": [{"var": "object"}]}, False),  # JavaScript: true
        ({"+": [1, {"var": "none"}]}, 1),  # JavaScript: NaN
    ],
)
def test_where_we_differ_from_javascript(rule: Any, expected: Any) -> None:
    assert library.result(library.compiled(rule), library.data(DATA)) == expected


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
    ("rule", "thrown"),
    [
        ({"throw": "Not an admin"}, "Not an admin"),
        ({"throw": 'say "hello" (in operator: x)'}, 'say "hello" (in operator: x)'),
        ({"and": [True, {"throw": {"val": "error"}}]}, "as data"),
        ({"try": [{"throw": "A"}, {"throw": "B"}]}, "B"),
        ({"map": [[1, 2], {"try": {"throw": "inside"}}]}, "inside"),
        ({"throw": "NaN"}, "NaN"),
    ],
)
def test_what_is_thrown_and_not_caught_is_told(rule: Any, thrown: str) -> None:
    with pytest.raises(rules.RuleFailed) as failed:
        rules.evaluate(rule, DATA)

    assert failed.value.details["thrown"] == thrown
    assert failed.value.message == f'The rule threw "{thrown}".'


def test_no_try_catches_a_rule_that_costs_too_much() -> None:
    rule = {"try": [{"map": [{"var": "many"}, {"map": [{"val": [[-2], "many"]}, 1]}]}, True]}

    with pytest.raises(rules.RuleFailed) as failed:
        rules.evaluate(rule, {"many": list(range(2_000))})

    assert "operations" in failed.value.message


primitives = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "0", "1", "-1", "1.0", "a", "true"])


def _javascript_equals(left: Any, right: Any) -> bool:
    """ECMAScript's IsLooselyEqual for what is no object."""
    if left is None or right is None:
        return left is right
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    return bool(_javascript_number(left) == _javascript_number(right))


def _javascript_number(value: Any) -> float:
    try:
        return float(value) if value != "" else 0.0
    except ValueError:
        return float("nan")


@settings(max_examples=examples(300))
@given(left=primitives, right=primitives, forms=st.tuples(*[st.sampled_from(["literal", "var", "cat"])] * 2))
def test_equality_is_that_of_javascript_however_a_value_is_written(left: Any, right: Any, forms: Any) -> None:
    def written(name: str, value: Any, form: str) -> Any:
        return {"literal": value, "var": {"var": name}, "cat": {"if": [True, {"val": name}]}}[form]

    sides = [written("left", left, forms[0]), written("right", right, forms[1])]
    context = {"left": left, "right": right}

    assert rules.evaluate({"==": sides}, context) is _javascript_equals(left, right)
    assert rules.evaluate({"!=": sides}, context) is not _javascript_equals(left, right)


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


def test_an_integer_beyond_64_bits_in_a_rule_is_the_nearest_number() -> None:
    assert rules.evaluate({"==": [{"var": "x"}, 10**30]}, {"x": 10**30}) is True
    assert rules.evaluate({"<": [{"var": "x"}, 10**400]}, {"x": 5}) is True


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
