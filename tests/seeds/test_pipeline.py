"""The concepts page, "The Automation Pipeline": event, rule, version, run, steps."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from automate.models import Event, ExecutionRun, Workflow, WorkflowVersion
from automate.services import publish_version, save_draft
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import EVENT_TYPE, Bench, step
from tests.engine.plain.project import Project
from tests.seeds.promise import promise

LARGE = {"and": [{">": [{"var": "payload.amount"}, 100]}, {"in": [{"var": "payload.country"}, ["DE", "FR"]]}]}


def publish_again(bench: Bench, *steps: dict[str, Any]) -> None:
    """The next version of the one workflow there is."""
    now = datetime.now(UTC)
    with tenant_scope(bench.ref):
        workflow = Workflow.objects.get(slug="flow")
        draft = {**workflow.draft, "steps": list(steps)}
        saved = save_draft(
            workflow_id=workflow.pk,
            definition=draft,
            expected_revision=workflow.draft_revision,
            actor="user:1",
            now=now,
        )
        publish_version(workflow_id=workflow.pk, expected_revision=saved.draft_revision, actor="user:1", now=now)


@promise("concepts", "Understanding the mental model of Django Automate: Event → Rule → Workflow → Execution.")
def test_an_event_meets_a_rule_of_a_workflow_and_is_executed(bench: Bench, scripted: Any) -> None:
    version = bench.publish(step("a"), rule=LARGE)
    event = bench.emit({"amount": 150, "country": "DE"})

    bench.work()

    assert bench.decisions() == [("started", "rule_true")]
    run = bench.run()
    assert (run.event_id, run.version_id, run.status) == (event, version, "succeeded")


SOURCES = """
from datetime import datetime, timedelta, timezone
from django.core.management import call_command
from django.test import Client
from automate.models import Event, ExecutionRun, WebhookEndpoint, Workflow
from automate.services import create_workflow, publish_version
from tests.engine.plain.shop.models import Order
now = datetime.now(timezone.utc) - timedelta(minutes=6)  # published that long ago: the schedule is due
WebhookEndpoint.objects.create(slug="shop", token="token-of-shop", auth="none", created_at=now)
for kind, trigger in {
    "signal": {"model": "shop.Order", "on": ["created"]},
    "webhook": {"endpoint": "shop"},
    "schedule": {"cron": "*/5 * * * *", "timezone": "Europe/Berlin", "catch_up": "once"},
}.items():
    step = {"id": "say", "connector": "core", "action": "log", "params": {"message": "hi"}}
    definition = {"slug": kind, "name": kind, "trigger": {"type": kind, **trigger}, "steps": [step]}
    workflow = create_workflow(definition=definition, actor="test", now=now)
    publish_version(workflow_id=workflow.id, expected_revision=1, actor="test", now=now)
