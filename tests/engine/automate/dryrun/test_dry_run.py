"""One dry run without a database: the path, where answers come from, what is unknown, what policy would deny."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from automate.rules.partial import DependsOnUnknown, known_truth
from automate_governance.errors import Invalid
from automate_testing.workflows import dry_run


def core(step_id: str, action: str = "transform", params: Any = None, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "connector": "core", "action": action, "params": params or {}, **more}


def http(step_id: str, **more: Any) -> dict[str, Any]:
    params = {"method": "POST", "url": "https://api.example.com/{{ payload.id }}", **more.pop("params", {})}
    return {"id": step_id, "connector": "http", "action": "request", "params": params, **more}


def flow(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    trigger = {"type": "event", "event_type": "order.created"}
    return {"slug": "flow", "name": "Flow", "trigger": trigger, "rule": None, "steps": list(steps), **more}


@pytest.fixture(autouse=True)
def no_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that connects anywhere, or a name that is looked up, fails the test."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"a dry run went out: {args}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_the_request_is_shown_with_its_secret_reference_and_the_answer_is_unknown() -> None:
    tried = dry_run(flow(http("charge", params={"headers": {"Authorization": {"$secret": "KEY"}}})), {"id": 7})

    charge = tried.step("charge")
    assert (tried.status, tried.is_certain) == ("succeeded", True)
    assert (charge.status, charge.output, charge.output_from) == ("succeeded", None, "unknown")
    assert charge.request is not None
    assert charge.request["params"] == {
        "method": "POST", "url": "https://api.example.com/7", "headers": {"Authorization": {"$secret": "KEY"}},
    }  # fmt: skip


def test_what_needs_an_unknown_answer_is_unknown_and_names_it() -> None:
    tried = dry_run(
        flow(
            http("charge"),
            core("note", params={"value": "{{ steps.charge.output.body.id }}"}),
            core("default", params={"value": "{{ steps.charge.output.body.id | default('x') }}"}),
            core("apart", params={"value": "{{ payload.id }}"}, needs=["charge"]),
            core("only-if", when={"==": [{"var": "steps.note.output"}, 1]}, needs=["note"]),
            http("each", foreach={"items": "{{ steps.charge.output.body.lines }}"}, needs=["charge"]),
            core("after", needs=["each"]),
        ),
        {"id": 7},
    )

    assert tried.is_certain is False
    assert tried.path == {
        "charge": "succeeded", "note": "unknown", "default": "unknown", "apart": "succeeded", "only-if": "unknown",
        "each": "unknown", "after": "succeeded",
    }  # fmt: skip
    assert tried.step("note").needs == "steps.charge.output.body.id"
    assert tried.step("only-if").needs == "steps.note.output"
    assert tried.step("each").needs == "steps.charge.output.body.lines"
    assert [step.step for step in tried.steps if step.is_assumed] == ["default", "only-if", "after"]
    assert tried.step("note").output is None


def test_stubs_samples_and_items_answer_in_their_order() -> None:
    definition = flow(
        {**http("charge"), "sample_output": {"id": "sample"}},
        {**http("refund"), "sample_output": {"id": "pinned"}},
        http("ship", foreach={"items": ["a", "b"], "on_item_error": "continue"}),
        core("all", params={"value": "{{ steps.charge.output.id }} {{ steps.refund.output.id }}"}),
    )
    sold_out = {"error": {"code": "sold_out", "message": "None left."}}
    stubs = {"charge": {"output": {"id": "stub"}}, "ship": {"items": [{"output": 1}, sold_out]}}

    tried = dry_run(definition, {"id": 1}, stubs=stubs)

    assert tried.step("all").output == "stub pinned"
    assert [tried.step(name).output_from for name in ("charge", "refund", "all")] == ["stub", "sample", "run"]
    assert tried.step("ship", 2).error == {
        "code": "sold_out", "message": "None left.", "details": {}, "retryable": False,
    }  # fmt: skip
    assert [one["status"] for one in tried.step("ship").output] == ["succeeded", "failed"]
    with pytest.raises(Invalid):
        dry_run(definition, {}, stubs={"charge": {"id": "bare"}})


def test_a_stubbed_failure_takes_the_way_of_failures() -> None:
    definition = flow(
        http("reserve", compensate={"connector": "http", "action": "request", "params": {"method": "DELETE", "url": "https://api.example.com/r"}}),
        http("charge", on_error={"steps": [core("tell", params={"value": "{{ error.code }}"})], "then": "fail"}),
        core("never"),
        **{"finally": [core("close", params={"value": "{{ error.step }}"})]},
    )  # fmt: skip

    tried = dry_run(definition, {"id": 1}, stubs={"charge": {"error": {"code": "declined"}}})

    assert tried.status == "failed"
    assert tried.path == {
        "reserve": "succeeded", "reserve.compensate": "succeeded", "charge": "failed", "tell": "succeeded",
        "close": "succeeded",
    }  # fmt: skip
    assert [tried.step(name).kind for name in ("reserve.compensate", "tell", "close")] == [
        "compensation", "handler", "finally",
    ]  # fmt: skip
    assert (tried.step("tell").output, tried.step("close").output) == ("declined", "charge")


def test_waits_are_told_and_jumped_over() -> None:
    definition = flow(
        core("pause", "wait", {"seconds": 3600}),
        core("ask", "approve", {"message": "Refund {{ payload.id }}?", "timeout_seconds": 60}),
        core("child", "run_workflow", {"workflow": "other", "payload": {"n": 1}}),
    )

    tried = dry_run(definition, {"id": 5}, stubs={"ask": {"output": {"approved": True}}})

    assert (tried.status, tried.waited_seconds) == ("succeeded", 3600.0)
    assert tried.step("pause").waits == {"kind": "time", "seconds": 3600}
    assert tried.step("ask").waits == {"kind": "approval", "message": "Refund 5?", "timeout_seconds": 60}
    assert (tried.step("child").waits or {})["kind"] == "child"
    assert tried.step("child").output_from == "unknown"


def test_a_deadline_holds_for_time_that_is_jumped_over() -> None:
    tried = dry_run(flow(core("pause", "wait", {"seconds": 3600}), core("never"), deadline_seconds=60), {})

    assert (tried.status, (tried.error or {})["code"]) == ("failed", "deadline_exceeded")
    assert tried.path == {"pause": "cancelled"}


def test_policy_is_asked_and_its_denial_reported(settings: Any) -> None:
    settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "POLICY": {"host_allowlist": ["*.stripe.com"]}}

    tried = dry_run(flow(http("charge", on_error="continue"), core("after")), {"id": 1})

    [denied] = tried.step("charge").denied
    assert denied["code"] == "host_not_allowed"
    assert tried.path == {"charge": "failed", "after": "succeeded"}


def test_the_rule_is_asked_and_explained() -> None:
    definition = flow(core("a"), rule={">": [{"var": "payload.total"}, 100]})

    tried = dry_run(definition, {"total": 5})

    assert (tried.status, tried.decision.matches, tried.decision.reason) == (None, False, "rule_false")
    assert (tried.decision.explain or {})["matched"] is False
    assert dry_run(definition, {"total": 5}, is_direct=True).path == {"a": "succeeded"}
    assert dry_run(definition, {"total": 500}, event={"type": "other"}).decision.reason == "not_listening"


def test_a_template_does_not_unmask_what_is_sensitive() -> None:
    tried = dry_run(flow(core("a", params={"value": {"x": "{{ payload.password }}"}})), {"password": "hunter2hunter2"})

    assert "hunter2" not in str(tried.as_dict())


def test_a_run_without_an_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automate.dryrun.run.MAX_ATTEMPTS", 3)

    tried = dry_run(flow(core("each", foreach={"items": list(range(10)), "concurrency": 1})), {})

    assert tried.status == "stopped"
    assert "3 attempts" in (tried.limit or "")


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ({"and": [{"==": [{"var": "payload.n"}, 2]}, {"var": "steps.a.output.ok"}]}, False),
        ({"or": [{"var": "steps.a.output"}, {"==": [{"var": "payload.n"}, 1]}]}, True),
        ({"!": [{"and": [False, {"var": "steps.a.output"}]}]}, True),
        ({"==": [{"var": "steps.a.status"}, "succeeded"]}, True),
        ({"var": "steps.a.output.ok"}, None),
        ({"and": [True, {"var": "steps.a"}]}, None),
        ({"missing": ["steps.a.output"]}, None),
        ({"var": {"cat": ["steps.", "a"]}}, None),
        ({"some": [{"var": "steps.a.output"}, {"==": [{"var": ""}, 1]}]}, None),
    ],
)
def test_a_condition_is_decided_where_what_is_known_decides_it(rule: Any, holds: bool | None) -> None:
    context = {"payload": {"n": 1}, "steps": {"a": {"status": "succeeded", "output": None}}}

    if holds is None:
        with pytest.raises(DependsOnUnknown):
            known_truth(rule, context, [("steps", "a", "output")])
    else:
        assert known_truth(rule, context, [("steps", "a", "output")]) is holds
