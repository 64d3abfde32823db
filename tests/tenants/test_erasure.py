"""Erasing a workspace's key: a backup that was made before, restored, gives up neither secrets nor state."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from automate.models import AuditLogEntry, RunState
from automate.secrets import sealing
from automate.services import secrets as services
from automate_governance import crypto
from automate_governance.errors import Conflict
from automate_governance.keys import KeyDestroyed
from automate_governance.models import StoredSecretVersion
from automate_platform.embedded import binaries
from automate_tenants import erasure
from automate_tenants.context import TenantRef, public_scope, tenant_scope
from automate_tenants.key_store import key_store
from tests.support import server

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
VALUE = "canary-erased-8c1d"


@pytest.fixture
def doomed(new_tenant: Callable[[str], TenantRef]) -> TenantRef:
    """A workspace with a secret and the sealed state of a run."""
    tenant = new_tenant("doomed")
    key_store().create(tenant.schema_name)
    with tenant_scope(tenant):
        services.create_secret(name="KEY", value=VALUE, actor="system", now=NOW)
        sealed = crypto.seal(key_store().data_key(tenant.schema_name), VALUE.encode(), aad=b"run-state:x")
        RunState.objects.create(run_id="01906b81-d400-7000-8000-000000000001", sealed=sealed, expires_at=NOW)
    return tenant


def test_a_restored_backup_is_unreadable(doomed: TenantRef, superuser_connection: psycopg.Connection[Any]) -> None:
    backup = run("pg_dump", "--format=custom", f"--schema={doomed.schema_name}", server.urls(server.DATABASE).superuser)
    with tenant_scope(doomed):
        assert sealing.open_sealed(StoredSecretVersion.objects.get().sealed, name="KEY", version_num=1) == VALUE

    with public_scope():
        certificate = erasure.erase_key(tenant_id=doomed.id, actor="operator:test", now=NOW)
    superuser_connection.execute(f"DROP SCHEMA {doomed.schema_name} CASCADE")
    run("pg_restore", f"--dbname={server.urls(server.DATABASE).superuser}", stdin=backup)

    with tenant_scope(doomed):
        restored = bytes(StoredSecretVersion.objects.get().sealed or b"")
        state = bytes(RunState.objects.get().sealed)
        with pytest.raises(KeyDestroyed):
            sealing.open_sealed(restored, name="KEY", version_num=1)
    assert len(restored) > len(VALUE)
    with pytest.raises(KeyDestroyed):
        key_store().data_key(doomed.schema_name)
    with pytest.raises(KeyDestroyed):
        key_store().create(doomed.schema_name)
    for sealed in (restored, state):
        assert VALUE.encode() not in sealed
        assert not [name for name in ("a", "b") if opens(sealed, name)]
    assert VALUE.encode() not in backup
    assert certificate["workspace"] == "doomed"


def opens(sealed: bytes, name: str) -> bool:
    """Whether any key that is left opens it: a neighbour's."""
    store = key_store()
    store.create(f"neighbour-{name}")
    try:
        crypto.open_sealed(store.data_key(f"neighbour-{name}"), sealed, aad=b"run-state:x")
    except crypto.Unsealable:
        return False
    return True


def test_the_certificate_can_be_proven_and_not_altered(doomed: TenantRef) -> None:
    with public_scope():
        certificate = erasure.erase_key(tenant_id=doomed.id, actor="operator:test", now=NOW)

    kept = json.loads(key_store().certificate(doomed.schema_name) or b"{}")
    assert kept == certificate
    assert erasure.is_genuine(certificate)
    assert certificate["public_key"] == erasure.public_key()
    assert not erasure.is_genuine({**certificate, "workspace": "another"})
    assert not erasure.is_genuine({**certificate, "signature": "AAAA"})


def test_it_is_done_once_and_leaves_an_entry(doomed: TenantRef) -> None:
    with public_scope():
        erasure.erase_key(tenant_id=doomed.id, actor="operator:test", now=NOW)
        with pytest.raises(Conflict):
            erasure.erase_key(tenant_id=doomed.id, actor="operator:test", now=NOW)

    with tenant_scope(doomed):
        actions = list(AuditLogEntry.objects.order_by("id").values_list("action", flat=True))
    assert actions[-2:] == ["workspace.suspend", "key.erase"]


def run(program: str, *arguments: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run(
        [binaries.find().program(program), *arguments], input=stdin, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
