"""The bench of `execution`, with flow control in its workflows."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from django.db import connections

from automate.models import Event, EventBuffer, MatchDecision, OutboxJob, QueuePlace
from automate.services import create_workflow, publish_version
from automate.worker.loop import Worker, WorkerOptions
from automate_tenants.context import tenant_scope
from automate_tenants.dispatch.store import DispatchStore
from tests.engine.automate.execution.conftest import EVENT_TYPE, Bench, scripted, step
from tests.support import dispatch

__all__ = ["scripted"]


class FlowBench(Bench):
    """A workspace whose workflow has flow control."""

    def publish_flow(self, *steps: dict[str, Any], slug: str = "flow", **options: Any) -> UUID:
        """The workflow's id. Without steps it does one that reads."""
        now = datetime.now(timezone.utc)
        trigger = {"type": "event", "event_type": EVENT_TYPE}
        definition = {"slug": slug, "name": slug, "trigger": trigger, "rule": None, **options}
        definition["steps"] = list(steps) or [step("a", params={"n": "{{ payload.n }}"})]
        with tenant_scope(self.ref):
            workflow = create_workflow(definition=definition, actor="test", now=now)
            publish_version(workflow_id=workflow.id, expected_revision=1, actor="test", now=now)
        return UUID(str(workflow.id))

    def emit_all(self, *payloads: dict[str, Any]) -> list[UUID]:
        return [self.emit(payload) for payload in payloads]

    def statuses(self) -> list[str]:
        return [run.status for run in self.runs()]

    def places(self) -> list[tuple[str, str, bool]]:
        """(kind, value of the key, granted) of every place, in order."""
        with tenant_scope(self.ref):
            rows = QueuePlace.objects.exclude(kind="mark").order_by("kind", "key", "place")
            return [(row.kind, row.key.partition(":")[2], row.granted_at is not None) for row in rows]

    def buffers(self) -> list[EventBuffer]:
        with tenant_scope(self.ref):
            return list(EventBuffer.objects.order_by("key"))

    def buffers_due(self) -> None:
        """Their time has come."""
        past = datetime.now(timezone.utc) - timedelta(seconds=1)
        with tenant_scope(self.ref):
            EventBuffer.objects.update(due_at=past)
            OutboxJob.objects.filter(kind="tick", status="PENDING").update(available_at=past)
        self.ring()

    def ring(self) -> None:
        dispatch.ring(self.ref)

    def answers(self) -> list[tuple[str, str, UUID | None]]:
        """(decision, reason, run) of every event, oldest first."""
        with tenant_scope(self.ref):
            rows = MatchDecision.objects.order_by("event_id").values_list("decision", "reason", "run_id")
            return list(rows)

    def payload_of(self, run: Any) -> Any:
        with tenant_scope(self.ref):
            return Event.objects.get(pk=run.event_id).payload

    def start(self, *, count: int = 1, seen: list[Worker] | None = None) -> Callable[[], None]:
        """Workers in threads, each with its own loop and connections; the answer stops them."""
        workers = [Worker(DispatchStore(), WorkerOptions(batch_size=5, lease_seconds=10)) for _ in range(count)]
        if seen is not None:
            seen += workers
        ready = [threading.Event() for _ in workers]

        def run(worker: Worker, is_ready: threading.Event) -> None:
            worker._on_ready = is_ready.set
            try:
                asyncio.run(worker.run())
            finally:
                connections.close_all()

        threads = [threading.Thread(target=run, args=pair) for pair in zip(workers, ready, strict=True)]
        for thread, is_ready in zip(threads, ready, strict=True):
            thread.start()
            assert is_ready.wait(20)

        def stop() -> None:
            for worker, thread in zip(workers, threads, strict=True):
                if thread.is_alive():
                    worker._stopping = True
                thread.join(40)

        return stop


@pytest.fixture
def numbers(scripted: Any) -> list[int]:
    """`n` of every call, in order."""
    seen: list[int] = []

    def note(params: dict[str, Any], context: dict[str, Any]) -> Any:
        seen.append(params["n"])
        return params

    scripted.script = staticmethod(note)
    return seen


@pytest.fixture
def bench(transactional_db: None, tenant_a: Any) -> FlowBench:
    return FlowBench(tenant_a.ref)
