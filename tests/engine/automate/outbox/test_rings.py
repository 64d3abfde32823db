"""No ring is lost, in either interleaving of a claim and a ring. Two real transactions, held open by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from automate import ids

Connection = psycopg.Connection[Any]


@pytest.fixture
def connect(fresh_database: Any, tenant_a: Any) -> Iterator[Any]:
    opened: list[Connection] = []

    def open_one(*, autocommit: bool = True) -> Connection:
        opened.append(psycopg.connect(fresh_database.app, autocommit=autocommit))
        return opened[-1]

    yield open_one
    for connection in opened:
        connection.close()


def emit(connection: Connection, schema: str) -> None:
    """What a sender's transaction leaves: an event and its job."""
    event = ids.new_id()
    path = psycopg.sql.Identifier(schema)
    connection.execute(
        psycopg.sql.SQL(
            "INSERT INTO {}.automate_event (id, type, payload, source, trace_id, received_at)"
            " VALUES (%s, 'x', '{{}}', 'manual', %s, now())"
        ).format(path),
        [event, event],
    )
    connection.execute(
        psycopg.sql.SQL(
            "INSERT INTO {}.automate_outboxjob (kind, event_id, status, available_at, attempts)"
            " VALUES ('event', %s, 'PENDING', now(), 0)"
        ).format(path),
        [event],
    )


def ring(connection: Connection, tenant: Any) -> bool:
    return bool(scalar(connection, "SELECT public.automate_ring_v1(%s::bigint[])", [[tenant.ref.id]]))


def claim(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute("SELECT * FROM public.automate_claim_v2('w', 10, 30)").fetchall()


def is_ready(connection: Connection, tenant: Any) -> bool:
    statement = "SELECT ready FROM public.automate_tenants_dispatchtenant WHERE tenant_id = %s"
    return bool(scalar(connection, statement, [tenant.ref.id]))


def scalar(connection: Connection, statement: str, values: list[Any]) -> Any:
    row = connection.execute(statement, values).fetchone()
    assert row is not None
    return row[0]


def test_a_ring_that_falls_into_an_open_claim_is_found_by_the_recheck(connect: Any, tenant_a: Any) -> None:
    sender, worker = connect(), connect(autocommit=False)
    emit(sender, tenant_a.ref.schema_name)
    ring(sender, tenant_a)
    [head, _job] = claim(worker)
    emit(sender, tenant_a.ref.schema_name)
    assert not ring(sender, tenant_a)  # it still sees ready = true, and writes nothing
    worker.commit()
    assert not is_ready(sender, tenant_a)

    worker.execute("SELECT public.automate_recheck_v1(%s::bigint[])", [head[5]])
    worker.commit()

    assert is_ready(sender, tenant_a)
    assert len(claim(worker)) == 2
    worker.commit()


def test_a_ring_after_the_claims_commit_needs_no_recheck(connect: Any, tenant_a: Any) -> None:
    sender, worker = connect(), connect(autocommit=False)
    emit(sender, tenant_a.ref.schema_name)
    ring(sender, tenant_a)
    claim(worker)
    worker.commit()
    emit(sender, tenant_a.ref.schema_name)

    assert ring(sender, tenant_a)

    assert is_ready(sender, tenant_a)


def test_a_ring_that_waits_for_an_open_finish_is_not_lost(connect: Any, tenant_a: Any, at_once: Any) -> None:
    """The finish holds the tenant's row; the ring waits for it, sees ready = false and sets it."""
    sender, worker = connect(), connect()
    emit(sender, tenant_a.ref.schema_name)
    ring(sender, tenant_a)
    [head, job] = claim(worker)
    lease = head[1]
    worker.autocommit = False
    worker.execute("SELECT public.automate_hold_v1(%s)", [lease])
    schema = psycopg.sql.Identifier(tenant_a.ref.schema_name)
    worker.execute(
        psycopg.sql.SQL("UPDATE {}.automate_outboxjob SET status='COMPLETED', lease_id=NULL WHERE id=%s").format(
            schema
        ),
        [job[6]],
    )
    worker.execute("SELECT public.automate_settle_v1(%s, '{}', 0.1)", [lease])
    emit(sender, tenant_a.ref.schema_name)

    def finish_once_the_ring_waits() -> None:
        watcher = connect()
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        while not scalar(watcher, waiting, []):
            pass
        worker.commit()

    rung, _ = at_once(lambda: ring(sender, tenant_a), finish_once_the_ring_waits)

    assert rung
    assert is_ready(sender, tenant_a)


def test_a_ring_that_was_never_made_is_found_by_the_sweep(connect: Any, tenant_a: Any, eventually: Any) -> None:
    sender = connect()
    emit(sender, tenant_a.ref.schema_name)
    sender.close()  # a process that dies between commit and ring; its counters are flushed as it goes
    watcher = connect()

    def swept() -> bool:
        watcher.execute("SELECT public.automate_sweep_v1(100)")
        return is_ready(watcher, tenant_a)

    assert eventually(swept)


def test_a_broken_tenant_in_front_does_not_block_the_next(
    connect: Any, tenant_a: Any, tenant_b: Any, superuser_connection: Connection
) -> None:
    sender, worker = connect(), connect()
    for tenant in (tenant_a, tenant_b):
        emit(sender, tenant.ref.schema_name)
        ring(sender, tenant)
    schema = psycopg.sql.Identifier(tenant_a.ref.schema_name)
    superuser_connection.execute(psycopg.sql.SQL("ALTER TABLE {}.automate_outboxjob RENAME TO gone").format(schema))

    [head, _job] = claim(worker)

    assert head[2] == tenant_b.ref.id
    paused = (
        "SELECT paused_until > now(), latest_error FROM public.automate_tenants_dispatchtenant WHERE tenant_id = %s"
    )
    row = worker.execute(paused, [tenant_a.ref.id]).fetchone()
    assert row is not None
    assert row[0]
    assert "automate_outboxjob" in row[1]


def test_a_tenant_whose_tables_are_locked_does_not_hold_up_the_next(
    connect: Any, tenant_a: Any, tenant_b: Any, superuser_connection: Connection
) -> None:
    sender, worker = connect(), connect()
    for tenant in (tenant_a, tenant_b):
        emit(sender, tenant.ref.schema_name)
        ring(sender, tenant)
    schema = psycopg.sql.Identifier(tenant_a.ref.schema_name)
    with superuser_connection.transaction():
        superuser_connection.execute(psycopg.sql.SQL("LOCK TABLE {}.automate_outboxjob").format(schema))

        [head, _job] = claim(worker)

    assert head[2] == tenant_b.ref.id


def test_a_busy_tenant_does_not_keep_a_quiet_one_waiting(connect: Any, tenant_a: Any, tenant_b: Any) -> None:
    """Start-time fair queuing: whoever has used less is served first, whatever waits elsewhere."""
    sender, worker = connect(), connect()
    for _ in range(40):
        emit(sender, tenant_a.ref.schema_name)
    ring(sender, tenant_a)
    [first, *_] = claim(worker)
    assert first[2] == tenant_a.ref.id
    emit(sender, tenant_b.ref.schema_name)
    ring(sender, tenant_b)
    served = [claim(worker)[0][2] for _ in range(3)]

    assert tenant_b.ref.id in served[:2]
