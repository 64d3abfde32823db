"""Deleting a workspace: stopped at once, undone within its grace, and gone afterwards with everything it had."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone

from automate.models import AuditLogEntry
from automate_billing.models import Subscription, UsageDay
from automate_governance.errors import Conflict
from automate_governance.keys import KeyDestroyed
from automate_tenants import deletion, directory, erasure
from automate_tenants.audit_chain import chain_tenant
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.invitations import invite
from automate_tenants.key_store import key_store
from automate_tenants.models import DeletedWorkspace, DispatchTenant, Membership, Tenant, WebhookRoute, WorkspaceExport
from automate_tenants.onboarding import OpenedWorkspace, open_workspace
from automate_tenants.pauses import FOREVER
from automate_tenants.provisioning import ref
from automate_tenants.team import in_person
from tests.support.workspaces import Workspace

pytestmark = pytest.mark.django_db
EVERYWHERE = """
SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
"""


@pytest.fixture
def doomed(db: None, tenant_a: Workspace) -> Iterator[OpenedWorkspace]:
    """A workspace of A's owner with something in every kind of place."""
    now = timezone.now()
    with public_scope():
        opened = open_workspace(name="Doomed Ltd", slug="doomed", owner_id=tenant_a.owner.pk, now=now)
        owner = Membership.objects.get(tenant=opened.tenant)
        invite(by=in_person(owner), emails=["guest@doomed.example"], role="viewer", now=now)
        UsageDay.objects.create(
            tenant_id=opened.tenant.pk, day=now.date(), meter="events", subject="webhook:default", amount=7
        )
        WorkspaceExport.objects.create(tenant_id=opened.tenant.pk, asked_by="user:1", created_at=now)
        chain_tenant(ref(opened.tenant), now=now)
    connection.check_constraints()  # what is deferred is checked now, as at a commit
    yield opened
    directory.forget("doomed")


def ask(opened: OpenedWorkspace, *, ago: timedelta = timedelta(0)) -> Tenant:
    now = timezone.now() - ago
    return deletion.ask(tenant_id=opened.tenant.pk, actor="user:7", confirm="doomed", now=now)


