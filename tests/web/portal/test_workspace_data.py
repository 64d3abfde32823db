"""Settings, Data: an Owner exports and deletes, after a password; nobody else does."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.core import signing
from django.test import Client
from django.utils import timezone

from automate.models import AuditLogEntry
from automate_governance.errors import PermissionDenied
from automate_tenants import deletion, directory, features
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.export import jobs
from automate_tenants.keys import OWNER_SCOPES, create_key, roll_key
from automate_tenants.models import FailedSignup, Tenant, WorkspaceExport
from tests.support.workspaces import Workspace
from tests.web.api.conftest import MakeApi, make_api  # noqa: F401  # a fixture
from tests.web.portal.conftest import Enter

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """What this process remembers of A for three seconds is undone with the test."""
    yield
    directory.forget("alpha")


def ask(browser: Client, workspace: Workspace) -> str:
    return browser.post("/settings/exports/", {"current_password": workspace.password}, follow=True).content.decode()


def test_an_owner_exports_after_a_password_and_downloads_what_a_worker_made(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    assert "Nothing was exported yet" in browser.get("/settings/exports/").content.decode()
    assert browser.post("/settings/exports/", {"current_password": "wrong"}).status_code == 422
    assert not WorkspaceExport.objects.exists()
    assert "being made" in ask(browser, tenant_a)
    assert "An export of this workspace is being made." in ask(browser, tenant_a)
    [export] = WorkspaceExport.objects.all()
    assert browser.get(f"/settings/exports/{export.pk}/archive.zip").status_code == 410

    with public_scope():
        jobs.make_next(timezone.now())
    page = browser.get("/settings/exports/").content.decode()
    answer = browser.get(f"/settings/exports/{export.pk}/archive.zip")

    assert f"/settings/exports/{export.pk}/archive.zip" in page
    archived = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
    assert json.loads(archived.read("workspace.json"))["slug"] == "alpha"
    with tenant_scope(tenant_a.ref):
        entry = AuditLogEntry.objects.get(action="workspace.export_download")
    assert entry.actor == f"user:{tenant_a.owner.pk}"


def test_exports_can_be_switched_off_for_one_workspace(enter: Enter, tenant_a: Workspace, tenant_b: Workspace) -> None:
    now = timezone.now()
    features.switch(feature="export", tenant_id=tenant_a.ref.id, is_on=False, actor="operator:me", now=now)

    assert "switched exports off" in enter(tenant_a).get("/settings/exports/").content.decode()
    assert enter(tenant_a).post("/settings/exports/", {"current_password": tenant_a.password}).status_code == 422
    assert features.is_on("export", tenant_b.ref.id)
    features.switch(feature="export", tenant_id=tenant_a.ref.id, is_on=None, actor="operator:me", now=now)
    assert features.is_on("export", tenant_a.ref.id)


def test_an_admin_sees_neither(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a, "admin")

    assert "need the role Owner" in browser.get("/settings/").content.decode()
    assert [browser.get(path).status_code for path in ("/settings/exports/", "/settings/deletion/")] == [403, 403]


def test_an_owner_deletes_with_the_address_typed_and_undoes_it_on_the_page_of_workspaces(
    enter: Enter, app: Client, tenant_a: Workspace
) -> None:
    browser = enter(tenant_a)
    page = browser.get("/settings/deletion/").content.decode()
    assert "What stops at once" in page
    typed = {"confirm": "Alpha", "current_password": tenant_a.password}
    wrong = browser.post("/settings/deletion/", typed)
    assert wrong.status_code == 422
    assert b"address exactly: alpha" in wrong.content

    gone = browser.post("/settings/deletion/", {**typed, "confirm": "alpha"})

    assert gone.headers["Location"].endswith("/workspaces/")
    directory.forget("alpha")  # as after the commit
    assert b"is being deleted" in browser.get("/events/").content
    app.force_login(tenant_a.owner, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert "Do not delete it" in app.get("/workspaces/").content.decode()
    undone = app.post("/workspaces/alpha/undo/", follow=True).content.decode()
    assert "is not deleted: it goes on where it was" in undone
    assert Tenant.objects.get(pk=tenant_a.ref.id).status == "active"
    assert app.post("/workspaces/beta/undo/").status_code == 404


def test_members_read_why_their_workspace_is_suspended(app: Client, tenant_a: Workspace) -> None:
    Tenant.objects.filter(pk=tenant_a.ref.id).update(status="suspended", suspended_reason="the invoice of May")
    app.force_login(tenant_a.owner, backend="allauth.account.auth_backends.AuthenticationBackend")

    assert "the invoice of May" in app.get("/workspaces/").content.decode()


def test_only_an_owner_gives_a_key_these_scopes_or_rolls_such_a_key(enter: Enter, tenant_a: Workspace) -> None:
    owner, admin = enter(tenant_a), enter(tenant_a, "admin")
    assert b"workspace:delete" in owner.get("/developers/keys/").content
    assert b"workspace:delete" not in admin.get("/developers/keys/").content
    wanted = {"name": "backup", "scopes": ["workspace:export"]}
    assert admin.post("/developers/keys/", wanted).status_code == 422
    assert owner.post("/developers/keys/", wanted).status_code == 302
    now, common = timezone.now(), {"tenant_id": tenant_a.ref.id, "now": timezone.now()}
    with pytest.raises(PermissionDenied):
        create_key(**common, name="x", scopes=OWNER_SCOPES, created_by="key:am_live_x")
    key, _ = create_key(**common, name="x", scopes=OWNER_SCOPES, created_by="user:1", by_owner=True)

    assert admin.post(f"/developers/keys/{key.pk}/roll/", {"overlap": "0"}).status_code == 403
    with pytest.raises(PermissionDenied):
        roll_key(tenant_id=tenant_a.ref.id, key_id=key.pk, overlap=timedelta(0), actor="key:x", now=now)


def test_the_api_exports_and_its_link_ends_with_the_workspace(
    make_api: MakeApi,  # noqa: F811
    app: Client,
    tenant_a: Workspace,
) -> None:
    api = make_api("workspace:export", "workspace:delete")
    made = api.post("/workspace/exports", {"raw": True}).json()
    assert (made["status"], made["archive_url"]) == ("queued", None)
    with public_scope():
        jobs.make_next(timezone.now())
    found = api.get(f"/workspace/exports/{made['id']}").json()
    path = urlsplit(found["archive_url"]).path

    assert zipfile.ZipFile(io.BytesIO(app.get(path).getvalue())).testzip() is None
    assert app.get(f"{path[:-2]}x/").status_code == 404
    assert app.get(f"/exports/{signing.dumps([1, made['id'], 'x'], salt='another')}/").status_code == 404
    assert api.post("/workspace/deletions", {"confirm": "beta"}).status_code == 422
    assert api.post("/workspace/deletions", {"confirm": "alpha"}).status_code == 202
    assert app.get(path).status_code == 404
    assert api.get("/workspace/exports").status_code == 403
    assert Tenant.objects.get(pk=tenant_a.ref.id).delete_at is not None
    assert deletion.go_on(now=timezone.now()) == []


def test_sign_up_and_new_workspaces_can_be_closed_and_a_failure_of_ours_is_written_down(
    app: Client, tenant_a: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    for feature in ("sign_up", "new_workspaces"):
        features.switch(feature=feature, tenant_id=None, is_on=False, actor="operator:me", now=now)
    assert "Sign-up is closed" in app.get("/signup/").content.decode()
    app.force_login(tenant_a.owner, backend="allauth.account.auth_backends.AuthenticationBackend")
    wanted = {"workspace_name": "Second", "address": "second"}
    assert app.post("/workspaces/", wanted).status_code == 403
    features.switch(feature="new_workspaces", tenant_id=None, is_on=True, actor="operator:me", now=now)

    def fail(**options: object) -> None:
        raise OSError("the key store is full")

    monkeypatch.setattr("automate_web.accounts.forms.open_workspace", fail)
    assert app.post("/workspaces/", wanted).status_code == 503

    [failed] = FailedSignup.objects.all()
    assert (failed.email, failed.name, failed.slug) == (tenant_a.owner.email, "Second", "second")
    assert failed.error == "OSError: the key store is full"
