"""Whoever holds the whole database, the signed heads included, and not the key store, writes no new history."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.utils import timezone

from automate.models import AuditLink, AuditLogEntry
from automate.services.audit_chain import GENESIS, link_hash
from automate_governance.errors import Conflict, Invalid
from automate_platform.cli import main
from automate_tenants import audit_chain, audit_heads
from automate_tenants.audit_chain import ChainBroken, chain_tenant
from automate_tenants.context import TenantRef, public_scope, tenant_scope
from automate_tenants.models import AuditHead
from tests.support.workspaces import Workspace
from tests.tenants.audited import Tamper, found, write

pytestmark = pytest.mark.django_db(transaction=True)
OTHER_ACTOR = "UPDATE automate_auditlogentry SET actor = 'user:2' WHERE resource = 'thing:2'"
TABLES = ("automate_auditlogentry", "automate_auditlink")
Head = dict[str, Any]


@pytest.fixture
def forged(chained: Workspace, tamper: Tamper) -> Head:
    """One entry is another and every link after it was computed anew; the head that would fit."""
    tamper(OTHER_ACTOR)
    before = GENESIS
    with tenant_scope(chained.ref):
        links = list(AuditLink.objects.order_by("seq"))
        entries = AuditLogEntry.objects.in_bulk([link.entry_id for link in links])
    for link in links:
        before = link_hash(before, entries[link.entry_id])
        tamper(f"UPDATE automate_auditlink SET hash = '\\x{before.hex()}' WHERE seq = {link.seq}")
    return {"seq": links[-1].seq, "hash": before}


def head_of(tenant: TenantRef) -> Head:
    return dict(AuditHead.objects.filter(pk=tenant.id).values("seq", "hash", "signature").get())


@pytest.mark.parametrize("kind", ["left", "to fit", "taken away", "never signed"])
def test_a_chain_computed_anew_is_neither_signed_nor_passed(chained: Workspace, forged: Head, kind: str) -> None:
    head = AuditHead.objects.filter(pk=chained.ref.id)
    if kind == "to fit":
        head.update(**forged)
    if kind == "taken away":
        head.delete()
    if kind == "never signed":
        head.update(seq=0, hash=GENESIS, signature=None)
    write(chained.ref, 1)  # the next turn of the chainer would sign it with the rest

    with public_scope(), pytest.raises(ChainBroken):
        chain_tenant(chained.ref, now=timezone.now())

    assert {"rewritten", "signature"} & set(found(chained))


def test_an_earlier_head_put_back_does_not_hide_a_cut_tail(chained: Workspace, tamper: Tamper) -> None:
    before = head_of(chained.ref)
    write(chained.ref, 3)
    with public_scope():
        chain_tenant(chained.ref, now=timezone.now())
    tamper(f"DELETE FROM automate_auditlogentry USING automate_auditlink WHERE entry_id = id AND seq > {before['seq']}")
    tamper(f"DELETE FROM automate_auditlink WHERE seq > {before['seq']}")
    AuditHead.objects.filter(pk=chained.ref.id).update(**before)

    assert found(chained) == ["cut"]
    with public_scope(), pytest.raises(ChainBroken):
        chain_tenant(chained.ref, now=timezone.now())


def test_a_log_that_is_gone_with_its_head_is_missed(chained: Workspace, tamper: Tamper) -> None:
    for table in TABLES:
        tamper(f"DELETE FROM {table}")
    AuditHead.objects.filter(pk=chained.ref.id).delete()

    assert found(chained) == ["cut"]


def test_two_workspaces_logs_exchanged_are_found(
    chained: Workspace, tenant_b: Workspace, superuser_connection: psycopg.Connection[Any]
) -> None:
    write(tenant_b.ref)
    with public_scope():
        chain_tenant(tenant_b.ref, now=timezone.now())
    a, b = chained.ref, tenant_b.ref
    superuser_connection.execute("SET session_replication_role = replica")
    for table in TABLES:
        superuser_connection.execute(f"CREATE TEMP TABLE kept_{table} AS TABLE {a.schema_name}.{table}")
        superuser_connection.execute(f"DELETE FROM {a.schema_name}.{table}")
        superuser_connection.execute(f"INSERT INTO {a.schema_name}.{table} TABLE {b.schema_name}.{table}")
        superuser_connection.execute(f"DELETE FROM {b.schema_name}.{table}")
        superuser_connection.execute(f"INSERT INTO {b.schema_name}.{table} TABLE kept_{table}")
    of_a, of_b = head_of(a), head_of(b)
    AuditHead.objects.filter(pk=a.id).update(**of_b)
    AuditHead.objects.filter(pk=b.id).update(**of_a)

    assert "signature" in found(chained)
    assert "signature" in found(tenant_b)


def test_an_entry_dated_back_by_its_time_alone_is_found(chained: Workspace, tamper: Tamper) -> None:
    tamper(
        "INSERT INTO automate_auditlogentry (id, actor, action, resource, details, created_at) SELECT "
        "overlay(id::text placing 'ffff' from 33)::uuid, actor, action, 'thing:x', details, '2024-07-01T00:00:00Z' "
        "FROM automate_auditlogentry WHERE resource = 'thing:2'"
    )
    with public_scope():
        assert chain_tenant(chained.ref, now=timezone.now()) == 1

    assert found(chained) == ["inserted"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"seq": 1, "hash": "00", "signature": "00"}'])
def test_a_file_that_was_not_written_here_is_told(chained: Workspace, content: bytes) -> None:
    path = Path(settings.KEY_STORE_DIR) / "audit-heads" / f"{chained.ref.schema_name}.json"
    path.write_bytes(content)

    assert found(chained) == ["signature"]
    with public_scope(), pytest.raises(ChainBroken):
        chain_tenant(chained.ref, now=timezone.now())


def test_the_file_of_another_workspace_is_no_head(chained: Workspace, tenant_b: Workspace) -> None:
    folder = Path(settings.KEY_STORE_DIR) / "audit-heads"
    own = folder / f"{chained.ref.schema_name}.json"

    own.rename(folder / f"{tenant_b.ref.schema_name}.json")

    assert "signature" in found(tenant_b)


def test_a_head_is_remembered_where_an_earlier_release_left_none(chained: Workspace) -> None:
    path = Path(settings.KEY_STORE_DIR) / "audit-heads" / f"{chained.ref.schema_name}.json"
    path.unlink()
    assert found(chained) == []

    with public_scope():
        chain_tenant(chained.ref, now=timezone.now())

    said = json.loads(path.read_bytes())
    assert (said["schema"], said["seq"]) == (chained.ref.schema_name, head_of(chained.ref)["seq"])
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_process_that_died_between_the_two_heads_did_no_harm(chained: Workspace) -> None:
    with public_scope():
        older = audit_heads.kept(chained.ref)
        write(chained.ref, 2)
        chain_tenant(chained.ref, now=timezone.now())
        assert older is not None
        audit_heads.keep(chained.ref, older)
        assert found(chained) == []

        write(chained.ref, 1)
        chain_tenant(chained.ref, now=timezone.now())

        kept = audit_heads.kept(chained.ref)
    assert kept is not None and kept.seq == older.seq + 3
    assert found(chained) == []


def test_a_restored_log_goes_on_when_an_operator_says_why(
    chained: Workspace, tamper: Tamper, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper("DELETE FROM automate_auditlink WHERE seq = (SELECT max(seq) FROM automate_auditlink)")
    tamper("DELETE FROM automate_auditlogentry WHERE resource = 'thing:4'")
    slug = chained.ref.slug
    with pytest.raises(Invalid):
        audit_chain.accept(chained.ref, actor="operator:test", reason=" ", now=timezone.now())

    assert main(["audit", "verify", "--workspace", slug]) == 1
    assert f"{slug}: cut at " in capsys.readouterr().out
    assert main(["audit", "accept", slug, "--reason", "backup of Monday", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == ["cut"]
    assert main(["audit", "verify", "--workspace", slug]) == 0

    with tenant_scope(chained.ref):
        entry = AuditLogEntry.objects.get(action="audit.accept")
        assert (entry.actor, entry.details["reason"]) == ("operator:command line", "backup of Monday")
        assert entry.details["found"][0].startswith("cut at ")
    write(chained.ref, 1)
    with public_scope():
        assert chain_tenant(chained.ref, now=timezone.now()) == 1
    with pytest.raises(Conflict):
        audit_chain.accept(chained.ref, actor="operator:test", reason="again", now=timezone.now())
