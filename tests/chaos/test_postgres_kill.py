"""kill -9 of PostgreSQL in mid-load, three times: nothing accepted is lost or run twice; nobody restarts anything."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from tests.chaos.processes import schema_of
from tests.chaos.test_kills import Load
from tests.support import product

KILLS = 3
pytestmark = [pytest.mark.processes, pytest.mark.timeout(420)]


@pytest.fixture
def embedded(django_db_setup: None) -> Iterator[product.Product]:
    """A copy with a PostgreSQL of its own, under its own supervisor."""
    copy = product.start("postgres-kill", DATABASE_URL="", DJANGO_AUTOMATE_OWNER_DATABASE_URL="")
    yield copy
    product.stop(copy)


def kill_postgres(copy: product.Product) -> None:
    os.kill(int((copy.home / "postgres" / "postmaster.pid").read_text().partition("\n")[0]), signal.SIGKILL)


def test_what_was_accepted_before_between_and_after_is_run_once(embedded: product.Product, eventually: Any) -> None:
    load = Load(embedded.ready["webhook_url"], embedded.ready["api_key"], first=0)
    try:
        for _ in range(KILLS):
            before = len(load.accepted)
            eventually(lambda seen=before: len(load.accepted) > seen + 50, seconds=120)
            kill_postgres(embedded)
        before = len(load.accepted)
        eventually(lambda: len(load.accepted) > before + 50, seconds=120)
    finally:
        load.stop()

    url = (embedded.home / "secrets" / "owner-database-url").read_text().strip()
    with psycopg.connect(url, autocommit=True) as connection:
        schema = schema_of(connection)

        def rows(query: str) -> list[Any]:
            return connection.execute(sql.SQL(query).format(schema=schema)).fetchall()

        unfinished = "SELECT 1 FROM {schema}.automate_outboxjob WHERE status IN ('PENDING', 'CLAIMED') LIMIT 1"
        eventually(lambda: not rows(unfinished), seconds=180)
        events = {row[0] for row in rows("SELECT id FROM {schema}.automate_event")}
        runs = rows("SELECT event_id, status FROM {schema}.automate_executionrun")
    assert {UUID(event) for event in load.accepted.values()} <= events
    assert sorted(event for event, _ in runs) == sorted(events)
    assert {status for _, status in runs} == {"succeeded"}
