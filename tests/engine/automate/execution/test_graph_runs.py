"""Graphs at work: branches, items, handlers, compensation, finally, doubt."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from automate import ids
from automate_connectors.models import ConnectorError
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, step
from tests.engine.automate.execution.graphs import by_step, core, now, refuse, statuses


def test_a_join_reads_both_branches_and_a_skipped_step(bench: Bench, scripted: Any) -> None:
    bench.publish(
        step("a", needs=[], params={"n": 1}),
        step("b", needs=[], when={"==": [{"var": "payload.amount"}, 0]}),
        step("c", needs=["a", "b"], params={"n": "{{ steps.a.output.n }}", "b": "{{ steps.b.status }}"}),
    )
    bench.emit()

    bench.work()

    assert bench.run().status == "succeeded"
    assert statuses(bench) == {"a": "succeeded", "b": "skipped", "c": "succeeded"}
    assert bench.run().outputs == {"a": {"n": 1}, "b": None, "c": {"n": 1, "b": "skipped"}}
    assert (bench.run().steps_done, bench.run().steps_total) == (3, 3)


def test_items_run_each_with_its_own_key_and_their_results_are_the_output(bench: Bench, scripted: Any) -> None:
    def ship(params: Any, context: Any) -> Any:
        if params["sku"] == "b":
            raise ConnectorError("Sold out.", code="sold_out")
        return {"shipped": params["sku"], "place": params["place"]}

    by_step(scripted, ship=ship)
    foreach = {"items": "{{ payload.lines }}", "concurrency": 2, "on_item_error": "continue"}
    bench.publish(
        step("ship", "write", foreach=foreach, params={"sku": "{{ item.sku }}", "place": "{{ index }}"}),
        step("count", params={"first": "{{ steps.ship.output.0.output.shipped }}"}),
    )
    bench.emit({"lines": [{"sku": "a"}, {"sku": "b"}, {"sku": "c"}]})

    bench.work()

    run = bench.run()
    assert run.status == "succeeded"
    results = run.outputs["ship"]
    assert [result["status"] for result in results] == ["succeeded", "failed", "succeeded"]
    assert results[1]["error"]["code"] == "sold_out"
    assert run.outputs["count"] == {"first": "a"}
    assert statuses(bench) == {
        "ship": "succeeded", "ship.1": "succeeded", "ship.2": "failed", "ship.3": "succeeded", "count": "succeeded",
    }  # fmt: skip
    keys = {key for step_id, key, _ in scripted.calls if step_id == "ship"}
    assert keys == {ids.step_key(run.id, "ship", item) for item in (1, 2, 3)}


def test_an_item_that_fails_stops_the_others_and_the_run(bench: Bench, scripted: Any) -> None:
    by_step(scripted, ship=refuse)
    bench.publish(step("ship", foreach={"items": [1, 2, 3], "concurrency": 1}), step("never"))
    bench.emit()

    bench.work()

    error = bench.run().error or {}
    assert (bench.run().status, error["code"], error["step"]) == ("failed", "refused", "ship")
    assert statuses(bench) == {"ship": "failed", "ship.1": "failed"}


def test_the_list_of_a_fan_out_is_kept_while_its_items_are_retried(bench: Bench, scripted: Any) -> None:
    def busy_once(params: Any, context: Any) -> Any:
        if context["item"] == 2 and context["attempt"] == 1:
            raise ConnectorError("Busy.", retryable=True)
        return params

    by_step(scripted, ship=busy_once)
    bench.publish(
        step("ship", foreach={"items": "{{ payload.lines }}"}, params={"n": "{{ item }}"}),
        step("after", params={"all": "{{ steps.ship.output }}"}),
    )
    bench.emit({"lines": [7, 8, 9]})

    bench.work()
    assert bench.run().status == "waiting"
    bench.make_due()
    bench.work()

    results = [{"status": "succeeded", "output": {"n": n}} for n in (7, 8, 9)]
    assert bench.run().outputs["after"] == {"all": results}
    assert sorted(call[2] for call in scripted.calls if call[0] == "ship") == [1, 1, 1, 2]


def test_a_list_that_is_none_fails_the_step(bench: Bench, scripted: Any) -> None:
    bench.publish(step("ship", foreach={"items": "{{ payload.amount }}"}))
    bench.emit()

    bench.work()

    assert (bench.run().error or {})["code"] == "not_a_list"


def test_a_handler_sees_the_error_and_the_run_goes_on(bench: Bench, scripted: Any) -> None:
    by_step(scripted, charge=refuse)
    handler = {"steps": [step("tell", params={"why": "{{ error.code }}"})], "then": "continue"}
    bench.publish(step("charge", on_error=handler), step("after", params={"was": "{{ steps.charge.error.code }}"}))
    bench.emit()

    bench.work()

    run = bench.run()
    assert run.status == "succeeded"
    assert (run.outputs["tell"], run.outputs["after"]) == ({"why": "refused"}, {"was": "refused"})


def test_a_failed_run_takes_back_latest_first_and_finally_sees_why(bench: Bench, scripted: Any) -> None:
    by_step(scripted, last=refuse)
    undo = {"connector": "scripted", "action": "write", "params": {"id": "{{ steps.a.output.id }}"}}
    other = {"connector": "scripted", "action": "write", "params": {}}
    bench.publish(
        step("a", params={"id": 5}, compensate=undo),
        step("b", foreach={"items": [1, 2], "concurrency": 1}, compensate=other),
        step("last"),
        **{"finally": [step("end", params={"why": "{{ error.code }}", "b": "{{ steps.b.status }}"})]},
    )
    bench.emit()

    bench.work()

    run = bench.run()
    assert (run.status, (run.error or {})["step"]) == ("failed", "last")
    assert [call[0] for call in scripted.calls] == [
        "a", "b", "b", "last", "b.compensate", "b.compensate", "a.compensate", "end",
    ]  # fmt: skip
    assert run.outputs["a.compensate"] == {"id": 5}
    assert run.outputs["end"] == {"why": "refused", "b": "succeeded"}


def test_only_the_errors_named_are_tried_again(bench: Bench, scripted: Any) -> None:
    def fail(params: Any, context: Any) -> Any:
        raise ConnectorError("Busy.", retryable=True, code="busy")

    by_step(scripted, a=fail)
    bench.publish(step("a", retry={"retry_on": ["other"]}))
    bench.emit()

    bench.work()

    assert (bench.run().status, len(scripted.calls)) == ("failed", 1)


def test_core_fail_ends_the_run_with_its_words(bench: Bench) -> None:
    bench.publish(core("stop", "fail", {"message": "Too much: {{ payload.amount }}", "code": "too_much"}))
    bench.emit()

    bench.work()

    error = bench.run().error or {}
    assert (bench.run().status, error["code"], error["message"]) == ("failed", "too_much", "Too much: 150")


def test_an_answer_that_is_too_large_fails_the_step_and_says_so(bench: Bench, scripted: Any) -> None:
    by_step(scripted, a=lambda params, context: {"text": "x" * 1_048_577})
    bench.publish(step("a"))
    bench.emit()

    bench.work()

    assert (bench.run().error or {})["code"] == "output_too_large"
    assert len(scripted.calls) == 1


@pytest.mark.parametrize(
    ("answer", "status", "calls"), [(True, "succeeded", 1), (False, "succeeded", 2), (None, "held", 1)]
)
def test_a_probe_settles_doubt(bench: Bench, scripted: Any, answer: Any, status: str, calls: int) -> None:
    def lost(params: Any, context: Any) -> Any:
        if context["attempt"] == 1:
            raise ConnectorError("The reply was lost.", in_doubt=True)
        return {}

    by_step(scripted, pay=lost)
    scripted.probe = lambda self, action, params, context: answer
    try:
        bench.publish(step("pay", "write"))
        bench.emit()
        bench.work()
        bench.work()
    finally:
        del scripted.probe

    assert (bench.run().status, len(scripted.calls)) == (status, calls)


def test_past_the_window_in_which_keys_are_honoured_doubt_is_unknown(bench: Bench, scripted: Any) -> None:
    def lost(params: Any, context: Any) -> Any:
        raise ConnectorError("The reply was lost.", in_doubt=True)

    by_step(scripted, pay=lost)
    bench.publish(step("pay", "windowed"))
    bench.emit()
    bench.work()
    assert bench.run().status == "waiting"
    with tenant_scope(bench.ref):
        from automate.models import StepRun

        StepRun.objects.update(started_at=now() - timedelta(hours=2))
    bench.make_due()
    bench.work()

    error = bench.run().error or {}
    assert (bench.run().status, error["code"], error["details"]["cause"]) == (
        "held",
        "effect_unknown",
        "native_window_passed",
    )
    assert len(scripted.calls) == 1
