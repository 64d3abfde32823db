"""An order holds also where an earlier event is matched while a later one asks for its place."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from automate.ingest.ingestor import EventIngestor
from automate.models import OutboxJob
from automate_tenants.context import tenant_scope

ASK = """
SELECT verdict FROM automate_enter_queue('order', ARRAY[%s]::uuid[], ARRAY['k'], ARRAY[%s]::uuid[], ARRAY[%s]::bigint[],
                                         ARRAY[1], ARRAY['wait'])
"""
TAKE = """
INSERT INTO automate_queueplace (run_id, kind, key, workflow_id, place, cap, on_stuck, asked_at)
VALUES (%s, 'order', 'k', %s, %s, 1, 'wait', now())
"""


@pytest.mark.django_db(transaction=True)
def test_who_asks_while_an_earlier_event_is_matched_waits_for_it(
    tenant_a: Any, database_urls: Any, eventually: Any
) -> None:
    with tenant_scope(tenant_a.ref):
        for number in (6, 8):
            EventIngestor().ingest(type="order.created", payload={"number": number}, source="test")
        earlier, later = OutboxJob.objects.order_by("pk").values_list("pk", flat=True)
        OutboxJob.objects.filter(pk=later).update(status="COMPLETED")  # its event is matched
    workflow, earlier_run, later_run = uuid4(), uuid4(), uuid4()
    told: list[str] = []

    def connect() -> psycopg.Connection[Any]:
        opened = psycopg.connect(database_urls.owner)
        opened.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(tenant_a.ref.schema_name)))
        opened.commit()
        return opened

    def ask(run: UUID, place: int) -> None:
        with connect() as asker:
            row = asker.execute(ASK, [run, workflow, place]).fetchone()
            told.append(row[0] if row else "")

    with connect() as matching, connect() as watching:
        watching.autocommit = True
        matching.execute(
            "LOCK TABLE automate_outboxjob IN ACCESS EXCLUSIVE MODE"
        )  # who asks stops before that question
        asking = threading.Thread(target=ask, args=(later_run, later))
        asking.start()
        waits = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'automate_enter_queue'"
        )
        eventually(lambda: watching.execute(waits).fetchone()[0])
        matching.execute(TAKE, [earlier_run, workflow, earlier])
        matching.execute("UPDATE automate_outboxjob SET status = 'COMPLETED' WHERE id = %s", [earlier])
        matching.commit()
        asking.join()

    assert told == ["wait"]
    ask(earlier_run, earlier)
    assert told == ["wait", "granted"]
