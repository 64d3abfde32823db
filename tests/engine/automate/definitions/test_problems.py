"""Every problem of a definition is found, each at its place."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from automate.definitions import Problem, find_problems, pointer, schema
from automate.definitions.checks import MAX_PROBLEMS
from tests.support.examples import examples

GOOD: dict[str, Any] = {
    "slug": "order-flow",
    "name": "Order flow",
    "trigger": {"type": "webhook", "endpoint": "default"},
    "rule": {">": [{"var": "payload.amount"}, 100]},
    "steps": [
        {
            "id": "notify",
            "name": "Notify",
            "note": "Tells the shop",
            "connector": "http",
            "action": "request",
            "params": {
                "method": "POST",
                "url": "https://example.com/{{ payload.id }}",
                "headers": {"Authorization": {"$secret": "SHOP_TOKEN"}, "X-Type": "{{ event.type }}"},
                "json": "{{ payload }}",
            },
            "retry": {"attempts": 4, "base_seconds": 5, "factor": 6, "cap_seconds": 3600},
            "timeout_seconds": 60,
            "idempotent": True,
        },
        {
            "id": "tell",
            "connector": "core",
            "action": "log",
            "params": {"message": "{{ steps.notify.output.status }}"},
        },
    ],
}


def _with(path: str, value: Any) -> dict[str, Any]:
    """GOOD with `value` at the JSON pointer."""
    changed = deepcopy(GOOD)
    target: Any = changed
    *above, last = path.split("/")[1:]
    for part in above:
        target = target[int(part) if isinstance(target, list) else part]
    target[int(last) if isinstance(target, list) else last] = value
    return changed


def _without(path: str) -> dict[str, Any]:
    changed = deepcopy(GOOD)
    target: Any = changed
    *above, last = path.split("/")[1:]
    for part in above:
        target = target[int(part) if isinstance(target, list) else part]
    del target[last]
    return changed


def test_a_good_definition_has_no_problem() -> None:
    assert find_problems(GOOD) == []
    assert find_problems({**GOOD, "rule": None, "note": "x", "$schema": "workflow.schema.json"}) == []
    assert find_problems(_with("/trigger", {"type": "event", "event_type": "order.created"})) == []


def test_the_published_schema_is_one_and_agrees() -> None:
    Draft202012Validator.check_schema(schema())
    validator = Draft202012Validator(schema())

    assert validator.is_valid(GOOD)
    assert not validator.is_valid({**GOOD, "steps": []})


@pytest.mark.parametrize(
    ("path", "value", "problem_path", "code"),
    [
        ("/slug", "Order Flow", "/slug", "malformed"),
        ("/slug", "-x", "/slug", "malformed"),
        ("/slug", "x" * 61, "/slug", "malformed"),
        ("/slug", "good\n", "/slug", "malformed"),
        ("/name", " ", "/name", "malformed"),
        ("/name", "x" * 121, "/name", "malformed"),
        ("/note", "x" * 301, "/note", "malformed"),
        ("/extra", 1, "/extra", "unknown_field"),
        ("/trigger", {"type": "cron"}, "/trigger/type", "malformed"),
        ("/trigger", {"type": "webhook"}, "/trigger/endpoint", "required"),
        ("/trigger", {"type": "event"}, "/trigger/event_type", "required"),
        ("/trigger", {"type": "event", "event_type": "*"}, "/trigger/event_type", "malformed"),
        ("/trigger", {"type": "event", "event_type": "order.*"}, "/trigger/event_type", "malformed"),
        ("/trigger/event_type", "x", "/trigger/event_type", "unknown_field"),
        ("/trigger", {}, "/trigger/type", "required"),
        ("/rule", True, "/rule", "malformed"),
        ("/rule", {}, "/rule", "not_a_rule"),
        ("/rule", {"gt": [1, 2]}, "/rule", "unknown_operator"),
        ("/rule", {"==": [{"var": "amount"}, 1]}, "/rule/==/0/var", "unknown_name"),
        ("/rule", {"==": [{"var": "steps.a"}, 1]}, "/rule/==/0/var", "unknown_name"),
        ("/steps", [], "/steps", "malformed"),
        ("/steps", {}, "/steps", "malformed"),
        ("/steps/0", 5, "/steps/0", "malformed"),
        ("/steps/0/id", "a-", "/steps/0/id", "malformed"),
        ("/steps/0/id", "-a", "/steps/0/id", "malformed"),
        ("/steps/0/id", "1a", "/steps/0/id", "malformed"),
        ("/steps/0/id", "a b", "/steps/0/id", "malformed"),
        ("/steps/0/id", "a.b", "/steps/0/id", "malformed"),
        ("/steps/0/id", "a" * 101, "/steps/0/id", "malformed"),
        ("/steps/0/id", "1a", "/steps/0/id", "malformed"),
        ("/steps/0/id", "a\n", "/steps/0/id", "malformed"),
        ("/trigger", {"type": "event", "event_type": "x\n"}, "/trigger/event_type", "malformed"),
        ("/steps/1/id", "notify", "/steps/1/id", "duplicate_step"),
        ("/steps/0/connector", "htpp", "/steps/0/connector", "unknown_connector"),
        ("/steps/0/action", "requst", "/steps/0/action", "unknown_action"),
        ("/steps/0/params", {}, "/steps/0/params/url", "required"),
        ("/steps/0/params/methd", "GET", "/steps/0/params/methd", "unknown_param"),
        ("/steps/0/params/method", "FETCH", "/steps/0/params/method", "wrong_param"),
        ("/steps/0/params/timeout", "soon", "/steps/0/params/timeout", "wrong_param"),
        ("/steps/0/params/headers", {"X": 5}, "/steps/0/params/headers/X", "wrong_param"),
        ("/steps/0/params/json", "{{ nope }}", "/steps/0/params/json", "unknown_name"),
        ("/steps/0/params/json", {"a": ["{{ payload. }}"]}, "/steps/0/params/json/a/0", "template_invalid"),
        ("/steps/0/params/json", "{{ steps.tell.output }}", "/steps/0/params/json", "unknown_step"),
        ("/steps/0/params/json", "{{ steps.notify.output }}", "/steps/0/params/json", "unknown_step"),
        ("/steps/1/params/message", "{{ steps.notify.stats }}", "/steps/1/params/message", "unknown_name"),
        ("/steps/0/retry/attempts", 0, "/steps/0/retry/attempts", "malformed"),
        ("/steps/0/retry/attempts", 1.5, "/steps/0/retry/attempts", "malformed"),
        ("/steps/0/retry/tries", 3, "/steps/0/retry/tries", "unknown_field"),
        ("/steps/0/timeout_seconds", 0, "/steps/0/timeout_seconds", "malformed"),
        ("/steps/0/timeout_seconds", 901, "/steps/0/timeout_seconds", "malformed"),
        ("/steps/0/idempotent", "yes", "/steps/0/idempotent", "malformed"),
    ],
)
def test_a_problem_is_found_at_its_place(path: str, value: Any, problem_path: str, code: str) -> None:
    problems = find_problems(_with(path, value))

    assert (problem_path, code) in [(problem.path, problem.code) for problem in problems]
    assert all(problem.message for problem in problems)
    assert len([problem for problem in problems if problem.path == problem_path]) == 1


@pytest.mark.parametrize("path", ["/slug", "/name", "/trigger", "/steps", "/steps/0/id", "/steps/0/connector"])
def test_a_missing_field_is_named(path: str) -> None:
    assert Problem(path, "required", f'"{path.rsplit("/", 1)[1]}" is required.') in find_problems(_without(path))


@pytest.mark.parametrize(
    ("path", "value", "suggestion"),
    [
        ("/steps/0/connector", "htp", '"http"'),
        ("/steps/0/action", "reqest", '"request"'),
        ("/steps/0/params/hedaers", {}, '"headers"'),
        ("/ruel", {}, '"rule"'),
        ("/steps/0/params/json", "{{ payload|uper }}", '"upper"'),
        ("/steps/1/params/message", "{{ steps.notfy.output }}", '"notify"'),
        ("/rule", {"missin": ["payload.a"]}, '"missing"'),
    ],
)
def test_a_near_name_is_suggested(path: str, value: Any, suggestion: str) -> None:
    assert any(f"Did you mean {suggestion}?" in problem.message for problem in find_problems(_with(path, value)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/steps/0/params/headers/Authorization", "Bearer abcdef123456"),
        ("/steps/0/params/headers/X-Api-Key", "0123456789abcdef"),
        ("/steps/0/params/json", {"password": "hunter2-hunter2"}),
        ("/steps/0/params/json", ["sk_live_4eC39HqLyjWDarjtT1zdp7dc"]),
        ("/steps/0/params/url", "https://user:passw0rd@example.com/"),
        ("/steps/0/params/url", "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"),
        ("/steps/0/note", "the key is AKIAIOSFODNN7EXAMPLE"),
        ("/rule", {"==": [{"var": "payload.key"}, "ghp_abcdefghijklmnopqrstuvwxyz0123456789"]}),
    ],
)
def test_a_secret_written_out_is_refused_with_what_to_write_instead(path: str, value: Any) -> None:
    found = [problem for problem in find_problems(_with(path, value)) if problem.code == "secret_value"]

    assert len(found) == 1
    assert '{"$secret": "NAME"}' in found[0].message
    assert found[0].path.startswith(path.rsplit("/", 1)[0])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/steps/0/params/headers/Authorization", "Bearer {{ payload.token }}"),
        ("/steps/0/params/headers/Authorization", {"$secret": "TOKEN"}),
        ("/steps/0/params/headers/Authorization", "$secret:TOKEN"),
        ("/steps/0/params/json", {"key": "a b c", "idempotency_key": "order-1234", "token_type": "bearer-like"}),
        ("/rule", {"==": [{"var": "payload.password"}, "x"]}),
    ],
)
def test_what_is_no_secret_is_let_through(path: str, value: Any) -> None:
    assert find_problems(_with(path, value)) == []


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        ({"$secret": "{{ payload.name }}"}, "/$secret"),
        ({"$secret": "a b"}, "/$secret"),
        ({"$secret": 5}, "/$secret"),
        ({"$secret": "OK", "beside": 1}, ""),
        ("$secret:{{ payload.name }}", ""),
        ("$secret:", ""),
    ],
)
def test_a_reference_to_a_secret_is_a_plain_name(reference: Any, path: str) -> None:
    problems = find_problems(_with("/steps/0/params/json", {"a": reference}))

    assert [(p.path, p.code) for p in problems] == [(f"/steps/0/params/json/a{path}", "secret_reference")]


def test_values_known_only_at_run_time_are_not_judged() -> None:
    params = {"method": "{{ payload.method }}", "url": "{{ payload.url }}", "timeout": "{{ payload.t }}"}
    params |= {"ok_statuses": [200, "{{ payload.s }}"], "headers": {"X": {"$secret": "A"}}}

    assert find_problems(_with("/steps/0/params", params)) == []


def test_limits_hold() -> None:
    step = {"id": "a", "connector": "core", "action": "log", "params": {"message": "x"}}
    deep: Any = "x"
    for _ in range(70):
        deep = [deep]
    endless: Any = "x"
    for _ in range(100_000):
        endless = [endless]

    assert find_problems({**GOOD, "steps": [{**step, "id": f"s{n}"} for n in range(1_000)]}) == []
    too_many = find_problems({**GOOD, "steps": [{**step, "id": f"s{n}"} for n in range(1_001)]})
    assert [p.path for p in too_many] == ["/steps"]
    assert too_many[0].message.startswith("At most 1,000 may be here.")
    assert [p.code for p in find_problems(_with("/steps/0/params/json", deep))] == ["too_deep"]
    assert [p.code for p in find_problems(_with("/steps/0/params/json", endless))] == ["too_deep"]
    assert [p.code for p in find_problems({**GOOD, "note": "x" * 1_100_000})] == ["too_large"]
    assert [p.code for p in find_problems({**GOOD, "note": "a\0b"})] == ["not_storable"]
    assert [p.code for p in find_problems({**GOOD, "note": "\ud800"})] == ["not_json"]
    assert [p.code for p in find_problems({**GOOD, "note": float("nan")})] == ["not_json"]
    assert [p.code for p in find_problems({**GOOD, "note": b"x"})] == ["not_json"]


def test_a_thousand_bad_steps_are_told_in_bounds() -> None:
    problems = find_problems({**GOOD, "steps": [{"id": "a", "connector": "nope", "action": "x"}] * 1_000})

    assert len(problems) == MAX_PROBLEMS


def test_problems_stand_in_the_order_of_the_document() -> None:
    bad = {"steps": [{"id": "a"}, 5], "slug": "X Y", "rule": {"nope": 1}}

    paths = [problem.path for problem in find_problems(bad)]

    assert paths == ["/name", "/trigger", "/steps/0/action", "/steps/0/connector", "/steps/1", "/slug", "/rule"]


def test_pointers_are_escaped() -> None:
    assert pointer("a/b", "c~d", 0) == "/a~1b/c~0d/0"
    problems = find_problems(_with("/steps/0/params/json", {"a/b": "{{ nope }}"}))
    assert [p.path for p in problems] == ["/steps/0/params/json/a~1b"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*GOOD, *GOOD["steps"][0], "$secret", "var", "x"]), inner, max_size=4)
    ),
    max_leaves=15,
)


@settings(max_examples=examples(300))
@given(
    value=anything,
    path=st.sampled_from(["/slug", "/trigger", "/rule", "/steps", "/steps/0", "/steps/0/params", "/name"]),
)
def test_whatever_stands_anywhere_is_a_problem_or_none_but_never_a_crash(value: Any, path: str) -> None:
    for problem in [*find_problems(value), *find_problems(_with(path, value))]:
        assert problem.path == "" or problem.path.startswith("/")
        assert problem.message and problem.code


def test_a_rule_that_is_hardly_meant_is_a_warning_and_no_error() -> None:
    [warning] = find_problems(_with("/rule", {">": [{"var": "payload.amount"}, "100"]}))

    assert (warning.path, warning.code, warning.severity) == ("/rule/>/1", "text_for_number", "warning")
    assert not warning.is_error


def test_a_rule_with_errors_has_no_warnings() -> None:
    found = find_problems(_with("/rule", {"and": [{"==": [1, 2]}, {"nope": 1}]}))

    assert [problem.code for problem in found] == ["unknown_operator"]


def _two_steps(text: str) -> list[Problem]:
    [first, *_others] = GOOD["steps"]
    steps = [{**first, "id": "reserve-stock"}, {"id": "tell", "connector": "core", "action": "log"}]
    return find_problems({**GOOD, "steps": [steps[0], {**steps[1], "params": {"message": text}}]})


@pytest.mark.parametrize(
    "text",
    [
        "{{ steps.reserve-stock.output }}",
        "n: {{ steps.reserve-stock.output.n - 1 }}",
        "{{ steps['reserve-stock'].output }}",
    ],
)
def test_a_step_may_have_hyphens_in_its_id_and_is_read_by_it(text: str) -> None:
    assert _two_steps(text) == []


@pytest.mark.parametrize("text", ["{{ steps.reserve-stok.output }}", "n: {{ steps.reserve-stok.output }}"])
def test_a_misspelt_id_with_hyphens_is_answered_with_the_right_one(text: str) -> None:
    [problem] = _two_steps(text)

    assert (problem.path, problem.code) == ("/steps/1/params/message", "unknown_step")
    assert problem.message == 'No step "reserve-stok" has run before this one. Did you mean "reserve-stock"?'


@pytest.mark.parametrize("name", ["²", "٣", "1" * 5000], ids=["a superscript", "another script's digit", "no index"])
def test_a_name_that_looks_like_a_number_is_named_in_its_place(name: str) -> None:
    steps = [{"id": "s", "connector": "core", "action": "log", "params": {"message": "x", name: 1}}]

    problems = find_problems({**GOOD, "steps": steps})

    assert [(problem.code, problem.path) for problem in problems] == [("unknown_param", f"/steps/0/params/{name}")]
