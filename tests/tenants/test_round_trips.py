"""What an event costs PostgreSQL, counted on the wire: the figures of the page "Execution"."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection

from automate.execution import batch
from automate.runtime import emit_event
from automate.services import create_workflow, publish_version
from automate.worker.loop import Worker, WorkerOptions
from automate_tenants.context import tenant_scope
from automate_tenants.dispatch.store import DispatchStore
from tests.support import server
from tests.support.waiting import Eventually
from tests.support.wire import Counted, Wire, wire
from tests.support.workspaces import Workspace
from tests.web.gateway.conftest import GatewayProcess, Sender, free_port

EVENT_TYPE = "counted"


@pytest.fixture
def counted() -> Iterator[Wire]:
    with tempfile.TemporaryDirectory() as folder, wire(server.postgres().run_as.socket_folder, Path(folder)) as opened:
        yield opened


@pytest.mark.django_db(transaction=True)
def test_a_batch_costs_the_same_however_many_events_are_in_it(
    tenant_a: Workspace, counted: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tenant_a)
    monkeypatch.setitem(connection.settings_dict, "HOST", str(counted.folder))  # the worker's threads connect anew
    monkeypatch.setattr(batch, "FIRST_WRITE_SECONDS", 60.0)  # on a busy machine too this batch is a quick one
    worker = Worker(DispatchStore(), WorkerOptions(batch_size=100))
    costs = {}
    try:
        emit(tenant_a, 1)
        work(worker)  # connects, and loads the versions
        for size in (1, 10, 100):
            emit(tenant_a, size)
            counted.take()
            work(worker)
            costs[size] = counted.take()
    finally:
        worker.close()

    # Claim, which asks the kill switches too; look again for rings; record, in eight statements; and the claim that
    # finds nothing.
    assert costs == dict.fromkeys((1, 10, 100), Counted(statements=11, round_trips=4))


@pytest.mark.django_db(transaction=True)
def test_accepting_costs_one_round_trip_and_one_to_ring(
    tenant_a: Workspace, counted: Wire, database_urls: server.DatabaseUrls, eventually: Eventually
) -> None:
    real, through = (quote(str(folder)) for folder in (server.postgres().run_as.socket_folder, counted.folder))
    url = database_urls.app.replace(f"host={real}", f"host={through}")
    gateway = GatewayProcess(url, server.run_folder() / server.WORKER, free_port())
    gateway.start()
    try:
        sender = Sender(gateway, tenant_a)
        assert sender.post().status == 202  # connects, and learns the routes
        counted.take()
        assert [sender.post(webhook_id=str(n)).status for n in range(20)] == [202] * 20
        seen = counted.take()
    finally:
        gateway.stop()

    assert seen.statements == seen.round_trips
    assert 20 <= seen.round_trips <= 44  # one each, at most one to ring, and what the gateway looks up by the clock


def publish(tenant: Workspace) -> None:
    now = datetime.now(UTC)
    definition = {
        "slug": "counted",
        "name": "Counted",
        "trigger": {"type": "event", "event_type": EVENT_TYPE},
        "rule": {">": [{"var": "payload.n"}, 0]},
        "steps": [{"id": "shape", "connector": "core", "action": "transform", "params": {"value": "{{ payload.n }}"}}],
    }
    with tenant_scope(tenant.ref):
        workflow = create_workflow(definition=definition, actor="test", now=now)
        publish_version(workflow_id=workflow.id, expected_revision=1, actor="test", now=now)


def emit(tenant: Workspace, count: int) -> None:
    with tenant_scope(tenant.ref):
        for n in range(1, count + 1):
            emit_event(EVENT_TYPE, {"n": n})


def work(worker: Worker) -> None:
    asyncio.run(worker.run_until_idle())
