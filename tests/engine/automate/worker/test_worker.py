"""The worker as a process: stopped politely, stopped dead, paused past its lease, cut off from the database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any
from uuid import UUID

import psycopg
import pytest

from automate.models import ExecutionRun, OutboxJob, StepRun
from automate.runtime import emit_event
from automate.services import create_workflow, publish_version
from automate_tenants.context import tenant_scope
from automate_tenants.models import DispatchLease, DispatchTenant
from tests.support.sink import Answer, Received, Sink

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
EVENT_TYPE = "order.created"


class WorkerProcess:
    """`automate_worker` in a process of its own. `output` is what it has said."""

    def __init__(self, targets: str, lease_seconds: int) -> None:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "automate_platform.settings",
            "DJANGO_AUTOMATE_PRIVATE_TARGETS": targets,
            "DJANGO_AUTOMATE_EXECUTION_LEASE_SECONDS": str(lease_seconds),
            "PYTHONUNBUFFERED": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "django", "automate_worker"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.output.extend(self.process.stdout)

    def is_ready(self) -> bool:
        assert self.process.poll() is None, "".join(self.output)
        return any("ready" in line for line in self.output)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(number)
        code = self.process.wait(40)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def start_worker(http_sink: Sink, eventually: Any) -> Iterator[Callable[..., WorkerProcess]]:
    started: list[WorkerProcess] = []

    def start(*, lease_seconds: int = 5) -> WorkerProcess:
        worker = WorkerProcess(http_sink.target, lease_seconds)
        started.append(worker)
        eventually(worker.is_ready)
        return worker

    yield start
    for worker in started:
        if worker.process.returncode is None:
            worker.stop(signal.SIGKILL)


@pytest.fixture
def emit(tenant_a: Any, http_sink: Sink, settings: Any) -> Callable[[int], list[UUID]]:
    """Events whose workflow posts their number to the sink, with an idempotency key."""
    policy = {**settings.DJANGO_AUTOMATE["POLICY"], "private_targets": [http_sink.target]}
    settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "POLICY": policy}
    now = datetime.now(timezone.utc)
    send = {
        "id": "send",
        "connector": "http",
        "action": "request",
        "params": {"method": "POST", "url": f"{http_sink.url}/", "json": {"n": "{{ payload.n }}"}},
        "idempotent": True,
    }
    after = {"id": "after", "connector": "core", "action": "log", "params": {"message": "sent"}}
    trigger = {"type": "event", "event_type": EVENT_TYPE}
    definition = {"slug": "send", "name": "Send", "trigger": trigger, "rule": None, "steps": [send, after]}
    with tenant_scope(tenant_a.ref):
        workflow = create_workflow(definition=definition, actor="test", now=now)
        publish_version(workflow_id=workflow.id, expected_revision=1, actor="test", now=now)

    def emit_some(count: int) -> list[UUID]:
        with tenant_scope(tenant_a.ref):
            return [UUID(emit_event(EVENT_TYPE, {"n": number})) for number in range(count)]

    return emit_some


@pytest.fixture
def look(tenant_a: Any) -> Callable[[type[Any], str], list[Any]]:
    def values(model: type[Any], column: str) -> list[Any]:
        with tenant_scope(tenant_a.ref):
            return list(model.objects.order_by("pk").values_list(column, flat=True))

    return values


def keys(sink: Sink) -> dict[int, list[str]]:
    """Each number's idempotency keys, in the order in which they came."""
    found: dict[int, list[str]] = {}
    for received in sink.received:
        found.setdefault(json.loads(received.body)["n"], []).append(received.headers["idempotency-key"])
    return found


def test_an_event_is_run_within_a_moment(start_worker: Any, emit: Any, look: Any, eventually: Any) -> None:
    start_worker()

    emit(3)

    eventually(lambda: look(ExecutionRun, "status") == ["succeeded"] * 3)
    assert DispatchLease.objects.count() == 0


def test_a_polite_stop_records_what_is_in_hand_and_claims_nothing_more(
    start_worker: Any, emit: Any, look: Any, eventually: Any, http_sink: Sink
) -> None:
    http_sink.answer = Answer(latency_seconds=1.0)
    worker = start_worker()
    emit(2)
    http_sink.wait_for(2)

    assert worker.stop() == 0

    assert DispatchLease.objects.count() == 0
    assert list(DispatchTenant.objects.exclude(inflight=0)) == []
    assert "CLAIMED" not in look(OutboxJob, "status")
    assert look(StepRun, "status").count("succeeded") >= 2  # both calls are recorded, none is made again
    start_worker()
    eventually(lambda: look(ExecutionRun, "status") == ["succeeded"] * 2)
    assert {number: len(sent) for number, sent in keys(http_sink).items()} == {0: 1, 1: 1}


def test_a_slow_receiver_holds_up_its_own_run_only(
    start_worker: Any, emit: Any, look: Any, eventually: Any, http_sink: Sink
) -> None:
    release = threading.Event()

    def answer(received: Received) -> Answer:
        if json.loads(received.body)["n"] == 0:
            release.wait(20)
        return Answer()

    http_sink.answer = answer
    start_worker()
    emit(10)

    eventually(lambda: look(ExecutionRun, "status").count("succeeded") == 9)
    eventually(lambda: look(ExecutionRun, "status").count("running") == 1)  # shown once its batch is 0.25 s old
    release.set()
    eventually(lambda: look(ExecutionRun, "status") == ["succeeded"] * 10)


def test_a_worker_paused_past_its_lease_changes_nothing_when_it_comes_back(
    start_worker: Any, emit: Any, look: Any, eventually: Any, http_sink: Sink
) -> None:
    release = threading.Event()
    http_sink.answer = lambda received: (release.wait(20), Answer())[1]
    paused = start_worker(lease_seconds=1)
    emit(1)
    http_sink.wait_for(1)
    paused.process.send_signal(signal.SIGSTOP)
    release.set()
    start_worker()
    eventually(lambda: look(ExecutionRun, "status") == ["succeeded"])
    recorded = look(StepRun, "ended_at")

    paused.process.send_signal(signal.SIGCONT)

    emit(1)  # whoever takes it: the returned one works on, and has let go of what it lost
    eventually(lambda: look(ExecutionRun, "status") == ["succeeded"] * 2)
    assert look(StepRun, "ended_at")[: len(recorded)] == recorded
    [sent] = keys(http_sink).values()
    assert len(set(sent)) == 2  # one key a run, however often it was sent
    assert sent[0] == sent[1]  # the paused worker's call, and its repeat by the other


def test_work_goes_on_after_every_connection_was_cut(
    start_worker: Any, emit: Any, look: Any, eventually: Any, superuser_connection: psycopg.Connection[Any]
) -> None:
    start_worker()
    events = emit(20)
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename = 'automate_app'"
    )

    from django.db import connections

    connections.close_all()
    superuser_connection.execute(cut)

    eventually(lambda: look(ExecutionRun, "status") == ["succeeded"] * 20, seconds=30)
    assert sorted(look(ExecutionRun, "event_id")) == sorted(events)
    assert "PENDING" not in look(OutboxJob, "status")
