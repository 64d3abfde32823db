"""A workspace whose clock a test sets: workflows with a trigger, their ticks, and a worker that runs what is due."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from automate import ids
from automate.models import Event, ExecutionRun, OutboxJob, Schedule, ScheduleTick, Workflow
from automate.services import create_workflow, publish_version, save_draft, set_enabled
from automate.triggers import schedules
from automate.worker.loop import Worker, WorkerOptions
from automate_tenants.context import tenant_scope
from automate_tenants.dispatch.store import DispatchStore

START = datetime(2026, 5, 1, 12, 0, 30, tzinfo=timezone.utc)
LOG = {"id": "say", "connector": "core", "action": "log", "params": {"message": "{{ payload }}"}}


@dataclass
class Bench:
    """One tenant. `tick` is what a worker does with a tick job, at the time the test says."""

    ref: Any

    def publish(
        self, trigger: dict[str, Any], *, slug: str = "flow", now: datetime = START, step: dict[str, Any] = LOG
    ) -> Workflow:
        definition = {"slug": slug, "name": slug, "trigger": trigger, "steps": [step]}
        with tenant_scope(self.ref):
            workflow = Workflow.objects.filter(slug=slug).first()
            if workflow is None:
                workflow = create_workflow(definition=definition, actor="test", now=now)
            else:
                workflow = save_draft(
                    workflow_id=workflow.pk,
                    definition=definition,
                    expected_revision=workflow.draft_revision,
                    actor="test",
                    now=now,
                )
            publish_version(workflow_id=workflow.pk, expected_revision=workflow.draft_revision, actor="test", now=now)
            workflow.refresh_from_db()
        return workflow

    def enable(self, workflow: Workflow, is_enabled: bool, *, now: datetime) -> None:
        with tenant_scope(self.ref):
            set_enabled(workflow_id=workflow.pk, is_enabled=is_enabled, actor="test", now=now)

    def schedule(self) -> Schedule:
        with tenant_scope(self.ref):
            return Schedule.objects.get()

    def tick(self, now: datetime, *, job_id: int | None = None) -> bool:
        with tenant_scope(self.ref):
            job = job_id or Schedule.objects.get().tick_job_id or 0
            OutboxJob.objects.filter(pk=job).update(status="COMPLETED")  # as it is when its claim has ended
            return schedules.tick(job, now=now)

    def history(self) -> list[tuple[str, str]]:
        """(due, outcome) of every tick, oldest due first."""
        with tenant_scope(self.ref):
            ticks = ScheduleTick.objects.order_by("due_at").values_list("due_at", "outcome")
            return [(due.strftime("%d %H:%M"), outcome) for due, outcome in ticks]

    def ticks(self) -> list[ScheduleTick]:
        with tenant_scope(self.ref):
            return list(ScheduleTick.objects.order_by("due_at"))

    def events(self, type_: str | None = None) -> list[Event]:
        with tenant_scope(self.ref):
            found = Event.objects.filter(type=type_) if type_ else Event.objects.all()
            return list(found.order_by("received_at", "id"))

    def event(self, type_: str, at: datetime, payload: Any = None) -> None:
        """An event that was received at this time, matched long ago."""
        id_ = ids.derived_id(schedules.absence.id_floor(at), at.isoformat())
        with tenant_scope(self.ref):
            Event.objects.create(
                id=id_, type=type_, payload=payload or {}, source="test", trace_id=ids.new_id(), received_at=at
            )

    def live_run(self, workflow: Workflow) -> ExecutionRun:
        """A run of the workflow that waits."""
        assert workflow.active_version_id is not None
        with tenant_scope(self.ref):
            return ExecutionRun.objects.create(
                id=ids.new_id(),
                event_id=ids.new_id(),
                workflow_id=workflow.pk,
                version_id=workflow.active_version_id,
                trace_id=ids.new_id(),
                status="waiting",
                created_at=START,
            )

    def end(self, run: ExecutionRun) -> None:
        with tenant_scope(self.ref):
            ExecutionRun.objects.filter(pk=run.pk).update(status="succeeded", ended_at=START)

    def pending_ticks(self) -> list[datetime]:
        with tenant_scope(self.ref):
            return list(OutboxJob.objects.filter(kind="tick", status="PENDING").values_list("available_at", flat=True))

    def matched(self) -> None:
        """Every event was matched, and its runs have ended."""
        with tenant_scope(self.ref):
            OutboxJob.objects.filter(kind="event").update(status="COMPLETED")

    def make_due(self) -> None:
        """The schedule's next due time is past, for workers that look at the real clock."""
        past = datetime.now(timezone.utc) - timedelta(seconds=1)
        with tenant_scope(self.ref):
            OutboxJob.objects.filter(kind="tick", status="PENDING").update(available_at=past)

    def work(self) -> None:
        """A worker, until nothing is due."""
        worker = Worker(DispatchStore(), WorkerOptions())
        try:
            asyncio.run(worker.run_until_idle())
        finally:
            worker.close()


@pytest.fixture
def bench(transactional_db: None, tenant_a: Any) -> Bench:
    return Bench(tenant_a.ref)
