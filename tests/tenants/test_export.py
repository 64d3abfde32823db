"""An export: everything a workspace has, nothing of a neighbour, no secret; made by whichever worker lives."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.conf import settings

from automate.models import AuditLogEntry, Event
from automate.services import create_workflow, import_definitions
from automate.services.secrets import create_secret
from automate_governance.errors import Conflict, NotFound
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.endpoints import create_endpoint
from automate_tenants.export import archive, chunks, contents, jobs
from automate_tenants.key_store import data_key
from automate_tenants.models import ExportChunk, WorkspaceExport
from tests.support.workspaces import Workspace

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CANARY = "hunter2-canary-1f9d"
DRAFT = {
    "name": "A draft",
    "trigger": {"type": "event", "event_type": "never"},
    "steps": [{"id": "a", "connector": "core", "action": "log", "params": {"message": "x"}}],
}


@pytest.fixture
def full(tenant_a: Workspace, tenant_b: Workspace) -> Workspace:
    """A: an event with a password, a secret, a signed webhook, a draft. B: an event."""
    for workspace, text in ((tenant_a, "of A"), (tenant_b, "of the neighbour")):
        with tenant_scope(workspace.ref):
            payload = {"password": CANARY, "note": text, "total": 7}
            Event.objects.create(type="t", payload=payload, source="test", trace_id=uuid4(), received_at=NOW)
    with tenant_scope(tenant_a.ref):
        create_secret(name="STRIPE_KEY", value=CANARY, actor="system", now=NOW)
        create_endpoint(slug="signed", auth="standard_webhooks", actor="system", now=NOW)
        create_workflow(definition={**DRAFT, "slug": "a-draft"}, actor="system", now=NOW)
    return tenant_a


def export(workspace: Workspace, *, is_raw: bool = False) -> zipfile.ZipFile:
    with public_scope():
        jobs.ask(tenant_id=workspace.ref.id, is_raw=is_raw, actor="user:1", now=NOW)
        made = jobs.make_next(NOW)
        assert made is not None
        data = b"".join(jobs.download(made, actor="user:1", now=datetime.now(UTC)))
    assert (made.status, made.sha256, made.size_bytes) == ("done", sha256(data).hexdigest(), len(data)), made.error
    return zipfile.ZipFile(io.BytesIO(data))


def rows(archived: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archived.read(name).splitlines()]


def test_every_table_is_exported_or_named_with_the_reason() -> None:
    all_of_them = {
        model._meta.db_table
        for app in apps.get_app_configs()
        if app.name in settings.TENANT_APPS
        for model in app.get_models()
    }

    assert {model._meta.db_table for model in contents.tables()} | contents.LEFT_OUT.keys() == all_of_them
    names = [contents.file_of(model) for model in contents.tables()]
    assert len(set(names)) == len(names)


def test_it_holds_what_the_workspace_has_and_the_manifest_says_so(full: Workspace) -> None:
    archived = export(full)

    manifest = json.loads(archived.read("manifest.json"))
    assert (manifest["format"], manifest["payloads"], manifest["workspace"]) == (archive.FORMAT, "redacted", "alpha")
    assert {file["name"] for file in manifest["files"]} | {"manifest.json"} == set(archived.namelist())
    for file in manifest["files"]:
        data = archived.read(file["name"])
        assert (sha256(data).hexdigest(), len(data)) == (file["sha256"], file["bytes"]), file["name"]
        if file["name"].endswith(".jsonl"):
            assert data.count(b"\n") == file["rows"]
    [event] = rows(archived, "events.jsonl")
    assert event["payload"] == {"password": "********", "note": "of A", "total": 7}
    assert event["received_at"] == "2026-11-22T12:00:00Z"
    assert [row["user__email"] for row in rows(archived, "members.jsonl")] == [full.owner.email]
    assert {"sample", "a-draft"} == {row["slug"] for row in rows(archived, "workflows.jsonl")}
    assert rows(archived, "subscription.jsonl")[0]["plan"] == "unlimited"
    assert "STRIPE_KEY" in {row["name"] for row in rows(archived, "secrets.jsonl")}


def test_no_secret_value_is_in_it_and_nothing_of_a_neighbour(full: Workspace, tenant_b: Workspace) -> None:
    archived = export(full)

    everything = b"".join(archived.read(name) for name in archived.namelist()).decode()
    assert CANARY not in everything
    assert full.api_key not in everything
    assert full.opened.endpoint.token not in everything
    assert "neighbour" not in everything
    assert tenant_b.ref.schema_name not in everything
    assert tenant_b.owner.email not in everything


def test_a_raw_one_has_payloads_as_they_came_and_still_no_secret_value(full: Workspace) -> None:
    archived = export(full, is_raw=True)

    assert rows(archived, "events.jsonl")[0]["payload"]["password"] == CANARY
    rest = b"".join(archived.read(name) for name in archived.namelist() if name != "events.jsonl").decode()
    assert CANARY not in rest


def test_its_definitions_are_what_the_import_takes(full: Workspace, tenant_b: Workspace) -> None:
    archived = export(full)
    documents = [(name, json.loads(archived.read(name))) for name in archived.namelist() if name[:12] == "definitions/"]

    with tenant_scope(tenant_b.ref):
        imported = import_definitions(documents, actor="system", now=NOW)

    assert {one.slug: one.outcome for one in imported} == {"a-draft": "created", "sample": "unchanged"}


def test_the_archive_is_sealed_expires_and_leaves_traces_in_the_audit_log(full: Workspace) -> None:
    export(full)
    made = WorkspaceExport.objects.get()
    assert made.expires_at is not None

    parts = [bytes(sealed) for sealed in ExportChunk.objects.values_list("sealed", flat=True)]
    assert parts
    assert not any(b"PK\x03\x04" in part or b"events.jsonl" in part for part in parts)
    with pytest.raises(jobs.ExportGone):
        jobs.download(made, actor="user:1", now=made.expires_at)
    with pytest.raises(NotFound):
        jobs.find(full.ref.id + 1, made.pk)
    with tenant_scope(full.ref):
        actions = list(AuditLogEntry.objects.filter(resource=f"export:{made.pk}").values_list("action", flat=True))
    assert sorted(actions) == ["workspace.export", "workspace.export_download"]


def test_one_at_a_time_and_a_worker_that_died_is_followed_by_another(
    full: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = jobs.ask(tenant_id=full.ref.id, is_raw=False, actor="user:1", now=NOW)
    with pytest.raises(Conflict):
        jobs.ask(tenant_id=full.ref.id, is_raw=True, actor="user:1", now=NOW)

    class Killed(BaseException):
        pass

    def die(out: Any, **options: Any) -> None:
        out.write(b"x" * (chunks.CHUNK_BYTES + 1))
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(archive, "write", die)
        jobs.make_next(NOW)
    assert ExportChunk.objects.filter(export_id=asked.pk).count() == 1
    assert jobs.make_next(NOW) is None  # its lease holds
    later = datetime.now(UTC) + jobs.LEASE + timedelta(seconds=1)
    made = jobs.make_next(later)

    assert made is not None
    assert (made.status, made.attempts) == ("done", 2)
    archived = zipfile.ZipFile(io.BytesIO(b"".join(chunks.read(made.pk, data_key(full.ref)))))
    assert archived.testzip() is None


def test_what_fails_says_so_and_what_kills_three_workers_is_given_up(
    full: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(out: Any, **options: Any) -> None:
        raise OSError(f"the disk of {CANARY} is full")

    jobs.ask(tenant_id=full.ref.id, is_raw=False, actor="user:1", now=NOW)
    with monkeypatch.context() as patched:
        patched.setattr(archive, "write", fail)
        failed = jobs.make_next(NOW)
    assert failed is not None
    assert (failed.status, "OSError" in failed.error, CANARY in failed.error) == ("failed", True, False)

    deadly = jobs.ask(tenant_id=full.ref.id, is_raw=False, actor="user:1", now=NOW)
    WorkspaceExport.objects.filter(pk=deadly.pk).update(status="running", attempts=3, lease_until=NOW)
    assert jobs.make_next(NOW + timedelta(seconds=1)) is None
    deadly.refresh_from_db()
    assert (deadly.status, "died" in deadly.error) == ("failed", True)


def test_what_fails_after_another_worker_took_over_leaves_that_ones_parts(
    full: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = jobs.ask(tenant_id=full.ref.id, is_raw=False, actor="user:1", now=NOW)

    def fail_late(out: Any, **options: Any) -> None:
        with public_scope():
            WorkspaceExport.objects.filter(pk=asked.pk).update(attempts=2)
            ExportChunk.objects.create(export_id=asked.pk, number=0, sealed=b"theirs")
        raise OSError("the disk is full")

    monkeypatch.setattr(archive, "write", fail_late)
    jobs.make_next(NOW)

    asked.refresh_from_db()
    assert (asked.status, asked.attempts, asked.error) == ("running", 2, "")
    assert ExportChunk.objects.filter(export_id=asked.pk).count() == 1
