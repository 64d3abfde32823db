"""Explanations for people: what a payload holds under sensitive names cannot be read from the tree in any form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from automate.rules import explain, tell
from automate.rules.masking import masked, sensitive_values

SECRET = "Tr0ub4dor-and-3"
PAYLOAD: dict[str, Any] = {
    "password": SECRET,
    "total": 250,
    "users": [{"name": "ann", "token": SECRET}, {"name": "bob", "token": "another-Secret-9"}],
    "tokens": [{"value": SECRET}],
}
PASSWORD = {"var": "payload.password"}


def shown(rule: Any) -> str:
    return json.dumps(tell(rule, {"payload": PAYLOAD, "event": {}}).tree)


@pytest.mark.parametrize(
    "rule",
    [
        {"==": [PASSWORD, "x"]},
        {"==": [{"upper": [PASSWORD]}, "x"]},
        {"==": [{"substr": [PASSWORD, 0, 4]}, "x"]},
        {"==": [{"cat": [PASSWORD, "!"]}, "x"]},
        {"==": [{"val": ["payload", "password"]}, "x"]},
        {"==": [{"lower": [{"var": {"cat": ["payload.pass", "word"]}}]}, "x"]},
        {"in": ["x", {"map": [{"var": "payload.users"}, {"upper": [{"var": "token"}]}]}]},
        {"in": ["x", {"map": [{"var": "payload.tokens"}, {"substr": [{"var": "value"}, 0, 4]}]}]},
        {"some": [{"var": "payload.tokens"}, {"==": [{"upper": [{"var": "value"}]}, "x"]}]},
        {"in": ["x", {"reduce": [{"var": "payload.users"}, {"upper": [{"var": "current.token"}]}, ""]}]},
        {"in": ["x", {"map": [[1], {"upper": [{"val": [[-2], "payload", "password"]}]}]}]},
        {"upper": [{"cat": [{"var": "payload"}]}]},
        {"throw": [PASSWORD]},
    ],
)  # fmt: skip
def test_neither_the_value_nor_anything_made_of_it_is_shown(rule: Any) -> None:
    text = shown(rule).lower()

    for piece in (SECRET[:4], SECRET[-5:], "another"):
        assert piece.lower() not in text


def test_how_long_it_is_is_not_shown_either() -> None:
    assert str(len(SECRET)) not in shown({"==": [{"length": [PASSWORD]}, 99]})


def test_conditions_keep_their_outcome_and_other_values_are_shown() -> None:
    told = tell(
        {"and": [{"==": [PASSWORD, SECRET]}, {">": [{"var": "payload.total"}, 300]}]}, {"payload": PAYLOAD, "event": {}}
    )

    assert told.tree is not None
    assert [child["result"] for child in told.tree["children"]] == [True, False]
    assert (told.matches, told.condition, told.seen) == (False, "payload.total > 300", [250, 300])


def test_a_tree_without_anything_sensitive_is_what_explain_gives() -> None:
    context = {"payload": {"lines": [{"n": 1}, {"n": 20}], "total": 3}, "event": {}}
    rule = {
        "and": [{"some": [{"var": "payload.lines"}, {">": [{"var": "n"}, 10]}]}, {"+": [{"var": "payload.total"}, 1]}]
    }

    assert masked(explain(rule, context), rule, sensitive_values(context["payload"])) == explain(rule, context)


def test_a_rule_that_cannot_be_evaluated_says_why_and_no_rule_matches() -> None:
    told = tell({">": [{"var": "payload.word"}, 1]}, {"payload": {"word": "x"}, "event": {}})

    assert (told.matches, told.error) == (None, "`>` was given something that is not a number.")
    assert (tell(None, {"payload": 1, "event": {}}).matches, tell({"nonsense": 1}, {"payload": 1}).matches) == (
        True,
        None,
    )
