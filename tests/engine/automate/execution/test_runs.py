"""From an emitted event to a recorded run: outputs, retries, failures, doubt, crashes, secrets."""

from __future__ import annotations

from typing import Any

import pytest

from automate import ids
from automate.runtime import run_workflow
from automate_connectors.models import ConnectorError
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, step


def test_steps_run_in_order_and_see_what_came_before(bench: Bench, scripted: Any) -> None:
    bench.publish(
        step("first", params={"n": "{{ payload.amount }}"}),
        step("second", params={"twice": "{{ steps.first.output.n * 2 }}", "trace": "{{ trace_id }}"}),
    )
    event = bench.emit({"amount": 21})

    bench.work()

    run = bench.run()
    assert (run.status, run.event_id, run.steps_done, run.steps_total) == ("succeeded", event, 2, 2)
    assert run.outputs["second"] == {"twice": 42, "trace": run.trace_id.hex}
    assert [(s.step_id, s.status, s.attempt) for s in bench.steps()] == [
        ("first", "succeeded", 1),
        ("second", "succeeded", 1),
    ]
    assert [call[0] for call in scripted.calls] == ["first", "second"]
    assert {s.trace_id for s in bench.steps()} == {run.trace_id}
    assert bench.jobs() == [("event", "COMPLETED")]


def test_a_step_is_read_by_an_id_with_hyphens(bench: Bench, scripted: Any) -> None:
    bench.publish(
        step("reserve-stock", params={"n": 2}),
        step(
            "call-2nd", params={"n": "{{ steps.reserve-stock.output.n }}", "m": "{{ steps.reserve-stock.output.n-1 }}"}
        ),
    )
    bench.emit({})

    bench.work()

    assert bench.run().outputs["call-2nd"] == {"n": 2, "m": 1}


