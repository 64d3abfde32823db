"""A paused endpoint: what came is let go in order, once, also when whoever lets it go is killed in the middle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import InterfaceError, OperationalError, connection

from automate.ingest import signing_secret
from automate.ingest.ingestor import EventIngestor
from automate.models import AuditLogEntry, OutboxJob, WebhookEndpoint
from automate.outbox.holding import HELD_UNTIL
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.endpoints import create_endpoint, roll_secret, set_paused
from automate_tenants.housekeeping import keep
from automate_tenants.key_store import data_key
from automate_tenants.models import Tenant, WebhookRoute
from tests.support.waiting import AtOnce, Eventually
from tests.support.workspaces import Workspace

NOW = datetime.now(UTC)


def paused_with_events(count: int) -> WebhookEndpoint:
    endpoint = create_endpoint(slug="shop", actor="user:1", now=NOW).endpoint
    set_paused(endpoint_id=endpoint.pk, is_paused=True, actor="user:1", now=NOW)
    for n in range(count):
        EventIngestor().ingest(type="x", payload={"n": n}, source=endpoint.source, is_held=True)
    return endpoint


def jobs_of(workspace: Workspace) -> list[tuple[int, bool]]:
    """Each event's job, in the order in which workers take them: its number, and whether it is held."""
    with tenant_scope(workspace.ref):
        order = OutboxJob.objects.filter(kind="event").order_by("available_at", "id")
        return [(job.pk, job.available_at == HELD_UNTIL) for job in order]


@pytest.mark.django_db(transaction=True)
def test_a_resume_that_is_killed_lets_nothing_go_and_the_next_one_everything_in_order(
    tenant_a: Workspace, superuser_connection: psycopg.Connection[Any], at_once: AtOnce, eventually: Eventually
) -> None:
    with tenant_scope(tenant_a.ref):
        endpoint = paused_with_events(20)
    held = jobs_of(tenant_a)
    locked = f'SELECT 1 FROM "{tenant_a.ref.schema_name}".automate_outboxjob WHERE id = %s FOR UPDATE'
    backends: list[int] = []

    def resume() -> bool:
        try:
            with tenant_scope(tenant_a.ref):
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_backend_pid()")
                    backends.append(cursor.fetchone()[0])
                set_paused(endpoint_id=endpoint.pk, is_paused=False, actor="user:1", now=NOW)
        except (OperationalError, InterfaceError):
            return False
        return True

    def kill_it() -> bool:
        """Once it waits for the last job, which is locked here: all others are let go by then, in its transaction."""
        waits = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY (%s) AND wait_event_type = 'Lock'"

        def is_waiting() -> bool:
            row = superuser_connection.execute(waits, [backends]).fetchone()
            return row is not None and row[0] == 1

        eventually(is_waiting)
        superuser_connection.execute("SELECT pg_terminate_backend(%s)", [backends[0]])
        return True

    with psycopg.connect(superuser_connection.info.dsn, password=superuser_connection.info.password) as holder:
        holder.execute(locked, [held[-1][0]])
        resumed, _ = at_once(resume, kill_it)
        holder.rollback()

    assert resumed is False
    assert jobs_of(tenant_a) == held and all(is_held for _, is_held in held)
    with tenant_scope(tenant_a.ref):
        assert WebhookEndpoint.objects.get(pk=endpoint.pk).is_active is False
    assert resume() is True
    assert jobs_of(tenant_a) == [(pk, False) for pk, _ in held]
    with tenant_scope(tenant_a.ref):
        assert set_paused(endpoint_id=endpoint.pk, is_paused=False, actor="user:1", now=NOW) == 0  # once
        told = AuditLogEntry.objects.filter(action="endpoint.resume").values_list("details", flat=True)
        assert [details["released"] for details in told] == [20]


@pytest.mark.django_db
def test_an_old_secret_is_deleted_after_its_time_and_not_before(tenant_a: Workspace) -> None:
    hour = timedelta(hours=1)
    with tenant_scope(tenant_a.ref):
        endpoint = create_endpoint(slug="shop", auth="github", actor="user:1", now=NOW).endpoint
        new = roll_secret(endpoint_id=endpoint.pk, overlap=hour, actor="user:1", now=NOW).secret

    def sealed() -> list[str]:
        with public_scope():
            route = WebhookRoute.objects.get(endpoint_id=endpoint.pk)
        entries = signing_secret.open_entries(data_key(tenant_a.ref), endpoint.pk, bytes(route.signing_secret or b""))
        assert (route.previous_secret_until is None) == (len(entries) == 1)
        return [secret for secret, _ in entries]

    tenant = Tenant.objects.get(pk=tenant_a.ref.id)
    assert keep(tenant, now=NOW + hour - timedelta(seconds=1))["signing_secret"] == 0
    assert len(sealed()) == 2
    assert keep(tenant, now=NOW + hour)["signing_secret"] == 1
    assert sealed() == [new]
