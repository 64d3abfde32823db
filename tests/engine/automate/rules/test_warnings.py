"""Warnings: what is told, and that nothing is told that could be otherwise."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from automate import rules
from automate.rules.conflicts import find_conflict
from automate.rules.outcomes import ERROR, FALSE, TRUE, Analysis
from automate.rules.tree import operator_of, walk
from tests.support.examples import examples

N = {"var": "payload.n"}


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"==": [1, 2]}, [("never_matches", "")]),
        ({">": ["abc", 5]}, [("never_matches", "")]),
        ({"and": [N, {"!": [{"cat": "x"}]}]}, [("never_matches", "/and/1")]),
        ({"and": [N, {"and": [N, {"==": ["a", "b"]}]}]}, [("never_matches", "/and/1/and/1")]),
        ({"or": [{"in": [N, []]}, False]}, [("never_matches", "")]),
        ({"if": [N, {"==": [1, 2]}, None]}, [("never_matches", "")]),
        ({"==": [1, 1]}, [("always_matches", "")]),
        ({"or": [N, True]}, [("always_matches", "")]),
        ({"or": [{"==": [N, 1]}, {"!=": [N, 1]}]}, [("always_matches", "")]),
        ({"or": [{"!": N}, N]}, [("always_matches", "")]),
        ({"if": [N, True, "x"]}, [("always_matches", "")]),
        ({"and": [{">": [N, 5]}, {"<": [N, 3]}]}, [("never_matches", ""), ("contradiction", "/and/1")]),
        ({"and": [{"<": [3, N]}, {">=": [3, N]}]}, [("never_matches", ""), ("contradiction", "/and/1")]),
        ({"and": [{"<": [1, N, 5]}, {"==": [N, 7]}]}, [("never_matches", ""), ("contradiction", "/and/1")]),
        ({"and": [{"==": [N, "a"]}, {"==": [N, "b"]}]}, [("never_matches", ""), ("contradiction", "/and/1")]),
        ({"and": [{"==": [N, None]}, N]}, [("never_matches", ""), ("contradiction", "/and/1")]),
        ({"and": [{"in": [N, ["a", "b"]]}, {"===": [N, "c"]}]}, [("never_matches", ""), ("contradiction", "/and/1")]),
        ({"and": [{"var": "payload"}, {"and": [N, {"!": N}]}]}, None),
        ({"or": [N, {"and": [{"==": [N, 1]}, {"==": [N, 2]}]}]}, [("contradiction", "/or/1/and/1")]),
        ({">": [N, "100"]}, [("text_for_number", "/>/1")]),
        ({"<=": [" 1.5 ", N, 7]}, [("text_for_number", "/<=/0")]),
    ],
)
def test_a_warning_names_the_place(rule: Any, told: list[tuple[str, str]] | None) -> None:
    found = rules.find_rule_warnings(rule)

    assert rules.find_rule_problems(rule) == []
    if told is not None:
        assert [(problem.code, problem.path) for problem in found] == told
    assert found
    assert all(problem.severity == "warning" and problem.message.endswith(".") for problem in found)


@pytest.mark.parametrize(
    "rule",
    [
        {"==": [N, "100"]},
        {">": [N, 100]},
        {">": [N, "2026-01-01"]},
        {"and": [{">": [N, 5]}, {"<": [N, 6]}]},
        {"and": [{">=": [N, 5]}, {"<=": [N, 5]}]},
        {"and": [{"==": [N, "1"]}, {"==": [N, "1.0"]}]},  # the number 1 is both
        {"and": [{"==": [N, 1]}, {"==": [N, True]}]},
        {"and": [{"==": [N, 5]}, {"==": [{"var": ["payload.n", 6]}, 6]}]},  # missing: null and 6
        {"or": [{">": [N, 5]}, {"<=": [N, 5]}]},  # an error for a word
        {"or": [{"in": [N, {"var": "payload.list"}]}, True]},  # may cost too much
        {"and": [{"some": [{"var": "payload.l"}, {"==": [{"var": ""}, 1]}]}, {"==": [{"var": ""}, 2]}]},
    ],
)
def test_what_may_be_meant_is_not_warned_of(rule: Any) -> None:
    assert rules.find_rule_warnings(rule) == []


literals = st.sampled_from([None, True, False, 0, 1, 2, 2.5, -1, "", " ", "0", "1", "1.0", "2", "a", "b"])
values = literals | st.sampled_from([[], [1], ["a"], {}, {"n": 1}, 1.0, 3, 10, "10", "x"])
contexts = st.fixed_dictionaries({}, optional={"n": values, "m": values, "l": st.lists(values, max_size=3)})
reads = st.sampled_from([{"var": "n"}, {"var": "m"}, {"val": "n"}, {"var": ["n", 1]}, {"exists": "n"}, {"var": "l"}])
sides = reads | literals


def _conditions(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=4)
    return st.one_of(
        st.builds(lambda op, parts: {op: parts}, st.sampled_from(["and", "and", "or", "if", "??", "try"]), several),
        st.builds(lambda op, part: {op: [part]}, st.sampled_from(["!", "!!"]), inner),
        st.builds(lambda op, part: {op: [{"var": "l"}, part]}, st.sampled_from(["some", "all", "none"]), inner),
        st.builds(lambda part: {"+": [part, 1]}, inner),
    )


ORDERS = ["<", "<=", ">", ">="]
compared = st.one_of(
    st.builds(lambda op, pair: {op: list(pair)}, st.sampled_from(["==", "===", "!=", "!=="]), st.tuples(sides, sides)),
    st.builds(lambda op, pair: {op: list(pair)}, st.sampled_from(ORDERS), st.tuples(sides, sides)),
    st.builds(lambda op, three: {op: list(three)}, st.sampled_from(ORDERS), st.tuples(literals, reads, literals)),
    st.builds(lambda read, several: {"in": [read, several]}, reads, st.lists(literals, max_size=3)),
)
rule_specs = st.recursive(compared | reads, _conditions, max_leaves=8)
contradicting = st.builds(lambda parts: {"and": parts}, st.lists(compared, min_size=2, max_size=3))


@settings(max_examples=examples(500))
@given(rule=rule_specs | contradicting, context=contexts)
@example(rule={"and": [{"==": [{"var": "n"}, ""]}, {"<": [{"var": "n"}, 1]}]}, context={"n": ""})
@example(rule={"and": [{"==": [{"var": "n"}, 0]}, {"!": [{"var": "n"}]}]}, context={"n": 0})
def test_what_is_said_never_or_always_to_be_is_so(rule: Any, context: dict[str, Any]) -> None:
    """And each part comes to nothing but what was found for it."""
    found = {problem.code for problem in rules.find_rule_warnings(rule)}
    try:
        outcome = TRUE if rules.evaluate(rule, context) else FALSE
    except rules.RuleFailed:
        outcome = ERROR

    assert outcome in Analysis().outcomes(rule)
    assert not ("never_matches" in found and outcome == TRUE)
    assert not ("always_matches" in found and outcome != TRUE)


@settings(max_examples=examples(500))
@given(rule=contradicting, context=contexts)
def test_conditions_said_to_contradict_are_never_both_true(rule: Any, context: dict[str, Any]) -> None:
    conflict = find_conflict(rule)
    if conflict is None:
        return
    first, second = (rule["and"][int(path.rsplit("/", 1)[1])] for path in conflict)

    assert not (_is_true(first, context) and _is_true(second, context))


def _is_true(rule: Any, context: dict[str, Any]) -> bool:
    try:
        return rules.evaluate({"and": [rule]}, context)
    except rules.RuleFailed:
        return False


def test_every_contradiction_is_of_an_and() -> None:
    rule = {"some": [{"var": "payload.l"}, {"and": [{"==": [{"var": "x"}, 1]}, {"==": [{"var": "x"}, 2]}]}]}

    [warning] = rules.find_rule_warnings(rule)

    assert (warning.code, warning.path) == ("contradiction", "/some/1/and/1")
    assert sum(operator_of(node) == "and" for _path, node, _depth, _other in walk(rule)) == 1


@pytest.mark.parametrize(
    "rule",
    [
        {"and": [{"!==": [N, number]} for number in range(1_500)]},
        {"and": [{"in": [{"var": f"payload.{n}"}, list(range(45))]} for n in range(50) for _ in range(2)]},
        {"or": [{"map": [[1] * 30, {"map": [[1] * 30, 1]}]}] * 60},
    ],
    ids=["many conditions", "many values", "costly constants"],
)
def test_looking_for_warnings_takes_no_long_time(rule: Any) -> None:
    before = time.process_time()

    rules.find_rule_warnings(rule)

    assert time.process_time() - before < 3
