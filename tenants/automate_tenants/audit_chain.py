"""The cell's chainer: links the audit entries of every tenant within a second, and signs where each chain ends.

Exactly one process chains at a time, by an advisory lock; when it dies, the next turn of another takes over. The heads
lie in a public table, signed with an Ed25519 key that is kept, wrapped, in the key store: whoever changes a tenant's
schema, head included, cannot sign. A chain that does not go on from its signed head is never signed again by itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import DatabaseError, connection

from automate.services import audit_chain
from automate.services.audit_chain import GENESIS, ChainBroken, Finding, Head
from automate_tenants.context import TenantRef, public_scope, tenant_scope
from automate_tenants.key_store import key_store
from automate_tenants.models import AuditHead, Tenant
from automate_tenants.provisioning import ref

KEY_NAME = "audit-heads"
SWEEP_SECONDS = 15.0
_CHAINER_LOCK = 0x6175746F_43484E52  # "auto" "CHNR"

logger = logging.getLogger("automate.audit")


@dataclass(frozen=True)
class Verdict:
    """What `verify` found in one workspace."""

    workspace: str
    entries: int
    findings: list[Finding]


class Chainer:
    """One per worker process; `turn` is called a few times a second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._sweep_at = 0.0

    def turn(self, *, now: datetime) -> int:
        """Chain what is due, unless another process does; how many entries."""
        with public_scope(), _alone() as is_alone:
            if not is_alone:
                return 0
            sweep = self._clock() >= self._sweep_at
            if sweep:
                self._sweep_at = self._clock() + SWEEP_SECONDS
            return sum(self._one(tenant, now) for tenant in _due(sweep))

    def _one(self, tenant: TenantRef, now: datetime) -> int:
        AuditHead.objects.filter(pk=tenant.id).update(is_pending=False)  # before looking: a later hint stays
        try:
            return chain_tenant(tenant, now=now)
        except DatabaseError:  # being migrated, or gone: the sweep comes back to it
            AuditHead.objects.filter(pk=tenant.id).update(swept_inserts=-1)
            logger.warning("An audit log could not be chained; it is tried again.", exc_info=True)
        except ChainBroken as broken:
            logger.error(
                "An audit chain is broken, run `automate audit verify`.",
                extra={"workspace": tenant.slug, "error": str(broken)},
            )
        return 0


def chain_tenant(tenant: TenantRef, *, now: datetime) -> int:
    """Link the tenant's unlinked entries and sign the new end; how many. Raises ChainBroken, signing nothing."""
    head = AuditHead.objects.filter(pk=tenant.id).first()
    trusted = Head(head.seq, bytes(head.hash)) if head else Head(0, GENESIS)
    linked = 0
    with tenant_scope(tenant):
        while done := audit_chain.chain(now=now):
            linked += done
        end = audit_chain.go_on_from(trusted)
    if end != trusted or (head is not None and head.signature is None and end.seq):
        signed = {"seq": end.seq, "hash": end.hash, "signature": _key().sign(_text(tenant, end)), "signed_at": now}
        AuditHead.objects.update_or_create(tenant_id=tenant.id, defaults=signed)
    return linked


def verify(slugs: list[str], *, now: datetime) -> list[Verdict]:
    """Examine the logs of these workspaces, of all without any named."""
    with public_scope():
        tenants = Tenant.objects.order_by("slug")
        return [_verify_one(ref(tenant), now) for tenant in (tenants.filter(slug__in=slugs) if slugs else tenants)]


def note_pending(tenant_id: int) -> None:
    """Entries were committed: the chainer looks at once."""
    if not AuditHead.objects.filter(pk=tenant_id).update(is_pending=True):
        AuditHead.objects.get_or_create(tenant_id=tenant_id)


def _verify_one(tenant: TenantRef, now: datetime) -> Verdict:
    row = AuditHead.objects.filter(pk=tenant.id).first()
    head = Head(row.seq, bytes(row.hash)) if row is not None and row.signature is not None else None
    findings = []
    if head is not None and row is not None and not _is_signed(tenant, head, bytes(row.signature or b"")):
        findings.append(Finding("signature", head.seq, None, "The head's signature is not this installation's."))
    with tenant_scope(tenant):
        from automate.models import AuditLink, AuditLogEntry

        findings += audit_chain.verify(head, now=now)
        if head is None and AuditLink.objects.exists():
            findings.append(Finding("signature", None, None, "There are links, and no signed head."))
        return Verdict(tenant.slug, AuditLogEntry.objects.count(), findings)


def _is_signed(tenant: TenantRef, head: Head, signature: bytes) -> bool:
    try:
        _key().public_key().verify(signature, _text(tenant, head))
    except InvalidSignature:
        return False
    return True


def _text(tenant: TenantRef, head: Head) -> bytes:
    return f"audit-head\x1f{tenant.schema_name}\x1f{head.seq}\x1f{head.hash.hex()}".encode()


def _key() -> Ed25519PrivateKey:
    store = key_store()
    store.create(KEY_NAME)
    return Ed25519PrivateKey.from_private_bytes(store.data_key(KEY_NAME))


def _due(sweep: bool) -> list[TenantRef]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id, schema_name, slug FROM public.automate_audit_due_v1(%s)", [sweep])
        return [TenantRef(*row) for row in cursor.fetchall()]


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether this process is the chainer for now; the lock ends with the block, or with the connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_CHAINER_LOCK])
        is_alone = bool(cursor.fetchone()[0])
    try:
        yield is_alone
    finally:
        if is_alone:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_CHAINER_LOCK])
