"""The reference page, "Data Model Reference": tables, fields, indexes, and what the database itself holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from automate import ids
from automate.models import AuditLogEntry, Event, ExecutionRun, OutboxJob, WorkflowVersion
from automate.retention.partitions import partitions
from automate.services import audit, audit_chain
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, step
from tests.seeds.promise import promise
from tests.support.database import owner_role


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
    event = bench.emit({"n": 1})
    columns = [field.attname for field in Event._meta.fields if field.attname != "id"]
    with tenant_scope(bench.ref):
        for name in columns:
            other = {"payload": {"n": 2}, "headers": {"a": "b"}, "received_at": datetime(2020, 1, 1, tzinfo=UTC)}
            changed = other.get(name, UUID(int=7) if name in ("trace_id", "replay_of") else "other")
            with pytest.raises(DatabaseError, match=r"immutable|permission denied"), transaction.atomic():
                Event.objects.filter(pk=event).update(**{name: changed})
        assert Event.objects.get(pk=event).payload == {"n": 1}


@promise("reference", "id (UUID), type (Index), payload (JSONB), source (String).")
def test_event_has_id_type_payload_and_source(columns: Any, indexes: Any) -> None:
    found = columns(Event)

    assert (found["id"], found["payload"], found["source"]) == ("uuid", "jsonb", "character varying")
    assert any("(type, id)" in made_by for made_by in indexes(Event))


@promise("reference", "Retention: High volume. Recommend partitioning by month.")
def test_events_are_partitioned_by_month_by_a_command(bench: Bench) -> None:
    event = bench.emit({"n": 1})

    with owner_role():
        call_command("automate_partition_events", "--schema", bench.ref.schema_name, stdout=StringIO())

    with tenant_scope(bench.ref):
        assert Event.objects.get(pk=event).payload == {"n": 1}
        later = ids.first_id_at(datetime.now(UTC) + timedelta(days=80))
        assert [month.name for month in partitions() if month.low <= later < month.high]  # made ahead
        with connection.cursor() as cursor:
            cursor.execute("SELECT relkind FROM pg_class WHERE oid = 'automate_event'::regclass")
            assert cursor.fetchone() == ("p",)


@promise("reference", "WorkflowVersion. Purpose: Immutable snapshot of logic.")
def test_workflow_versions_are_immutable_snapshots(bench: Bench) -> None:
    version = bench.publish(step("a", "log", connector="core", params={"message": "hi"}))
    changes = {"trigger_spec": {}, "rule": {"==": [1, 2]}, "steps": [], "options": {"a": 1}, "version_num": 9}
    with tenant_scope(bench.ref):
        for name, value in changes.items():
            with pytest.raises(DatabaseError, match=r"immutable|permission denied"), transaction.atomic():
                WorkflowVersion.objects.filter(pk=version).update(**{name: value})
        assert WorkflowVersion.objects.get(pk=version).version_num == 1


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
def test_a_run_moves_only_as_its_state_machine_allows(bench: Bench, scripted: Any) -> None:
    from automate.execution import states

    assert set(ExecutionRun.Status.values) == set(states.RUN)
    for status, moves in states.RUN.items():
        for other in set(states.RUN) - moves - {status}:
            with pytest.raises(states.IllegalMove):
                states.move(states.RUN, status, other)
    assert {"succeeded", "failed", "cancelled"} == states.FINAL_RUN
    bench.publish(step("wait", "wait", connector="core", params={"seconds": 3600}), step("a"))
    bench.emit()
    bench.work()
    for status in ("cancelled", "failed", "succeeded"):
        with tenant_scope(bench.ref):
            ExecutionRun.objects.update(status=status)
            OutboxJob.objects.filter(kind="run").update(status="PENDING")  # its time comes all the same
        bench.make_due()
        bench.work()
        assert (bench.run().status, scripted.calls) == (status, [])


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
def test_the_audit_log_is_a_history_that_proves_itself(bench: Bench, superuser_connection: Any) -> None:
    bench.publish(step("a", "log", connector="core", params={"message": "hi"}), actor="user:1")

    with tenant_scope(bench.ref):
        version = WorkflowVersion.objects.get(workflow__slug="flow")
        mine = AuditLogEntry.objects.filter(resource=f"workflow:{version.workflow_id}").order_by("id")
        assert list(mine.values_list("actor", "action")) == [
            ("user:1", "workflow.create"),
            ("user:1", "workflow.publish"),
        ]
        assert audit_chain.chain(now=datetime.now(UTC)) >= 2
        head = audit_chain.end()
        assert audit_chain.verify([head], now=datetime.now(UTC)) == []
    superuser_connection.execute(f"SET search_path = {bench.ref.schema_name}; SET session_replication_role = replica")
    superuser_connection.execute("UPDATE automate_auditlogentry SET actor = 'user:2' WHERE action = 'workflow.publish'")
    with tenant_scope(bench.ref):
        assert "changed" in {found.kind for found in audit_chain.verify([head], now=datetime.now(UTC))}


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
