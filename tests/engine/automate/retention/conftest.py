"""A workspace with rows of every age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from automate import ids
from automate.models import Dedupe, Event, ExecutionRun, MatchDecision, OutboxJob, RunState, StepRun, WorkflowVersion
from automate_tenants.context import tenant_scope

NOW = datetime(2026, 6, 15, 12, tzinfo=timezone.utc)


def id_at(at: datetime) -> UUID:
    """An id made at that time."""
    return UUID(int=ids.first_id_at(at).int | ids.new_id().int & ((1 << 80) - 1))


@dataclass
class Attic:
    """Makes old rows in one workspace and counts what is left."""

    ref: Any

    def event(self, *, days: float, job: str = "COMPLETED") -> UUID:
        """An event received so many days ago, matched, with a dedupe key of that day."""
        at = NOW - timedelta(days=days)
        event = id_at(at)
        with tenant_scope(self.ref):
            Event.objects.create(id=event, type="t", payload={}, source="manual", trace_id=event, received_at=at)
            lease = {"lease_id": 1, "lease_expires_at": NOW} if job == "CLAIMED" else {}
            OutboxJob.objects.create(kind="event", event_id=event, available_at=at, status=job, **lease)
            MatchDecision.objects.create(event_id=event, decision="no_match", reason="no_workflow", decided_at=at)
            Dedupe.objects.create(
                id=ids.dedupe_id("manual", str(event)),
                source="manual",
                key=str(event),
                event_id=event,
                body_hash=b"",
                expires_at=at + timedelta(days=7),
            )
        return event

    def run(
        self, event: UUID, *, status: str = "succeeded", days: float | None = None, parent: UUID | None = None
    ) -> UUID:
        """A run of `event`, made when the event was; ended (if it has) so many days ago, else at once."""
        at = datetime.fromtimestamp((event.int >> 80) / 1000, timezone.utc)
        ended = at if days is None else NOW - timedelta(days=days)
        run = ids.derived_id(event, status, days, parent)
        is_final = status in {"succeeded", "failed", "cancelled"}
        with tenant_scope(self.ref):
            version = WorkflowVersion.objects.first()
            assert version is not None
            ExecutionRun.objects.create(
                id=run,
                event_id=event,
                workflow_id=version.workflow_id,
                version=version,
                trace_id=event,
                status=status,
                created_at=at,
                ended_at=ended if is_final else None,
                parent_run_id=parent,
            )
            StepRun.objects.create(
                id=ids.step_run_id(run, "a", 0, 1, 1),
                run_id=run,
                step_id="a",
                position=0,
                connector="core",
                action="log",
                status="succeeded",
                started_at=at,
            )
            RunState.objects.create(run_id=run, sealed=b"x", expires_at=at + timedelta(days=30))
            OutboxJob.objects.create(kind="run", run_id=run, available_at=at, status="COMPLETED")
        return run

    def left(self, model: type[Any]) -> set[Any]:
        with tenant_scope(self.ref):
            return set(model._default_manager.values_list("pk", flat=True))


@pytest.fixture
def attic(db: None, tenant_a: Any) -> Attic:
    return Attic(tenant_a.ref)
