"""One workflow's end starts another; nothing is made when nobody listens."""

from __future__ import annotations

from automate.models import Event, ExecutionRun, MatchDecision
from automate.runtime import emit_event
from automate_tenants.context import tenant_scope
from tests.engine.automate.triggers.conftest import Bench

FAIL = {
    "id": "stop",
    "connector": "http",
    "action": "request",
    "params": {"url": "http://nowhere.invalid/"},
    "retry": {"attempts": 1},
}
ORDERS = {"type": "event", "event_type": "order.created"}


def runs(bench: Bench) -> list[tuple[str, str]]:
    with tenant_scope(bench.ref):
        rows = ExecutionRun.objects.select_related("version__workflow").order_by("created_at")
        return sorted((run.version.workflow.slug, run.status) for run in rows)


def emit(bench: Bench) -> None:
    with tenant_scope(bench.ref):
        emit_event("order.created", {"amount": 1, "password": "hunter2"})


def test_a_success_starts_the_workflow_that_listens_for_it(bench: Bench) -> None:
    bench.publish(ORDERS, slug="first")
    bench.publish({"type": "workflow", "workflow": "first", "on": ["succeeded"]}, slug="second")
    bench.publish({"type": "workflow", "workflow": "first", "on": ["failed"]}, slug="alarm")
    emit(bench)

    bench.work()

    assert runs(bench) == [("first", "succeeded"), ("second", "succeeded")]
    (event,) = bench.events("workflow.succeeded")
    with tenant_scope(bench.ref):
        first = ExecutionRun.objects.get(version__workflow__slug="first")
    assert event.source == "workflow:first"
    assert event.trace_id == first.trace_id
    assert event.payload["run_id"] == str(first.pk)
    assert event.payload["workflow"] == "first"
    assert event.payload["hops"] == 1
    assert event.payload["error"] is None
    assert "say" in event.payload["outputs"]
    assert "hunter2" not in str(event.payload)


def test_a_failure_carries_its_error(bench: Bench) -> None:
    bench.publish(ORDERS, slug="first", step=FAIL)
    bench.publish({"type": "workflow", "workflow": "first"}, slug="second")
    emit(bench)

    bench.work()

    assert runs(bench) == [("first", "failed"), ("second", "succeeded")]
    (event,) = bench.events("workflow.failed")
    assert event.payload["error"]["step"] == "stop"


def test_no_event_is_made_when_no_live_version_listens(bench: Bench) -> None:
    bench.publish(ORDERS, slug="first")
    second = bench.publish({"type": "workflow", "workflow": "first"}, slug="second")
    bench.enable(second, False, now=second.updated_at)
    emit(bench)

    bench.work()

    assert runs(bench) == [("first", "succeeded")]
    with tenant_scope(bench.ref):
        assert list(Event.objects.values_list("type", flat=True)) == ["order.created"]


def test_the_end_of_a_disabled_workflow_is_still_heard(bench: Bench) -> None:
    first = bench.publish({"type": "manual"}, slug="first")
    bench.publish({"type": "workflow", "workflow": "first"}, slug="second")
    with tenant_scope(bench.ref):
        from automate.runtime import run_workflow

        run_workflow("first", {})
    bench.enable(first, False, now=first.updated_at)

    bench.work()

    assert runs(bench) == [("first", "succeeded"), ("second", "succeeded")]


def test_hops_are_counted_from_one_run_to_the_next(bench: Bench) -> None:
    bench.publish(ORDERS, slug="first")
    bench.publish({"type": "workflow", "workflow": "first"}, slug="second")
    bench.publish({"type": "workflow", "workflow": "second"}, slug="third")
    emit(bench)

    bench.work()

    assert len(runs(bench)) == 3
    assert [event.payload["hops"] for event in bench.events("workflow.succeeded")] == [1, 2]


def test_an_event_of_that_type_from_elsewhere_does_not_pass_for_an_ending(bench: Bench) -> None:
    bench.publish({"type": "workflow", "workflow": "first"}, slug="second")
    with tenant_scope(bench.ref):
        emit_event("workflow.succeeded", {"workflow": "first", "hops": 0})

    bench.work()

    assert runs(bench) == []
    with tenant_scope(bench.ref):
        assert list(MatchDecision.objects.values_list("reason", flat=True)) == ["no_workflow"]