def test_every_candidate_has_a_decision_with_its_reason(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a"), rule={">": [{"var": "payload.amount"}, 100]}, slug="big")
    bench.publish(step("a"), rule={"<": [{"var": "payload.amount"}, 100]}, slug="small")
    bench.emit({"amount": 150})

    bench.work()

    assert bench.decisions() == [("no_match", "rule_false"), ("started", "rule_true")]
    assert len(bench.runs()) == 1


def test_an_event_nobody_listens_for_is_answered_for(bench: Bench) -> None:
    bench.emit()

    bench.work()

    assert bench.decisions() == [("no_match", "no_workflow")]
    assert bench.jobs() == [("event", "COMPLETED")]


def test_a_direct_run_passes_the_rule_and_says_so(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a", params={"n": "{{ payload.amount }}"}), rule={"==": [1, 2]})
    with tenant_scope(bench.ref):
        run_id = run_workflow("flow", {"amount": 3})

    bench.work()

    run = bench.run()
    assert (str(run.id), run.status, run.outputs) == (run_id, "succeeded", {"a": {"n": 3}})
    assert bench.decisions() == [("started", "direct")]


def test_a_transient_failure_waits_and_is_tried_again_with_the_same_key(bench: Bench, scripted: Any) -> None:
    def fail_twice(params: Any, context: Any) -> Any:
        if context["attempt"] < 3:
            raise ConnectorError("The receiver is busy.", retryable=True)
        return {"ok": True}

    scripted.script = staticmethod(fail_twice)
    bench.publish(step("before"), step("send", "write"))
    scripted.script = staticmethod(lambda p, c: fail_twice(p, c) if c["step_id"] == "send" else {"n": 1})
    bench.emit()

    bench.work()
    waiting = bench.run()
    bench.make_due()
    bench.work()
    bench.make_due()
    bench.work()

    assert (waiting.status, waiting.wake_at is not None) == ("waiting", True)
    assert bench.run().status == "succeeded"
    sends = [call for call in scripted.calls if call[0] == "send"]
    assert [call[2] for call in sends] == [1, 2, 3]
    assert {call[1] for call in sends} == {ids.step_key(bench.run().id, "send")}
    assert [call[0] for call in scripted.calls].count("before") == 1  # a recorded result never runs again
    assert [(s.attempt, s.status) for s in bench.steps() if s.step_id == "send"] == [
        (1, "failed"),
        (2, "failed"),
        (3, "succeeded"),
    ]


def test_retries_end_with_the_policy_and_the_run_fails_with_the_reason(bench: Bench, scripted: Any) -> None:
    def always_busy(params: Any, context: Any) -> Any:
        raise ConnectorError("The receiver is busy.", retryable=True, code="busy")

    scripted.script = staticmethod(always_busy)
    bench.publish(step("send", "keyed", retry={"attempts": 2}), step("never"))
    bench.emit()

    bench.work()
    bench.make_due()
    bench.work()

    run = bench.run()
    assert run.status == "failed"
    assert run.error is not None
    assert (run.error["code"], run.error["step"], run.error["retryable"]) == ("busy", "send", True)
    assert [s.step_id for s in bench.steps()] == ["send", "send"]
    assert bench.jobs() == [("event", "COMPLETED"), ("run", "COMPLETED")]


def test_what_the_receiver_refuses_for_good_is_not_repeated(bench: Bench, scripted: Any) -> None:
    def refuse(params: Any, context: Any) -> Any:
        raise ConnectorError("No such account.", code="not_found")

    scripted.script = staticmethod(refuse)
    bench.publish(step("send", "keyed"))
    bench.emit()

    bench.work()

    assert bench.run().status == "failed"
    assert len(scripted.calls) == 1


@pytest.mark.parametrize(("action", "status", "attempts"), [("write", "held", 1), ("keyed", "failed", 2)])
def test_an_unclassified_error_is_doubt_for_a_write_without_keys(
    bench: Bench, scripted: Any, action: str, status: str, attempts: int
) -> None:
    def break_down(params: Any, context: Any) -> Any:
        raise ValueError("connection reset")

    scripted.script = staticmethod(break_down)
    bench.publish(step("send", action, retry={"attempts": 2}))
    bench.emit()

    bench.work()
    bench.make_due()
    bench.work()

    assert bench.run().status == status
    assert len(scripted.calls) == attempts
    assert bench.steps()[-1].status == ("unknown" if action == "write" else "failed")


def test_a_step_that_overruns_its_limit_is_ended(bench: Bench, scripted: Any) -> None:
    import threading

    release = threading.Event()

    def overrun(params: Any, context: Any) -> Any:
        release.wait(10)

    scripted.script = staticmethod(overrun)
    bench.publish(step("slow", timeout_seconds=1, retry={"attempts": 1}))
    bench.emit()

    bench.work()
    release.set()

    run = bench.run()
    assert run.status == "failed"
    assert run.error is not None
    assert run.error["code"] == "step_timeout"


def test_inputs_that_cannot_be_made_fail_the_step_before_it_is_called(bench: Bench, scripted: Any) -> None:
    bench.publish(step("send", "write", params={"to": "{{ payload.customer.email }}"}))
    bench.emit({"amount": 1})

    bench.work()

    run = bench.run()
    assert run.status == "failed"
    assert run.error is not None
    assert run.error["code"] == "template_failed"
    assert scripted.calls == []


class Crash(BaseException):
    """Stands for a worker that stops dead: nothing after it is written."""


@pytest.mark.parametrize(("action", "status", "calls"), [("keyed", "succeeded", 2), ("write", "held", 1)])
def test_a_worker_that_dies_inside_a_step(bench: Bench, scripted: Any, action: str, status: str, calls: int) -> None:
    """A receiver that honours keys is called again with the same key; any other write is never repeated."""
    died: list[int] = []

    def die_once(params: Any, context: Any) -> Any:
        if not died:
            died.append(1)
            raise Crash
        return {"ok": True}

    scripted.script = staticmethod(die_once)
    bench.publish(step("send", action))
    bench.emit()
    try:
        bench.work()
    except BaseException as error:
        assert isinstance(error, Crash)

    bench.crash()
    bench.work()

    run = bench.run()
    assert (run.status, len(scripted.calls)) == (status, calls)
    assert len({call[1] for call in scripted.calls}) == 1
    if action == "write":
        assert run.error is not None
        assert run.error["code"] == "effect_unknown"
        assert bench.steps()[-1].status == "unknown"


def test_secrets_never_reach_a_row(bench: Bench, scripted: Any, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    canary = "canary-5f0f7c6e9b1d"
    monkeypatch.setenv("AUTOMATE_PROBE", canary)
    settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "SECRETS": {"backend": "env"}}

    def leak(params: Any, context: Any) -> Any:
        assert params["key"] == canary
        context["log"]("info", f"using {canary}")
        context["log"]("info", "x" * 1990 + canary)  # cut in the middle of it
        if context["step_id"] == "fails":
            raise ConnectorError(f"401 for {canary}")
        return {"echo": canary, "nested": [f"Bearer {canary}"]}

    scripted.script = staticmethod(leak)
    params = {"key": {"$secret": "PROBE"}}
    bench.publish(step("works", params=params), step("fails", params=params))
    bench.emit()

    bench.work()

    assert bench.run().status == "failed"
    assert bench.run().outputs["works"]["echo"] == "********"
    assert canary[:8] not in bench.everything_stored()


def test_a_new_version_is_used_by_the_next_event(bench: Bench, scripted: Any) -> None:
    from datetime import datetime, timezone

    from automate.models import Workflow
    from automate.services import publish_version, save_draft

    bench.publish(step("a", params={"version": 1}))
    bench.emit()
    bench.work()
    with tenant_scope(bench.ref):
        workflow = Workflow.objects.get(slug="flow")
        draft = {**workflow.draft, "steps": [step("a", params={"version": 2})]}
        now = datetime.now(timezone.utc)
        saved = save_draft(workflow_id=workflow.id, definition=draft, expected_revision=1, actor="test", now=now)
        publish_version(workflow_id=workflow.id, expected_revision=saved.draft_revision, actor="test", now=now)
    bench.emit()

    bench.work()

    assert [run.outputs["a"]["version"] for run in bench.runs()] == [1, 2]