before = Event.objects.count()
Order.objects.create(number="7")
Client().post("/hooks/token-of-shop", "{}", content_type="application/json")
call_command("automate_worker", once=True)
slugs = dict(Workflow.objects.values_list("pk", "slug"))
sources = dict(Event.objects.values_list("pk", "source"))
answer = [before, sorted([slugs[r.workflow_id], sources[r.event_id], r.status] for r in ExecutionRun.objects.all())]
"""


@pytest.mark.processes
@promise("concepts", "Event: Something happens (Signal, Webhook, Schedule).", note="In a project with its own models")
def test_a_signal_a_webhook_and_a_schedule_make_events(make_project: Any) -> None:
    plain = make_project("sqlite")
    project = Project({**plain.environment, "DJANGO_SETTINGS_MODULE": "tests.engine.plain.signal_settings"})
    project.manage("migrate", "--run-syncdb", "--verbosity", "0")

    before, runs = project.script(SOURCES)

    assert before == 0
    assert runs == [
        ["schedule", "schedule:schedule", "succeeded"],
        ["signal", "signal:shop.order", "succeeded"],
        ["webhook", "webhook:shop", "succeeded"],
    ]


@promise("concepts", "It is immutable and contains a payload (e.g., JSON body, model instance data).")
def test_an_event_is_immutable_and_contains_a_payload(bench: Bench) -> None:
    event = bench.emit({"lines": [{"sku": "a", "n": 1.5}], "paid": True, "note": None})

    with tenant_scope(bench.ref):
        assert Event.objects.get(pk=event).payload == {"lines": [{"sku": "a", "n": 1.5}], "paid": True, "note": None}
        for change in ({"payload": {}}, {"type": "other"}, {"trace_id": UUID(int=1)}):
            with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
                Event.objects.filter(pk=event).update(**change)


@promise("concepts", "Rule Match: The Rules Engine evaluates the event against active RuleSpecs.")
def test_the_event_is_evaluated_against_active_rules_only(bench: Bench, scripted: Any) -> None:
    from automate.services import set_enabled

    bench.publish(step("a"), slug="active", rule=LARGE)
    bench.publish(step("a"), slug="off", rule=LARGE)
    with tenant_scope(bench.ref):
        off = Workflow.objects.get(slug="off")
        set_enabled(workflow_id=off.pk, is_enabled=False, actor="user:1", now=datetime.now(UTC))
    bench.emit({"amount": 150, "country": "FR"})

    bench.work()

    assert bench.decisions() == [("started", "rule_true")]


@promise("concepts", "Complex logic (JSONLogic) determines if a workflow should trigger.")
def test_json_logic_determines_if_a_workflow_triggers(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a"), rule=LARGE)
    for payload in ({"amount": 150, "country": "DE"}, {"amount": 150, "country": "US"}, {"amount": 5, "country": "DE"}):
        bench.emit(payload)

    bench.work()

    assert bench.decisions() == [("no_match", "rule_false"), ("no_match", "rule_false"), ("started", "rule_true")]
    assert len(scripted.calls) == 1


@promise("concepts", "Workflow Version: Workflows are versioned.")
def test_workflows_are_versioned(bench: Bench) -> None:
    bench.publish(step("a", "log", connector="core", params={"message": "one"}))
    publish_again(bench, step("a", "log", connector="core", params={"message": "two"}))

    with tenant_scope(bench.ref):
        versions = WorkflowVersion.objects.filter(workflow__slug="flow").order_by("version_num")
        assert [(v.version_num, v.steps[0]["params"]["message"]) for v in versions] == [(1, "one"), (2, "two")]


@promise(
    "concepts",
    "An execution is tied to a specific snapshot of a workflow definition, ensuring consistency even if the workflow is"
    " edited mid-run.",
)
def test_an_execution_keeps_its_snapshot_when_the_workflow_is_edited_mid_run(bench: Bench, scripted: Any) -> None:
    from automate_connectors.models import ConnectorError

    def once_busy(params: Any, context: Any) -> Any:
        if context["attempt"] == 1 and context["step_id"] == "a":
            raise ConnectorError("busy", retryable=True)
        return params

    scripted.script = staticmethod(once_busy)
    first = bench.publish(step("a"), step("b", params={"from": "one"}))
    bench.emit()
    bench.work()  # waits for its second attempt
    publish_again(bench, step("a"), step("b", params={"from": "two"}))
    bench.make_due()
    bench.work()

    run = bench.run()
    assert (run.status, run.version_id, run.outputs["b"]) == ("succeeded", first, {"from": "one"})


@promise("concepts", "Execution Run: An instance of a workflow running for a specific event.")
def test_a_run_is_a_workflow_running_for_one_event(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a"))
    events = [bench.emit(), bench.emit()]

    bench.work()

    assert [run.event_id for run in bench.runs()] == events


@promise("concepts", "Contains a globally unique trace_id.")
def test_a_run_contains_a_globally_unique_trace_id(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a"))
    for _ in range(5):
        bench.emit()

    bench.work()

    assert len({run.trace_id for run in bench.runs()}) == 5
    assert all(isinstance(run.trace_id, UUID) for run in bench.runs())


@promise("concepts", "Steps: Individual units of work (Actions).")
def test_steps_are_individual_units_of_work(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a"), step("b", "keyed"))
    bench.emit()

    bench.work()

    assert [(s.step_id, s.connector, s.action) for s in bench.steps()] == [
        ("a", "scripted", "read"),
        ("b", "scripted", "keyed"),
    ]


@promise("concepts", "Steps are executed sequentially")
def test_steps_are_executed_sequentially(bench: Bench, scripted: Any) -> None:
    inside: list[str] = []

    def alone(params: Any, context: Any) -> Any:
        inside.append(context["step_id"])
        assert inside == [context["step_id"]]  # the one before has ended
        inside.remove(context["step_id"])
        return {"n": params.get("n", 0) + 1}

    scripted.script = staticmethod(alone)
    bench.publish(
        step("c"), step("a", params={"n": "{{ steps.c.output.n }}"}), step("b", params={"n": "{{ steps.a.output.n }}"})
    )
    bench.emit()
    bench.work()

    assert [name for name, _, _ in scripted.calls] == ["c", "a", "b"]
    assert bench.run().outputs["b"] == {"n": 3}  # each had the result of the one before


@promise("concepts", "(or parallel/fan-out in advanced configs)")
def test_steps_run_in_parallel_and_fan_out(bench: Bench, scripted: Any) -> None:
    together = threading.Barrier(2)

    def meet(params: Any, context: Any) -> Any:
        if context["step_id"] in ("left", "right"):
            together.wait(timeout=20)  # each is under way while the other is
        return params

    scripted.script = staticmethod(meet)
    bench.publish(
        step("left", needs=[]),
        step("right", needs=[]),
        step("each", needs=["left", "right"], foreach={"items": "{{ payload.lines }}"}, params={"line": "{{ item }}"}),
    )
    bench.emit({"lines": ["a", "b", "c"]})
    bench.work()

    run = bench.run()
    assert run.status == "succeeded"
    assert [found["output"]["line"] for found in run.outputs["each"]] == ["a", "b", "c"]


@promise("index", "Event | An immutable record of a signal, webhook, or schedule tick. Contains a raw payload.")
def test_glossary_event(bench: Bench) -> None:
    event = bench.emit({"password": "as it came"})

    with tenant_scope(bench.ref):
        assert Event.objects.get(pk=event).payload == {"password": "as it came"}
        with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
            Event.objects.filter(pk=event).update(source="other")


@promise("index", "RuleSpec | A JSON-based logic definition (predicates) used to match Events to Workflows.")
def test_glossary_rule_spec(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a"), rule=LARGE, slug="matches")
    bench.publish(step("a"), rule={"!": [LARGE]}, slug="does-not")
    bench.emit({"amount": 150, "country": "DE"})

    bench.work()

    assert bench.decisions() == [("no_match", "rule_false"), ("started", "rule_true")]


@promise(
    "index",
    "WorkflowVersion | An immutable snapshot of a workflow definition. Executions are pinned to a specific version.",
)
def test_glossary_workflow_version(bench: Bench, scripted: Any) -> None:
    version = bench.publish(step("a"))
    bench.emit()
    bench.work()

    with tenant_scope(bench.ref):
        for change in (lambda v: v.update(steps=[]), lambda v: v._raw_delete(v.db)):
            with pytest.raises(DatabaseError, match=r"immutable|permission denied"), transaction.atomic():
                change(WorkflowVersion.objects.filter(pk=version))
        assert ExecutionRun.objects.get().version_id == version


@promise(
    "index", "OutboxJob | A transactional record representing the intent to process an Event. Guarantees reliability."
)
def test_glossary_outbox_job(bench: Bench) -> None:
    event = bench.emit()

    assert bench.jobs() == [("event", "PENDING")]
    with tenant_scope(bench.ref):
        assert Event.objects.get().pk == event
    bench.work()
    assert ("event", "COMPLETED") in bench.jobs()


@promise("index", "ExecutionRun | The state machine instance processing a WorkflowVersion for a specific Event.")
def test_glossary_execution_run(bench: Bench, scripted: Any) -> None:
    from automate.execution.states import FINAL_RUN

    version, event = bench.publish(step("a")), bench.emit()
    bench.work()

    run = bench.run()
    assert (run.version_id, run.event_id) == (version, event)
    assert run.status in FINAL_RUN
    assert set(ExecutionRun.Status.values) > set(FINAL_RUN)


@promise("index", 'StepRun | A single unit of work within a Run (e.g., "Post to Slack").')
def test_glossary_step_run(bench: Bench, scripted: Any) -> None:
    bench.publish(step("post"))
    bench.emit()
    bench.work()

    [attempt] = bench.steps()
    assert (attempt.run_id, attempt.step_id, attempt.status) == (bench.run().id, "post", "succeeded")


@promise("index", "TraceId | A UUID connecting the chain of events across distributed systems.")
def test_glossary_trace_id(bench: Bench, scripted: Any) -> None:
    told: list[str] = []
    scripted.script = staticmethod(lambda params, context: told.append(context["traceparent"]))
    bench.publish(step("a"))
    event = bench.emit()
    bench.work()

    with tenant_scope(bench.ref):
        trace = Event.objects.get(pk=event).trace_id
    assert isinstance(trace, UUID)
    assert bench.run().trace_id == trace == bench.steps()[0].trace_id
    assert told[0].split("-")[1] == trace.hex


@promise("index", "SecretRef | A pointer string (e.g., $secret:STRIPE_KEY) resolved at runtime to a secure value.")
def test_glossary_secret_ref(bench: Bench, scripted: Any) -> None:
    from automate.services.secrets import create_secret

    got: list[Any] = []
    scripted.script = staticmethod(lambda params, context: got.append(params["key"]))
    with tenant_scope(bench.ref):
        create_secret(name="STRIPE_KEY", value="s3cure-value", actor="system", now=datetime.now(UTC))
    version = bench.publish(step("a", params={"key": "$secret:STRIPE_KEY"}))
    bench.emit({})
    bench.work()

    assert got == ["s3cure-value"]
    with tenant_scope(bench.ref):
        assert WorkflowVersion.objects.get(pk=version).steps[0]["params"] == {"key": "$secret:STRIPE_KEY"}
    assert "s3cure-value" not in bench.everything_stored()
    assert EVENT_TYPE == "order.created"
