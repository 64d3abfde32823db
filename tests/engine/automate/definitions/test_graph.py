"""Definitions as graphs: what is wrong with one is named at its place, and what a run reads of it is complete."""

from __future__ import annotations

from typing import Any

import pytest

from automate.definitions import Plan, find_problems, parse_plan
from automate.definitions.graph import MAX_STEPS, upstream


def log(step_id: str, **more: Any) -> dict[str, Any]:
    message = more.pop("message", "hi")
    return {"id": step_id, "connector": "core", "action": "log", "params": {"message": message}, **more}


def definition(*steps: dict[str, Any], **options: Any) -> dict[str, Any]:
    trigger = {"type": "event", "event_type": "order.created"}
    return {"slug": "flow", "name": "Flow", "trigger": trigger, "steps": list(steps), **options}


def problems(*steps: dict[str, Any], **options: Any) -> list[tuple[str, str]]:
    return [(found.path, found.code) for found in find_problems(definition(*steps, **options))]


HANDLER = {"steps": [log("tell", message="{{ error.message }} {{ steps.b.error.code }}")], "then": "continue"}
FULL = (
    log("a", needs=[]),
    log("b", needs=[], on_error=HANDLER),
    log("c", needs=["a", "b"], when={"==": [{"var": "steps.b.status"}, "succeeded"]}),
    log(
        "d",
        foreach={"items": "{{ payload.lines }}", "concurrency": 3, "on_item_error": "continue"},
        message="{{ item.sku }} {{ index }} {{ steps.a.output.message }}",
        retry={"attempts": 2, "retry_on": ["busy"]},
        compensate={"connector": "core", "action": "log", "params": {"message": "{{ item }} {{ steps.d.output }}"}},
    ),
)


def test_a_full_definition_has_no_problem() -> None:
    done = [log("end", message="{{ error|default('none') }} {{ steps.tell.status }}")]
    assert problems(*FULL, **{"finally": done, "deadline_seconds": 3600}) == []


@pytest.mark.parametrize(
    ("steps", "path", "code"),
    [
        ([log("a"), log("b", needs=["c"])], "/steps/1/needs/0", "unknown_step"),
        ([log("a", needs=["b"]), log("b")], "/steps/0/needs", "circular_needs"),
        ([log("a", needs=["a"])], "/steps/0/needs", "circular_needs"),
        ([log("a"), log("b", needs=[], message="{{ steps.a.output }}")], "/steps/1/params/message", "unknown_step"),
        ([log("a"), log("b", when={"==": [{"var": "steps.c.status"}, 1]})], "/steps/1/when/==/0", "unknown_step"),
        ([log("a"), log("b", when={"==": [{"val": ["steps", "a", "x"]}, 1]})], "/steps/1/when/==/0", "unknown_name"),
        ([log("a", when={"nope": 1})], "/steps/0/when", "unknown_operator"),
        ([log("a", when={"==": [{"var": "item"}, 1]})], "/steps/0/when/==/0/var", "unknown_name"),
        ([log("a", message="{{ item }}")], "/steps/0/params/message", "unknown_name"),
        ([log("a", message="{{ error }}")], "/steps/0/params/message", "unknown_name"),
        ([log("a", foreach={"items": "{{ item }}"})], "/steps/0/foreach/items", "unknown_name"),
        ([log("a", foreach={"items": "lines"})], "/steps/0/foreach/items", "malformed"),
        ([log("a", foreach={"items": list(range(1001))})], "/steps/0/foreach/items", "malformed"),
        ([log("a", foreach={})], "/steps/0/foreach/items", "required"),
        ([log("a", on_error="stop")], "/steps/0/on_error", "malformed"),
        ([log("a", on_error={"steps": []})], "/steps/0/on_error/steps", "malformed"),
        ([log("a", on_error={"steps": [log("a")]})], "/steps/0/on_error/steps/0/id", "duplicate_step"),
        (
            [log("a", on_error={"steps": [log("h", message="{{ steps.b.output }}")]}), log("b")],
            "/steps/0/on_error/steps/0/params/message",
            "unknown_step",
        ),
        (
            [log("a", on_error={"steps": [log("h", needs=[])]})],
            "/steps/0/on_error/steps/0/needs",
            "unknown_field",
        ),
        (
            [log("a", compensate={"connector": "cor", "action": "x"})],
            "/steps/0/compensate/connector",
            "unknown_connector",
        ),
        ([log("a", retry={"attempts": 21})], "/steps/0/retry/attempts", "malformed"),
        ([log("a", retry={"retry_on": []})], "/steps/0/retry/retry_on", "malformed"),
    ],
)  # fmt: skip
def test_a_problem_is_found_at_its_place(steps: list[dict[str, Any]], path: str, code: str) -> None:
    assert (path, code) in problems(*steps)


def test_a_circle_is_told_with_its_path() -> None:
    found = find_problems(definition(log("a", needs=["c"]), log("b"), log("c"), log("d")))

    [circle] = [problem for problem in found if problem.code == "circular_needs"]
    assert circle.message == 'These steps wait for one another: "a" → "c" → "b" → "a".'


def test_finally_steps_are_checked_in_depth() -> None:
    done = [log("end", message="{{ steps.nope.output }}"), {"id": "x", "connector": "htp", "action": "request"}]

    assert problems(log("a"), **{"finally": done}) == [
        ("/finally/0/params/message", "unknown_step"),
        ("/finally/1/connector", "unknown_connector"),
    ]


def test_all_steps_together_have_a_limit() -> None:
    done = [log("end")]

    assert problems(*[log(f"s{n}") for n in range(MAX_STEPS)], **{"finally": done}) == [("/steps", "too_many_steps")]


def test_a_join_sees_both_branches_and_neither_sees_the_other() -> None:
    before = upstream({"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")})

    assert before == {"a": set(), "b": {"a"}, "c": {"a"}, "d": {"a", "b", "c"}}


def test_a_plan_has_every_step_with_its_place() -> None:
    plan = parse_plan(list(FULL), {"finally": [log("end")], "deadline_seconds": 60})

    assert isinstance(plan, Plan)
    assert [(step.id, step.position, step.needs) for step in plan.steps] == [
        ("a", 0, ()),
        ("b", 1, ()),
        ("c", 2, ("a", "b")),
        ("d", 3, ("c",)),
    ]
    assert [(step.id, step.position) for step in (*plan.steps[1].handler, *plan.finally_steps)] == [
        ("tell", 4),
        ("end", 5),
    ]
    assert set(plan.by_id) == {"a", "b", "c", "d", "tell", "end", "d.compensate"}
    assert (plan.steps[1].on_error, plan.steps[0].on_error, plan.deadline_seconds) == ("continue", "fail", 60.0)
    assert plan.steps[3].retry.retry_on == ("busy",)
