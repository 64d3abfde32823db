"""Opening a workspace: all of it or nothing; stopping and resuming one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from automate import host
from automate.models import AuditLogEntry, WebhookEndpoint, Workflow
from automate_governance.errors import Conflict
from automate_governance.keys import KeyNotFound
from automate_tenants.context import NoTenant, tenant_scope
from automate_tenants.key_store import data_key
from automate_tenants.keys import SCOPES, verify_key
from automate_tenants.models import ApiKey, DispatchTenant, Membership, Tenant, WebhookRoute
from automate_tenants.onboarding import InvalidName, open_workspace, resume, suggest_slug, suspend
from automate_tenants.pauses import FOREVER
from automate_tenants.provisioning import SlugTaken, ref
from tests.support.workspaces import Workspace


@pytest.fixture
def owner(db: None) -> Any:
    return get_user_model().objects.create_user(username="owner@acme.example", password="irrelevant")


@pytest.mark.django_db
def test_a_workspace_is_ready_for_its_first_minute(owner: Any) -> None:
    now = timezone.now()
    opened = open_workspace(name="  Acme \n Inc ", slug="acme", owner_id=owner.pk, now=now)

    assert Tenant.objects.get(slug="acme").name == "Acme Inc"
    assert Membership.objects.get(user=owner).role == "owner"
    key = verify_key(opened.api_key, now=now)
    assert key is not None
    assert (key.tenant_id, tuple(key.scopes)) == (opened.tenant.pk, SCOPES)
    assert opened.webhook_url_path == f"/hooks/{opened.endpoint.token}"
    assert WebhookRoute.objects.get(endpoint_id=opened.endpoint.id).tenant_id == opened.tenant.pk
    with tenant_scope(ref(opened.tenant)):
        [workflow] = Workflow.objects.all()
        assert (workflow.state, workflow.is_sample, workflow.pk) == ("live", True, opened.workflow.pk)
        version = workflow.active_version
        assert version is not None
        assert len(version.steps) == 3
        assert f"{settings.BASE_URL}/echo" in str(version.steps)
        assert version.trigger_spec == {"type": "webhook", "endpoint": "default"}
        assert {"api_key.create", "endpoint.create", "workflow.publish"} <= set(
            AuditLogEntry.objects.values_list("action", flat=True)
        )
        assert len(host.current().data_key()) == 32
    assert DispatchTenant.objects.get(tenant_id=opened.tenant.pk).config_version > 1


def left_overs() -> tuple[int, ...]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 't\\_%'")
        [schemas] = cursor.fetchone()
    keys = len(list(Path(settings.KEY_STORE_DIR).glob("t_*.key")))
    models = (Tenant, Membership, ApiKey, WebhookRoute, DispatchTenant)
    return (schemas, keys, *(model.objects.count() for model in models))


@pytest.mark.django_db(transaction=True)
def test_a_taken_address_leaves_nothing(owner: Any, tenant_a: Workspace) -> None:
    before = left_overs()
    with pytest.raises(SlugTaken):
        open_workspace(name="Other", slug="alpha", owner_id=owner.pk, now=timezone.now())
    assert left_overs() == before


@pytest.mark.django_db(transaction=True)
def test_an_owner_who_does_not_exist_leaves_nothing(tenant_a: Workspace) -> None:
    """The foreign key is checked at the commit, after everything was made."""
    before = left_overs()
    with pytest.raises(IntegrityError):
        open_workspace(name="Ghost", slug="ghost", owner_id=999_999, now=timezone.now())
    assert left_overs() == before


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
def test_a_workspace_has_a_name(owner: Any, name: str) -> None:
    with pytest.raises(InvalidName):
        open_workspace(name=name, slug="acme", owner_id=owner.pk, now=timezone.now())


@pytest.mark.django_db
def test_a_free_address_is_suggested(owner: Any, tenant_a: Workspace) -> None:
    assert suggest_slug("Acme & Sons") == "acme-sons"
    assert suggest_slug("Alpha") == "alpha-2"
    open_workspace(name="Alpha", slug="alpha-2", owner_id=owner.pk, now=timezone.now())
    assert suggest_slug("ALPHA!") == "alpha-3"
    assert suggest_slug("x" * 100) == "x" * 40
    assert suggest_slug("www") == "www-workspace"


@pytest.mark.django_db
def test_tenants_have_keys_of_their_own(tenant_a: Workspace, tenant_b: Workspace) -> None:
    assert data_key(tenant_a.ref) != data_key(tenant_b.ref)
    assert tenant_a.ref.schema_name in {file.stem for file in Path(settings.KEY_STORE_DIR).iterdir()}


@pytest.mark.django_db
def test_suspension_stops_the_dispatch_and_resuming_lets_it_go_on(tenant_a: Workspace) -> None:
    now = timezone.now()
    suspend(tenant_id=tenant_a.ref.id, actor="system", reason="unpaid", now=now)
    dispatch = DispatchTenant.objects.get(tenant_id=tenant_a.ref.id)
    assert dispatch.paused_until == FOREVER
    with pytest.raises(Conflict):
        suspend(tenant_id=tenant_a.ref.id, actor="system", reason="unpaid", now=now)

    resume(tenant_id=tenant_a.ref.id, actor="system", now=now)
    dispatch.refresh_from_db()
    assert (dispatch.paused_until, dispatch.ready) == (None, True)
    with pytest.raises(Conflict):
        resume(tenant_id=tenant_a.ref.id, actor="system", now=now)
    with tenant_scope(tenant_a.ref):
        log = AuditLogEntry.objects.filter(action__startswith="workspace.").order_by("id")
        assert [(entry.action, entry.details) for entry in log] == [
            ("workspace.suspend", {"reason": "unpaid"}),
            ("workspace.resume", {}),
        ]


# The engine's questions


@pytest.mark.django_db
def test_the_host_answers_for_the_current_tenant_alone(tenant_a: Workspace, tenant_b: Workspace) -> None:
    def versions() -> list[int]:
        return [DispatchTenant.objects.get(tenant_id=each.ref.id).config_version for each in (tenant_a, tenant_b)]

    before = versions()
    with tenant_scope(tenant_a.ref):
        host.current().config_changed()
        assert host.current().data_key() == data_key(tenant_a.ref)
    assert versions() == [before[0] + 1, before[1]]
    for question in (host.current().data_key, host.current().config_changed, host.current().ring):
        with pytest.raises(NoTenant):
            question()


@pytest.mark.django_db(transaction=True)
def test_a_ring_registered_inside_a_scope_rings_that_tenant_after_the_commit(
    tenant_a: Workspace, tenant_b: Workspace
) -> None:
    DispatchTenant.objects.update(ready=False)
    with transaction.atomic(), tenant_scope(tenant_a.ref):
        transaction.on_commit(host.current().ring)
        assert not DispatchTenant.objects.filter(ready=True).exists()
    assert list(DispatchTenant.objects.filter(ready=True).values_list("tenant_id", flat=True)) == [tenant_a.ref.id]


@pytest.mark.django_db
def test_a_key_store_that_does_not_belong_to_the_database_is_an_error(
    tenant_a: Workspace, settings: Any, tmp_path: Path
) -> None:
    settings.KEY_STORE_DIR = tmp_path
    with tenant_scope(tenant_a.ref), pytest.raises(KeyNotFound):
        host.current().data_key()


@pytest.mark.django_db
def test_no_endpoint_of_a_new_workspace_is_open_to_everybody(tenant_a: Workspace) -> None:
    with tenant_scope(tenant_a.ref):
        assert set(WebhookEndpoint.objects.values_list("auth", flat=True)) == {"api_key"}
