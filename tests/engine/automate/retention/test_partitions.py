"""Monthly partitions of events: converted while events come in, made ahead, dropped when nothing needs them."""

from __future__ import annotations

import io
import threading
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.core.management import call_command
from django.db import IntegrityError

from automate import ids
from automate.models import Event, OutboxJob
from automate.retention.partitions import partitions
from automate.runtime import emit_event
from automate_tenants.context import tenant_scope
from tests.engine.automate.retention.conftest import Attic, id_at
from tests.support.database import owner_role

pytestmark = pytest.mark.django_db(transaction=True)

ACCEPT = """
SELECT verdict FROM public.automate_accept_v1(
  %s::bigint[], %s::uuid[], %s::uuid[], ARRAY['order.created'], ARRAY['manual'], ARRAY['{"n": 1}'], ARRAY[NULL]::text[],
  ARRAY[now()], ARRAY[NULL]::uuid[], ARRAY[NULL]::text[], ARRAY[NULL]::text[], ARRAY[NULL]::bytea[], ARRAY[0])
"""


@pytest.fixture
def partition(tenant_a: Any) -> Any:
    """The command, run as the owner of the tables."""

    def run(*arguments: str) -> list[str]:
        said = io.StringIO()
        with owner_role():
            call_command("automate_partition_events", "--schema", tenant_a.ref.schema_name, *arguments, stdout=said)
        return said.getvalue().splitlines()

    return run


class Writer(threading.Thread):
    """Accepts one event after the other through the gateway's function, whose lock timeout is 50 ms."""

    def __init__(self, url: str, tenant: int) -> None:
        super().__init__()
        self.accepted: list[UUID] = []
        self.refused: list[str] = []
        self._url, self._tenant = url, tenant
        self._ended = threading.Event()

    def run(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._ended.is_set():
                event = ids.new_id()
                try:
                    connection.execute(ACCEPT, ([self._tenant], [event], [event]))
                except psycopg.errors.LockNotAvailable as error:  # the gateway answers 503, or tries once more
                    self.refused.append(str(error))
                else:
                    self.accepted.append(event)

    def stop(self) -> None:
        self._ended.set()
        self.join()


def test_events_are_accepted_while_the_table_is_converted(
    partition: Any, tenant_a: Any, database_urls: Any, eventually: Any
) -> None:
    with tenant_scope(tenant_a.ref):
        before = UUID(emit_event("order.created", {"n": 0}))
    writer = Writer(database_urls.app, tenant_a.ref.id)
    writer.start()
    try:
        eventually(lambda: len(writer.accepted) > 20)
        said = partition("--ahead", "2")
        during = len(writer.accepted)
        eventually(lambda: len(writer.accepted) > during + 20)
    finally:
        writer.stop()

    assert "converted" in said
    assert len(writer.refused) <= 2
    with tenant_scope(tenant_a.ref):
        stored = set(Event.objects.values_list("pk", flat=True))
        jobs = set(OutboxJob.objects.values_list("event_id", flat=True))
    assert stored == jobs == {before, *writer.accepted}


def test_a_second_run_changes_nothing_and_the_months_follow_each_other(partition: Any, tenant_a: Any) -> None:
    first, second = partition(), partition()

    assert "converted" in first
    assert second == ["analyzed"]
    with tenant_scope(tenant_a.ref):
        months = partitions()
    assert len(months) >= 4
    assert all(one.high == following.low for one, following in pairwise(months))
    ahead = datetime.now(timezone.utc) + timedelta(days=80)
    assert months[-1].high > ids.first_id_at(ahead)


def test_an_event_of_a_month_nobody_made_is_stored_and_moves_into_it(partition: Any, tenant_a: Any) -> None:
    partition("--ahead", "1")
    far = datetime.now(timezone.utc) + timedelta(days=150)
    with tenant_scope(tenant_a.ref):
        event = Event.objects.create(
            id=id_at(far), type="t", payload={}, source="manual", trace_id=ids.new_id(), received_at=far
        )

    said = partition("--ahead", "6")

    assert any(line.startswith("made: ") for line in said)
    with tenant_scope(tenant_a.ref):
        assert Event.objects.filter(pk=event.pk).exists()
        assert partitions()[-1].low > event.pk or partitions()[-1].high > event.pk


def test_months_refuse_to_change_an_event_as_the_table_did(partition: Any, tenant_a: Any) -> None:
    with tenant_scope(tenant_a.ref):
        made = [UUID(emit_event("order.created", {}))]
    partition("--ahead", "1")
    with tenant_scope(tenant_a.ref):
        for days in (0, 40, 150):  # this month's, a later one's, the DEFAULT partition's
            at = datetime.now(timezone.utc) + timedelta(days=days)
            new = {"type": "t", "payload": {}, "source": "manual", "trace_id": ids.new_id(), "received_at": at}
            made.append(Event.objects.create(id=id_at(at), **new).pk)
    partition("--ahead", "6")  # the last one moves into its month

    with tenant_scope(tenant_a.ref):
        for event in made:
            with pytest.raises(IntegrityError, match="immutable"):
                Event.objects.filter(pk=event).update(type="other")


def test_a_month_past_its_time_is_dropped_unless_a_run_needs_it(
    partition: Any, tenant_a: Any, owner_connection: Any
) -> None:
    attic = Attic(tenant_a.ref)
    partition()
    with tenant_scope(tenant_a.ref):
        [first, *_] = partitions()
    needed, free = attic_months(owner_connection, tenant_a.ref.schema_name, first.name)
    kept = event_in(attic, needed)
    attic.run(kept, status="waiting")
    gone = event_in(attic, free)

    said = partition()

    assert f"kept, still needed: {month_name(needed)}" in said
    assert f"dropped: {month_name(free)}" in said
    assert kept in attic.left(Event)
    assert gone not in attic.left(Event)


def attic_months(connection: Any, schema: str, first: str) -> tuple[datetime, datetime]:
    """Two months of last year, cut out of the first partition, as if they had been made at their time."""
    months = [datetime(2025, month, 1, tzinfo=timezone.utc) for month in (3, 4, 5)]
    bounds = [ids.first_id_at(month) for month in months]
    connection.execute(f"SET search_path = {schema}")
    [(old,)] = connection.execute(
        "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = %s::regclass", [first]
    )
    high = old.rsplit("'", 2)[1]
    connection.execute(f"ALTER TABLE automate_event DETACH PARTITION {first}")
    connection.execute(
        f"ALTER TABLE automate_event ATTACH PARTITION {first} FOR VALUES FROM ('{bounds[2]}') TO ('{high}')"
    )
    for (low, above), month in zip(pairwise(bounds), months, strict=False):
        connection.execute(
            f"CREATE TABLE {month_name(month)} PARTITION OF automate_event FOR VALUES FROM ('{low}') TO ('{above}')"
        )
    return months[0], months[1]


def month_name(month: datetime) -> str:
    return f"automate_event_{month:%Y_%m}"


def event_in(attic: Attic, month: datetime) -> UUID:
    at = month + timedelta(days=9)
    with tenant_scope(attic.ref):
        event = Event.objects.create(
            id=id_at(at), type="t", payload={}, source="manual", trace_id=ids.new_id(), received_at=at
        )
    return event.pk