def test_asking_stops_it_tells_the_owners_and_can_be_undone(
    doomed: OpenedWorkspace, django_capture_on_commit_callbacks: Any
) -> None:
    with pytest.raises(deletion.WrongName, match="exactly: doomed"):
        deletion.ask(tenant_id=doomed.tenant.pk, actor="user:7", confirm="Doomed Ltd", now=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        asked = ask(doomed)

    assert asked.is_stopped
    assert asked.delete_at is not None
    assert DispatchTenant.objects.get(tenant_id=asked.pk).paused_until == FOREVER
    assert "doomed will be deleted" in mail.outbox[0].subject.lower().replace(" ltd", "")
    page = Client(headers={"host": "doomed.localhost"}).get("/events/")
    assert page.status_code == 403
    assert b"is being deleted" in page.content
    with pytest.raises(Conflict):
        ask(doomed)
    assert deletion.go_on(now=timezone.now()) == []  # not yet

    deletion.undo(tenant_id=asked.pk, actor="user:7", now=timezone.now())

    tenant = Tenant.objects.get(pk=asked.pk)
    assert (tenant.status, tenant.delete_at, tenant.delete_asked_by) == ("active", None, "")
    assert DispatchTenant.objects.get(tenant_id=asked.pk).paused_until is None
    with tenant_scope(ref(tenant)):
        found = AuditLogEntry.objects.filter(action__startswith="workspace.delete").order_by("id")
        assert [entry.action for entry in found] == ["workspace.delete", "workspace.delete_undone"]
    with pytest.raises(Conflict):
        deletion.undo(tenant_id=asked.pk, actor="user:7", now=timezone.now())


def test_nothing_of_it_is_left_but_what_the_docs_list(doomed: OpenedWorkspace, tenant_b: Workspace) -> None:
    schema, token = doomed.tenant.schema_name, bytes(WebhookRoute.objects.get(tenant_id=doomed.tenant.pk).token_hash)
    traces = [
        "doomed",
        "Doomed Ltd",
        schema,
        doomed.api_key,
        token.hex(),
        "guest@doomed.example",
        doomed.endpoint.token,
    ]
    assert {"automate_tenants_tenant", "automate_tenants_webhookroute", "automate_tenants_invitation"} <= tables_with(
        traces
    )
    neighbour = rows_of(tenant_b.ref.id)
    ask(doomed, ago=timedelta(days=8))

    assert deletion.go_on(now=timezone.now()) == ["doomed"]

    assert tables_with(traces) == {"automate_tenants_deletedworkspace"}
    assert asked("SELECT 1 FROM pg_namespace WHERE nspname = %s", schema) == []
    assert rows_of(doomed.tenant.pk) == {
        "automate_billing_subscription": 1,
        "automate_billing_usageday": 1,
        "automate_tenants_deletedworkspace": 1,
    }
    assert UsageDay.objects.get(tenant_id=doomed.tenant.pk).subject == ""
    assert Subscription.objects.filter(pk=doomed.tenant.pk).exists()
    with pytest.raises(KeyDestroyed):
        key_store().data_key(schema)
    left = [path.name for path in Path(settings.KEY_STORE_DIR).rglob(f"*{schema}*")]
    assert left == [f"{schema}.destroyed"]
    assert erasure.is_genuine(json.loads(key_store().certificate(schema) or b""))
    assert Client(headers={"host": "doomed.localhost"}).get("/").status_code == 404
    assert get_user_model().objects.filter(memberships__isnull=False).exists()  # people stay
    assert rows_of(tenant_b.ref.id) == neighbour
    assert deletion.go_on(now=timezone.now()) == []


@pytest.mark.parametrize("step", ["_delete_rows", "_end_sessions"])
def test_a_worker_that_dies_between_two_steps_leaves_the_rest_to_the_next(
    doomed: OpenedWorkspace, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*args: object) -> None:
        raise Killed

    ask(doomed, ago=timedelta(days=8))
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(deletion, step, die)
        deletion.go_on(now=timezone.now())
    with pytest.raises(Conflict, match="not waiting") if step == "_delete_rows" else pytest.raises(Tenant.DoesNotExist):
        deletion.undo(tenant_id=doomed.tenant.pk, actor="user:7", now=timezone.now())

    assert deletion.go_on(now=timezone.now()) == ["doomed"]
    assert not Tenant.objects.filter(slug="doomed").exists()
    assert DeletedWorkspace.objects.get(slug="doomed").ended_at is not None


def test_one_that_cannot_be_dropped_says_so_and_holds_up_no_other(doomed: OpenedWorkspace, tenant_a: Workspace) -> None:
    """The database's clock says that its grace is not over, whatever this process believes."""
    other = open_workspace(name="Other", slug="gone", owner_id=tenant_a.owner.pk, now=timezone.now())
    connection.check_constraints()
    ask(doomed)
    deletion.ask(tenant_id=other.tenant.pk, actor="user:7", confirm="gone", now=timezone.now() - timedelta(days=8))

    assert deletion.go_on(now=timezone.now() + timedelta(days=8)) == ["gone"]

    left = DeletedWorkspace.objects.get(slug="doomed")
    assert (left.ended_at, "grace is not over" in left.latest_error) == (None, True)
    with tenant_scope(ref(doomed.tenant)):
        assert AuditLogEntry.objects.exists()


def asked(statement: str, *values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return list(cursor.fetchall())


def tables_with(traces: list[str]) -> set[str]:
    """Public tables with a row that holds one of these texts, in whatever column; sessions are read, too."""
    found = set()
    for (table,) in asked(EVERYWHERE):
        rows = asked(f"SELECT t::text FROM public.{table} t")  # from the catalog
        if any(trace in text for (text,) in rows for trace in traces):
            found.add(str(table))
    decoded = [str(session.get_decoded()) for session in Session.objects.all()]
    if any(trace in text for text in decoded for trace in traces):
        found.add("django_session")
    return found


def rows_of(tenant_id: int) -> dict[str, int]:
    """Rows by public table with that `tenant_id`."""
    named = (
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'tenant_id'"
    )
    counted = {}
    for (table,) in asked(named):
        query = f"SELECT count(*) FROM public.{table} WHERE tenant_id = %s"  # from the catalog
        [(count,)] = asked(query, tenant_id)
        if count:
            counted[str(table)] = int(count)
    return counted
