"""Retry: what stands is taken over, what runs again is said before, keys stay or change as they must."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any
from uuid import UUID

import pytest

from automate.models import AuditLogEntry, ExecutionRun, RunState, StepRun
from automate.services import retries
from automate_connectors.models import ConnectorError
from automate_governance.errors import Conflict, Invalid, NotFound
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, bench, scripted, step

__all__ = ["bench", "scripted"]
NOW = datetime.now(timezone.utc)
ONCE = {"attempts": 1}


def retry(bench: Bench, run: ExecutionRun, **how: Any) -> ExecutionRun:
    with tenant_scope(bench.ref):
        made = retries.retry_run(run_id=run.id, actor="user:1", now=datetime.now(timezone.utc), **how)
    bench.make_due()
    bench.work()
    with tenant_scope(bench.ref):
        return ExecutionRun.objects.get(pk=made.id)


def planned(bench: Bench, run: ExecutionRun, **how: Any) -> retries.RetryPlan:
    with tenant_scope(bench.ref):
        return retries.plan_retry(run_id=run.id, **how)


def failing(*names: str, times: int = 1) -> Callable[[dict[str, Any], dict[str, Any]], Any]:
    """A receiver that refuses these steps so many times, and then takes them."""
    left = dict.fromkeys(names, times)

    def script(params: dict[str, Any], context: dict[str, Any]) -> Any:
        name = context["step_id"]
        if left.get(name, 0):
            left[name] -= 1
            raise ConnectorError("Not now.", code="closed")
        return {"from": name, **params}

    return script


@pytest.fixture
def failed(bench: Bench, scripted: Any) -> ExecutionRun:
    """a → b → c, of which b failed once."""
    scripted.script = staticmethod(failing("b"))
    bench.publish(
        step("a", "write", params={"n": "{{ payload.amount }}"}),
        step("b", "keyed", params={"n": "{{ steps.a.output.n + 1 }}"}, retry=ONCE),
        step("c", "write", params={"n": "{{ steps.b.output.n + 1 }}"}),
    )
    bench.emit({"amount": 1})
    bench.work()
    run = bench.run()
    assert (run.status, run.error["step"]) == ("failed", "b")
    return run


def test_from_the_failed_step_what_stands_is_kept_and_the_key_stays(
    bench: Bench, scripted: Any, failed: ExecutionRun
) -> None:
    made = retry(bench, failed)

    assert (made.status, made.retry_of, made.attempt, made.origin) == ("succeeded", failed.id, 2, "retry")
    assert made.outputs["c"] == {"from": "c", "n": 3}
    assert [name for name, _, _ in scripted.calls] == ["a", "b", "b", "c"]
    first, again = [key for name, key, _ in scripted.calls if name == "b"]
    assert first == again  # nothing of it was recorded: a receiver that honours keys still knows it
    with tenant_scope(bench.ref):
        old = ExecutionRun.objects.get(pk=failed.id)
        assert (old.status, old.error) == (failed.status, failed.error)
        assert StepRun.objects.filter(run_id=failed.id).count() == 2
        entry = AuditLogEntry.objects.get(action="run.retry")
    assert entry.details == {"retry": str(made.id), "from_step": "b", "version": 1}


def test_from_the_start_what_succeeded_has_a_new_key(bench: Bench, scripted: Any, failed: ExecutionRun) -> None:
    made = retry(bench, failed, from_step="start")

    assert made.status == "succeeded"
    assert [name for name, _, _ in scripted.calls] == ["a", "b", "a", "b", "c"]
    keys = {name: [key for each, key, _ in scripted.calls if each == name] for name in ("a", "b")}
    assert keys["a"][0] != keys["a"][1]
    assert keys["b"][0] == keys["b"][1]
    with tenant_scope(bench.ref):
        rounds = dict(StepRun.objects.filter(run_id=made.id).values_list("step_id", "round"))
    assert rounds == {"a": 2, "b": 1, "c": 1}


def test_a_third_attempt_keeps_counting(bench: Bench, scripted: Any, failed: ExecutionRun) -> None:
    second = retry(bench, failed, from_step="start")
    third = retry(bench, second, from_step="start")

    keys = [key for name, key, _ in scripted.calls if name == "a"]
    assert len(set(keys)) == 3
    assert (third.attempt, third.retry_of, third.key_run_id) == (3, second.id, failed.id)


def test_the_plan_says_what_runs_again_and_which_effects_repeat(bench: Bench, failed: ExecutionRun) -> None:
    plan = planned(bench, failed)
    whole = planned(bench, failed, from_step="start")

    assert (plan.from_step, plan.kept) == ("b", ("a",))
    assert [(s.id, s.effect, s.repeats) for s in plan.again] == [("b", "write", False), ("c", "write", False)]
    assert [(s.id, s.repeats) for s in whole.again] == [("a", True), ("b", False), ("c", False)]
    assert bench.runs() == [failed]


def test_steps_beside_the_failed_one_stand(bench: Bench, scripted: Any) -> None:
    scripted.script = staticmethod(failing("left"))
    bench.publish(
        step("root"),
        step("left", needs=["root"], retry=ONCE),
        step("right", needs=["root"]),
        step("join", needs=["left", "right"], params={"got": "{{ steps.right.output['from'] }}"}),
    )
    bench.emit()
    bench.work()

    made = retry(bench, bench.run())

    assert (made.status, made.outputs["join"]["got"]) == ("succeeded", "right")
    assert [name for name, _, _ in scripted.calls].count("right") == 1


def test_of_a_fan_out_only_the_items_that_failed_run_again(bench: Bench, scripted: Any) -> None:
    refused = {"2"}

    def script(params: dict[str, Any], context: dict[str, Any]) -> Any:
        if params["n"] in refused:
            raise ConnectorError("Not this one.", code="closed")
        return params

    scripted.script = staticmethod(script)
    each = step("each", "keyed", params={"n": "{{ item }}"}, foreach={"items": ["1", "2", "3"]}, retry=ONCE)
    bench.publish(each)
    bench.emit()
    bench.work()
    [run] = bench.runs()
    assert run.status == "failed"
    before = len(scripted.calls)
    refused.clear()

    plan = planned(bench, run)
    made = retry(bench, run)

    assert plan.keeps_items == ("each",)
    assert made.status == "succeeded"
    assert [each["output"]["n"] for each in made.outputs["each"]] == ["1", "2", "3"]
    calls = scripted.calls[before:]
    assert len(calls) <= 2  # the one that failed, and the one that was not begun then
    keys = [key for _, key, _ in scripted.calls]
    assert len(set(keys)) == 3


def test_on_the_latest_version_a_changed_step_runs_with_a_new_key(
    bench: Bench, scripted: Any, failed: ExecutionRun
) -> None:
    from automate.models import Workflow
    from automate.services import publish_version, save_draft

    with tenant_scope(bench.ref):
        workflow = Workflow.objects.get(slug="flow")
        draft = {**workflow.draft, "steps": [dict(each) for each in workflow.draft["steps"]]}
        draft["steps"][1]["params"] = {"n": 40}
        saved = save_draft(workflow_id=workflow.id, definition=draft, expected_revision=1, actor="test", now=NOW)
        publish_version(workflow_id=workflow.id, expected_revision=saved.draft_revision, actor="test", now=NOW)

    made = retry(bench, failed, version="latest")

    assert made.version_id != failed.version_id
    assert made.outputs["c"]["n"] == 41
    first, again = [key for name, key, _ in scripted.calls if name == "b"]
    assert first != again


def test_while_a_retry_is_under_way_there_is_no_second(bench: Bench, failed: ExecutionRun) -> None:
    with tenant_scope(bench.ref):
        retries.retry_run(run_id=failed.id, actor="user:1", now=NOW)
        with pytest.raises(Conflict, match="under way"):
            retries.retry_run(run_id=failed.id, actor="user:1", now=NOW)


def test_two_at_once_make_one(bench: Bench, failed: ExecutionRun, at_once: Any) -> None:
    def one() -> UUID | str:
        with tenant_scope(bench.ref):
            try:
                return retries.retry_run(run_id=failed.id, actor="user:1", now=NOW).id
            except Conflict:
                return "refused"

    made = at_once(one, one)

    assert list(made).count("refused") == 1
    assert len(bench.runs()) == 2


@pytest.mark.parametrize("how", [{"from_step": "nowhere"}, {"from_step": "finally"}])
def test_a_step_that_is_not_there_is_refused(bench: Bench, failed: ExecutionRun, how: Any) -> None:
    with pytest.raises(Invalid, match="no step"):
        planned(bench, failed, **how)


def test_a_run_that_has_not_ended_or_does_not_exist_is_refused(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a"))
    bench.emit()
    with tenant_scope(bench.ref):
        waiting = retries.retry_run
        with pytest.raises(NotFound):
            waiting(run_id=UUID(int=1), actor="user:1", now=NOW)
        from automate.runtime import run_workflow

        run = UUID(run_workflow("flow", {}))
        with pytest.raises(Conflict, match="only an ended run"):
            waiting(run_id=run, actor="user:1", now=NOW)


def test_without_what_was_recorded_only_the_start_is_left(bench: Bench, failed: ExecutionRun) -> None:
    with tenant_scope(bench.ref):
        StepRun.objects.filter(run_id=failed.id).update(sealed=b"\x01not what was sealed, and long enough to be")
        RunState.objects.filter(run_id=failed.id).delete()
        with pytest.raises(Conflict, match="from the start"):
            retries.retry_run(run_id=failed.id, actor="user:1", now=NOW)
    assert len(bench.runs()) == 1

    assert retry(bench, failed, from_step="start").status == "succeeded"
