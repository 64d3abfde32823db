"""The audit chain: linked within a turn, signed outside the schema, and every kind of tampering is found."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from automate.models import AuditLink, AuditLogEntry
from automate_tenants import audit_chain
from automate_tenants.audit_chain import Chainer, chain_tenant
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.models import AuditHead
from tests.support.workspaces import Workspace
from tests.tenants.audited import Tamper, found, write

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_was_written_is_chained_and_signed(chained: Workspace) -> None:
    with tenant_scope(chained.ref):
        entries, links = AuditLogEntry.objects.count(), AuditLink.objects.count()

    assert entries == links >= 5
    head = AuditHead.objects.get(pk=chained.ref.id)
    assert (head.seq, len(bytes(head.signature or b""))) == (links, 64)
    assert found(chained) == []


def test_a_commit_gives_the_hint_and_one_turn_chains_every_tenant(tenant_a: Workspace, tenant_b: Workspace) -> None:
    Chainer(clock=lambda: 1.0).turn(now=timezone.now())  # the first turn sweeps: nothing is left behind it
    chainer = Chainer(clock=lambda: 0.0)
    chainer._sweep_at = 1.0
    write(tenant_a.ref, 3)
    write(tenant_b.ref, 2)

    assert set(AuditHead.objects.filter(is_pending=True).values_list("tenant_id", flat=True)) == {
        tenant_a.ref.id, tenant_b.ref.id,
    }  # fmt: skip
    assert (chainer.turn(now=timezone.now()), chainer.turn(now=timezone.now())) == (5, 0)


def test_a_lost_hint_is_found_by_the_sweep(tenant_a: Workspace) -> None:
    Chainer(clock=lambda: 1.0).turn(now=timezone.now())
    write(tenant_a.ref, 2)
    AuditHead.objects.update(is_pending=False, swept_inserts=-2)

    assert Chainer(clock=lambda: 1.0).turn(now=timezone.now()) == 2


def test_only_one_process_chains(tenant_a: Workspace, at_once: Any) -> None:
    write(tenant_a.ref, 40)

    at_once(*[lambda: Chainer(clock=lambda: 1.0).turn(now=timezone.now())] * 4)

    with tenant_scope(tenant_a.ref):
        seqs = list(AuditLink.objects.order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, len(seqs) + 1))
    assert found(tenant_a) == []


OF_TWO = "WHERE resource = 'thing:2'"
WITH_LINK = "WITH d AS ({} RETURNING id) DELETE FROM automate_auditlink WHERE entry_id IN (SELECT id FROM d)"
COPY = (
    "INSERT INTO automate_auditlogentry SELECT gen_random_uuid(), actor, action, 'thing:x', details, trace_id, ip, "
    f"created_at FROM automate_auditlogentry {OF_TWO}"
)
LAST_LINK = "WHERE seq = (SELECT max(seq) FROM automate_auditlink)"
TAMPERING = {
    "actor": (f"UPDATE automate_auditlogentry SET actor = 'user:2' {OF_TWO}", "changed"),
    "details": (f"UPDATE automate_auditlogentry SET details = '{{}}' {OF_TWO}", "changed"),
    "time": (f"UPDATE automate_auditlogentry SET created_at = created_at + interval '1 us' {OF_TWO}", "changed"),
    "entry": (f"DELETE FROM automate_auditlogentry {OF_TWO}", "deleted"),
    "entry and link": (WITH_LINK.format(f"DELETE FROM automate_auditlogentry {OF_TWO}"), "deleted"),
    "tail": (WITH_LINK.format("DELETE FROM automate_auditlogentry WHERE resource IN ('thing:3', 'thing:4')"), "cut"),
    "inserted": (COPY, "inserted"),
    "link": (f"UPDATE automate_auditlink SET hash = sha256('x') {LAST_LINK}", "changed"),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_is_found(chained: Workspace, tamper: Tamper, name: str) -> None:
    statement, kind = TAMPERING[name]
    tamper(statement)

    assert kind in found(chained)


def test_a_back_dated_entry_is_found_although_it_was_chained(chained: Workspace, tamper: Tamper) -> None:
    tamper(
        "INSERT INTO automate_auditlogentry (id, actor, action, resource, details, created_at) VALUES "
        "('01906b81-d400-7000-8000-000000000000', 'user:9', 'made.up', 'thing:y', '{}', '2024-07-01T00:00:00Z')"
    )
    with tenant_scope(chained.ref):
        from automate.services.audit_chain import chain

        assert chain(now=timezone.now(), look_back=None) == 1

    assert "inserted" in found(chained)


def test_a_broken_chain_is_not_signed_again(chained: Workspace, tamper: Tamper) -> None:
    before = AuditHead.objects.values_list("seq", "hash").get(pk=chained.ref.id)
    tamper(TAMPERING["link"][0])
    write(chained.ref, 1)

    with public_scope(), pytest.raises(audit_chain.ChainBroken):
        chain_tenant(chained.ref, now=timezone.now())

    assert AuditHead.objects.values_list("seq", "hash").get(pk=chained.ref.id) == before
    assert {"changed", "rewritten"} <= set(found(chained))


def test_links_that_a_crash_left_unsigned_are_signed_by_the_next_turn(chained: Workspace) -> None:
    from automate.services import audit_chain as engine

    write(chained.ref, 2)
    with tenant_scope(chained.ref):
        engine.chain(now=timezone.now())  # and here the process died

    with public_scope():
        chain_tenant(chained.ref, now=timezone.now())

    with tenant_scope(chained.ref):
        assert AuditHead.objects.get(pk=chained.ref.id).seq == AuditLink.objects.count()
    assert found(chained) == []


def test_the_application_may_add_and_nothing_else(chained: Workspace) -> None:
    with tenant_scope(chained.ref), connection.cursor() as cursor:
        for statement in (
            "UPDATE automate_auditlink SET seq = seq + 1", "DELETE FROM automate_auditlink",
            "UPDATE automate_auditlogentry SET actor = 'x'", "DELETE FROM automate_auditlogentry",
            "TRUNCATE automate_auditlink",
        ):  # fmt: skip
            with pytest.raises(Exception, match="permission denied"):
                cursor.execute(statement)
