"""The sample workflow: no problem in it, and its rule and params work for any JSON object."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from automate import rules, templating
from automate.definitions import find_problems, parse_steps
from automate.services.sample import sample_definition
from tests.support.examples import examples

DEFINITION = sample_definition("http://127.0.0.1:8000/echo")


def test_it_has_three_steps_one_of_them_http_and_no_problem() -> None:
    assert find_problems(DEFINITION) == []
    steps = parse_steps(DEFINITION["steps"])
    assert [(step.connector, step.action) for step in steps] == [
        ("core", "transform"),
        ("http", "request"),
        ("core", "log"),
    ]
    assert steps[1].idempotent


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
payloads = st.dictionaries(st.sampled_from(["name", "skip", "items", "x y", ""]), values)


@settings(max_examples=examples(200))
@given(payload=payloads)
def test_it_works_for_any_payload(payload: dict[str, Any]) -> None:
    context: dict[str, Any] = {"payload": payload, "event": {"id": "e", "type": "t"}, "steps": {}}
    assert rules.evaluate(DEFINITION["rule"], context) is (payload.get("skip") is not True)

    shaped = templating.render(DEFINITION["steps"][0]["params"], context)
    context["steps"]["shape"] = {"output": shaped["value"]}
    sent = templating.render(DEFINITION["steps"][1]["params"], context)
    context["steps"]["echo"] = {"output": {"status": 200}}
    told = templating.render(DEFINITION["steps"][2]["params"], context)

    assert sent["json"]["received"] == payload
    assert told["message"].endswith("The echo answered 200.")
