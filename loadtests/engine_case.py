"""One case of `loadtests.engine`, in a process of its own: a plain project, the work, then the worker measured.

Prints JSON: units of work, seconds, cpu_seconds, statements, wal_bytes. Uses nothing that the earliest engine to be
compared with does not have.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import django
import psycopg
from django.conf import settings

EVENT_TYPE = "bench.order"
RULE = {"and": [{">": [{"var": "payload.amount"}, 1]}, {"==": [{"var": "payload.kind"}, "a"]}, {"var": "payload.ok"}]}
PAYLOAD = {"amount": 5, "kind": "a", "ok": True}


def log(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"s{number}", "connector": "core", "action": "log", "params": {"message": "x"}, **more}


def call(number: int) -> dict[str, Any]:
    document = {"amount": "{{ payload.amount }}", "kind": "{{ payload.kind }}"}
    params = {"method": "POST", "url": f"http://127.0.0.1:{os.environ['ENGINE_CASE_SINK']}/", "json": document}
    return {"id": f"s{number}", "connector": "http", "action": "request", "idempotent": True, "params": params}


def fan(size: int) -> list[dict[str, Any]]:
    return [log(0, foreach={"items": list(range(size)), "concurrency": 10})]


WORK: dict[str, tuple[int, Callable[[], list[dict[str, Any]]], int]] = {  # case → runs, steps, units in each run
    "one-step": (500, lambda: [log(0)], 1),
    "five-steps": (200, lambda: [log(n) for n in range(5)], 5),
    "one-call": (500, lambda: [call(0)], 1),
    "five-calls": (200, lambda: [call(n) for n in range(5)], 5),
    "25-steps": (4, lambda: [log(n) for n in range(25)], 25),
    "100-steps": (4, lambda: [log(n) for n in range(100)], 100),
    "250-items": (1, lambda: fan(250), 250),
    "1000-items": (1, lambda: fan(1_000), 1_000),
}


def rules() -> dict[str, float]:
    from automate.rules import compile_rule

    rule, number = compile_rule(RULE), 50_000
    context = {"payload": PAYLOAD}
    cpu, started = time.process_time(), time.perf_counter()
    for _ in range(number):
        assert rule.matches(context)
    return _told(number, started, cpu, 0, 0)


def runs(case: str) -> dict[str, float]:
    from automate.models import ExecutionRun
    from automate.outbox.postgres import PostgresStore
    from automate.runtime import emit_event
    from automate.worker.loop import Worker, WorkerOptions

    number, steps, units = WORK[case]
    _publish(steps())
    worker = Worker(PostgresStore(), WorkerOptions(batch_size=10))
    emit_event(EVENT_TYPE, PAYLOAD)
    asyncio.run(worker.run_until_idle())  # imports, plans, connections
    for _ in range(number):
        emit_event(EVENT_TYPE, PAYLOAD)
    counted = _count_statements()
    wal = _wal()
    cpu, started = time.process_time(), time.perf_counter()
    asyncio.run(worker.run_until_idle())
    told = _told(number * units, started, cpu, counted[0], _wal() - wal)
    worker.close()
    assert ExecutionRun.objects.filter(status="succeeded").count() == number + 1
    return told


def _publish(steps: list[dict[str, Any]]) -> None:
    from automate.services import create_workflow, publish_version

    now = datetime.now(UTC)
    trigger = {"type": "event", "event_type": EVENT_TYPE}
    definition = {"slug": "bench", "name": "Bench", "trigger": trigger, "rule": RULE, "steps": steps}
    workflow = create_workflow(definition=definition, actor="bench", now=now)
    publish_version(workflow_id=workflow.id, expected_revision=1, actor="bench", now=now)


def _count_statements() -> list[int]:
    """A counter of what this process asks of the database from here on."""
    counted, execute = [0], psycopg.Cursor.execute

    def counting(self: Any, *arguments: Any, **options: Any) -> Any:
        counted[0] += 1
        return execute(self, *arguments, **options)

    psycopg.Cursor.execute = counting  # type: ignore[method-assign,assignment]
    return counted


def _wal() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
        return int(cursor.fetchone()[0])


def _told(units: int, started: float, cpu: float, statements: int, wal: int) -> dict[str, float]:
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    return {"units": units, "seconds": seconds, "cpu_seconds": cpu_seconds, "statements": statements, "wal_bytes": wal}


def main() -> None:
    settings.configure(
        SECRET_KEY="a key for a benchmark",
        INSTALLED_APPS=["automate"],
        DATABASES={"default": json.loads(os.environ["ENGINE_CASE_DATABASE"])},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        DJANGO_AUTOMATE={"POLICY": {"private_targets": [f"127.0.0.1:{os.environ['ENGINE_CASE_SINK']}"]}},
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    case = sys.argv[1]
    print(json.dumps(rules() if case == "rules" else runs(case)))


if __name__ == "__main__":
    main()
