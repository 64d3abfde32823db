"""A run that ends while its child, which it stops, waits for a place in the same queue: nobody waits for ever."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection, connections

from automate.models import ExecutionRun, OutboxJob, QueuePlace, RunWait, StepRun
from automate.outbox import postgres, postgres_waits
from automate.services.waits import answer_approval
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.flow.conftest import FlowBench
from tests.support import dispatch

ONE, TWO = ({"==": [{"var": "payload.n"}, n]} for n in (1, 2))
STEPS = (
    {
        "id": "child",
        "connector": "core",
        "action": "run_workflow",
        "when": ONE,
        "params": {"workflow": "flow", "payload": {"n": 3}, "timeout_seconds": 60},
    },
    {"id": "ask", "connector": "core", "action": "approve", "when": TWO, "params": {"message": "Go on?"}},
)


def now() -> datetime:
    return datetime.now(timezone.utc)


@pytest.mark.postgresql("queues")
def test_while_another_of_the_queue_ends_and_gives_its_place_to_the_child(
    bench: FlowBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.publish_flow(*STEPS, concurrency={"limit": 2})
    bench.emit({"n": 2})
    bench.work()
    bench.emit({"n": 1})
    bench.work()
    other, parent, child = _by_payload(bench)
    assert (other.status, parent.status, child.status) == ("waiting", "waiting", "queued")
    with tenant_scope(bench.ref):
        RunWait.objects.filter(run_id=parent.id).update(expires_at=now() - timedelta(seconds=1))
        StepRun.objects.filter(run_id=parent.id, retry_at__isnull=False).update(retry_at=now() - timedelta(seconds=1))
        OutboxJob.objects.filter(run_id=parent.id).update(available_at=now() - timedelta(seconds=1))
    dispatch.ring(bench.ref)
    others: list[threading.Thread] = []
    errors: list[BaseException] = []
    record, write = postgres._record, postgres.PostgresStore.write

    def and_the_other_ends(cursor: Any, writes: Any) -> None:
        if writes.cancelled and not others:
            cursor.execute(
                "SELECT 1"
            ).fetchall()  # what this transaction has asked for until now is done, its locks held
            others.append(threading.Thread(target=_end, args=(bench, other)))
            others[0].start()
            _until_it_waits_for_a_lock(others[0])
        record(cursor, writes)

    def noted(*arguments: Any, **options: Any) -> bool:
        try:
            return write(*arguments, **options)
        except Exception as error:
            errors.append(error)
            raise

    monkeypatch.setattr(postgres, "_record", and_the_other_ends)
    monkeypatch.setattr(postgres.PostgresStore, "write", noted)

    bench.work()
    others[0].join(timeout=60)
    bench.work()

    assert not others[0].is_alive()
    assert errors == []
    assert [run.status for run in _by_payload(bench)] == ["succeeded", "failed", "cancelled"]
    assert bench.places() == []


@pytest.mark.postgresql("queues")
@pytest.mark.parametrize("is_turned", [False, True])
def test_queues_are_locked_in_one_order_whatever_order_their_runs_come_in(bench: FlowBench, is_turned: bool) -> None:
    """Two workers that each end a run of both queues: the later one waits before it holds any."""
    ask = {"id": "ask", "connector": "core", "action": "approve", "params": {"message": "Go on?"}}
    bench.publish_flow(ask, concurrency={"key": "{{ payload.k }}", "limit": 2})
    bench.emit_all({"k": "a"}, {"k": "b"})
    bench.work()
    runs = [run.id for run in bench.runs()]
    with tenant_scope(bench.ref):
        (first_queue,) = QueuePlace.objects.order_by("key").values_list("run_id", flat=True)[:1]
    holder, later = connection.copy(), connection.copy()
    with closing(holder), closing(later):
        _lock(holder, bench, [first_queue])
        thread = threading.Thread(target=_lock, args=(later, bench, runs[::-1] if is_turned else runs))
        thread.start()
        _until_it_waits_for_a_lock(thread)
        assert _queues_held() == 1  # by the holder alone
        holder.rollback()
        thread.join(timeout=60)
        assert _queues_held() == 2


def _lock(own: Any, bench: FlowBench, run_ids: list[UUID]) -> None:
    own.set_autocommit(False)
    with psycopg.Cursor(own.connection) as cursor:
        cursor.execute("SELECT set_config('search_path', quote_ident(%s), true)", [bench.ref.schema_name])
        postgres_waits.lock_queues(cursor, run_ids)
        cursor.fetchall()


def _queues_held() -> int:
    watcher = connection.copy()
    with closing(watcher), watcher.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return int(cursor.fetchone()[0])


def _by_payload(bench: FlowBench) -> tuple[ExecutionRun, ExecutionRun, ExecutionRun]:
    """The one that asks a person, the parent, its child."""
    child = next(run for run in bench.runs() if run.parent_run_id is not None)
    parent = next(run for run in bench.runs() if run.id == child.parent_run_id)
    other = next(run for run in bench.runs() if run.id not in {child.id, parent.id})
    return other, parent, child


def _end(bench: FlowBench, run: ExecutionRun) -> None:
    try:
        with tenant_scope(bench.ref):
            wait = RunWait.objects.get(run_id=run.id, status="open")
            answer_approval(wait_id=wait.id, approved=True, actor="user:1", now=now())
        bench.work()
    finally:
        connections.close_all()


def _until_it_waits_for_a_lock(thread: threading.Thread) -> None:
    watcher = connection.copy()
    with closing(watcher), watcher.cursor() as cursor:
        for _ in range(3_000):
            thread.join(timeout=0.01)
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if cursor.fetchone() != (0,):
                return
            assert thread.is_alive(), "it ended, and met nobody"
    raise AssertionError("neither blocked nor done")
