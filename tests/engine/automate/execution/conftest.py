"""A workspace whose one workflow a test writes, events for it, and a worker that runs until nothing is due."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from automate.models import Event, ExecutionRun, MatchDecision, OutboxJob, RunState, RunWait, StepRun
from automate.runtime import emit_event
from automate.services import create_workflow, publish_version
from automate.worker.loop import Worker, WorkerOptions
from automate_connectors import registry
from automate_tenants.context import tenant_scope
from automate_tenants.dispatch.store import DispatchStore
from tests.engine.automate.execution.connectors import ScriptedAdapter
from tests.support import dispatch

EVENT_TYPE = "order.created"


@dataclass
class Bench:
    """One tenant's engine under the hand of a test."""

    ref: Any

    def publish(
        self, *steps: dict[str, Any], rule: Any = None, slug: str = "flow", actor: str = "system", **options: Any
    ) -> UUID:
        now = datetime.now(timezone.utc)
        definition = {
            "slug": slug,
            "name": slug.title(),
            "trigger": {"type": "event", "event_type": EVENT_TYPE},
            "rule": rule,
            "steps": list(steps),
            **options,
        }
        with tenant_scope(self.ref):
            workflow = create_workflow(definition=definition, actor=actor, now=now)
            version = publish_version(workflow_id=workflow.id, expected_revision=1, actor=actor, now=now)
        return UUID(str(version.id))

    def emit(self, payload: dict[str, Any] | None = None) -> UUID:
        with tenant_scope(self.ref):
            return UUID(emit_event(EVENT_TYPE, payload or {"amount": 150}))

    def work(self, *, batch_size: int = 10) -> None:
        """Run a worker until nothing is due."""
        worker = Worker(DispatchStore(), WorkerOptions(batch_size=batch_size))
        try:
            asyncio.run(worker.run_until_idle())
        finally:
            worker.close()

    def make_due(self) -> None:
        """Retries and timers that wait are due now."""
        with tenant_scope(self.ref):
            past = datetime.now(timezone.utc) - timedelta(seconds=1)
            OutboxJob.objects.filter(status="PENDING").update(available_at=past)
            StepRun.objects.filter(retry_at__isnull=False).update(retry_at=past)
            RunWait.objects.filter(expires_at__isnull=False).update(expires_at=past)
        dispatch.ring(self.ref)

    def make_due_jobs(self) -> None:
        """Tell the dispatch of due times that a test has moved."""
        dispatch.ring(self.ref)

    def crash(self) -> None:
        """What a killed worker leaves behind is taken back."""
        dispatch.end_leases()
        self.make_due()

    def run(self) -> ExecutionRun:
        with tenant_scope(self.ref):
            return ExecutionRun.objects.get()

    def runs(self) -> list[ExecutionRun]:
        with tenant_scope(self.ref):
            return list(ExecutionRun.objects.order_by("id"))

    def steps(self) -> list[StepRun]:
        with tenant_scope(self.ref):
            return list(StepRun.objects.order_by("position", "step_id", "item", "attempt"))

    def decisions(self) -> list[tuple[str, str]]:
        with tenant_scope(self.ref):
            mine = MatchDecision.objects.order_by("decision", "reason")
            return list(mine.values_list("decision", "reason"))

    def jobs(self) -> list[tuple[str, str]]:
        with tenant_scope(self.ref):
            return list(OutboxJob.objects.order_by("id").values_list("kind", "status"))

    def everything_stored(self) -> str:
        """Every column of every row that a run leaves, as one text to search."""
        with tenant_scope(self.ref):
            models = (ExecutionRun, StepRun, MatchDecision, RunState, RunWait, OutboxJob, Event)
            rows = [list(model._default_manager.values_list()) for model in models]
        return "".join(str([bytes(v) if isinstance(v, memoryview) else v for v in row]) for r in rows for row in r)


@pytest.fixture
def bench(transactional_db: None, tenant_a: Any) -> Bench:
    return Bench(tenant_a.ref)


@pytest.fixture
def scripted() -> Iterator[type[ScriptedAdapter]]:
    registry.register(ScriptedAdapter)
    ScriptedAdapter.calls.clear()
    ScriptedAdapter.script = staticmethod(lambda params, context: params)
    yield ScriptedAdapter


def step(id_: str, action: str = "read", *, connector: str = "scripted", **more: Any) -> dict[str, Any]:
    return {"id": id_, "connector": connector, "action": action, "params": more.pop("params", {}), **more}
