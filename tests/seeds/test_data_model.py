"""The reference page, "Data Model Reference": tables, fields, indexes, and what the database itself holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from automate.models import AuditLogEntry, Event, ExecutionRun, OutboxJob, WorkflowVersion
from automate.services import audit
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, step
from tests.seeds.promise import promise


@pytest.fixture
def columns(bench: Bench) -> Any:
    """`columns(model)`: name → type of each column, as the database has them."""

    def of(model: Any) -> dict[str, str]:
        with tenant_scope(bench.ref), connection.cursor() as cursor:
            cursor.execute(
                "SELECT column_name, data_type FROM information_schema.columns"
                " WHERE table_schema = current_schema() AND table_name = %s",
                [model._meta.db_table],
            )
            return dict(cursor.fetchall())

    return of


@pytest.fixture
def indexes(bench: Bench) -> Any:
    """`indexes(model)`: how each index was made, as the database says."""

    def of(model: Any) -> list[str]:
        with tenant_scope(bench.ref), connection.cursor() as cursor:
            cursor.execute(
                "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = %s",
                [model._meta.db_table],
            )
            return [made_by for (made_by,) in cursor.fetchall()]

    return of


@promise("reference", "Event. Purpose: Immutable log of inputs.")
def test_events_are_an_immutable_log_of_inputs(bench: Bench) -> None:
    bench.emit({"n": 1})
    with tenant_scope(bench.ref), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'automate_event'::regclass AND tgname = 'event_immutable'"
        )
        assert cursor.fetchone() == (1,)
        assert Event.objects.count() == 1


@promise("reference", "id (UUID), type (Index), payload (JSONB), source (String).")
def test_event_has_id_type_payload_and_source(columns: Any, indexes: Any) -> None:
    found = columns(Event)

    assert (found["id"], found["payload"], found["source"]) == ("uuid", "jsonb", "character varying")
    assert any("(type, id)" in made_by for made_by in indexes(Event))


@promise("reference", "Retention: High volume. Recommend partitioning by month.")
def test_events_are_partitioned_by_month_by_a_command() -> None:
    from django.core.management import get_commands

    from automate.retention.partitions import partition_events

    assert get_commands()["automate_partition_events"] == "automate"
    assert "months" in (partition_events.__doc__ or "")


@promise("reference", "WorkflowVersion. Purpose: Immutable snapshot of logic.")
def test_workflow_versions_are_immutable_snapshots(bench: Bench) -> None:
    bench.publish(step("a", "log", connector="core", params={"message": "hi"}))
    with tenant_scope(bench.ref), connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'automate_workflowversion'::regclass AND NOT tgisinternal"
        )
        assert ("workflowversion_immutable",) in cursor.fetchall()


@promise("reference", "workflow_id (FK), trigger_spec, steps (JSONB), version_num.")
def test_workflow_version_has_workflow_id_trigger_spec_steps_and_version_num(columns: Any) -> None:
    found = columns(WorkflowVersion)

    assert {"workflow_id", "trigger_spec", "steps", "version_num"} <= set(found)
    assert found["trigger_spec"] == found["steps"] == "jsonb"
    assert WorkflowVersion._meta.get_field("workflow").many_to_one


@promise("reference", "Note: Executions FK to this, not the parent Workflow.")
def test_executions_refer_to_the_version_not_to_the_workflow() -> None:
    version = ExecutionRun._meta.get_field("version")

    assert version.related_model is WorkflowVersion
    assert not ExecutionRun._meta.get_field("workflow_id").is_relation


@promise("reference", "OutboxJob. Purpose: Reliability queue.")
def test_the_outbox_keeps_work_until_it_is_recorded(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a"))
    bench.emit()
    with tenant_scope(bench.ref):
        OutboxJob.objects.update(attempts=1)  # as a worker that died leaves it

    bench.work()

    assert bench.run().status == "succeeded"
    assert set(bench.jobs()) <= {("event", "COMPLETED"), ("run", "COMPLETED")}


@promise("reference", "status (PENDING, CLAIMED, COMPLETED), lease_expires_at, attempts.")
def test_outbox_job_has_status_lease_expires_at_and_attempts(columns: Any) -> None:
    assert {"status", "lease_expires_at", "attempts"} <= set(columns(OutboxJob))
    assert set(OutboxJob.Status.values) == {"PENDING", "CLAIMED", "COMPLETED", "DEAD"}


@promise(
    "reference",
    "Indexes: (status, id) for claim queries.",
    note="The index holds the PENDING rows only, in the order in which they fall due",
)
def test_the_claim_has_an_index_on_status_and_id(indexes: Any) -> None:
    [claim] = [made_by for made_by in indexes(OutboxJob) if "outbox_due_idx" in made_by]

    assert "(available_at, id)" in claim
    assert "status" in claim.partition(" WHERE ")[2]


@promise("reference", "ExecutionRun. Purpose: State machine tracker.")
def test_a_run_moves_only_as_its_state_machine_allows() -> None:
    from automate.execution import states

    assert set(ExecutionRun.Status.values) >= set(states.FINAL_RUN) == {"succeeded", "failed", "cancelled"}


@promise("reference", "trace_id (Index), status, outputs (JSONB - Redacted).")
def test_execution_run_has_trace_id_status_and_redacted_outputs(
    bench: Bench, scripted: Any, columns: Any, indexes: Any
) -> None:
    scripted.script = staticmethod(lambda params, context: {"api_key": "leak-me-not", "n": 1})
    bench.publish(step("a"))
    bench.emit()
    bench.work()

    assert columns(ExecutionRun)["outputs"] == "jsonb"
    assert any("(trace_id)" in made_by for made_by in indexes(ExecutionRun))
    assert bench.run().outputs == {"a": {"api_key": "********", "n": 1}}


@promise("reference", "AuditLogEntry. Purpose: Compliance & Security history.")
def test_the_audit_log_is_a_history_that_proves_itself(bench: Bench) -> None:
    bench.publish(step("a", "log", connector="core", params={"message": "hi"}), actor="user:1")

    with tenant_scope(bench.ref):
        version = WorkflowVersion.objects.get(workflow__slug="flow")
        mine = AuditLogEntry.objects.filter(resource=f"workflow:{version.workflow_id}").order_by("id")
        assert list(mine.values_list("actor", "action")) == [
            ("user:1", "workflow.create"),
            ("user:1", "workflow.publish"),
        ]


@promise("reference", "actor, action, resource, details.")
def test_audit_log_entry_has_actor_action_resource_and_details(columns: Any) -> None:
    found = columns(AuditLogEntry)

    assert {"actor", "action", "resource", "details"} <= set(found)
    assert found["details"] == "jsonb"


@promise("reference", "Security: details is strictly redacted before write.")
def test_audit_details_are_strictly_redacted_before_write(bench: Bench) -> None:
    details = {"deep": [{"authorization": "Basic aGVsbG86d29ybGQ="}], "token": "abc"}
    with tenant_scope(bench.ref):
        audit.record(actor="a", action="b", resource="c", details=details, now=datetime.now(UTC))
        assert AuditLogEntry.objects.get(action="b").details == {
            "deep": [{"authorization": "********"}],
            "token": "********",
        }
