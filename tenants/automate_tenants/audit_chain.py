"""The cell's chainer: links the audit entries of every tenant within a second, and signs where each chain ends.

Exactly one process chains at a time, by an advisory lock; when it dies, the next turn of another takes over. The heads
lie in a public table and beside the keys, signed (`audit_heads`): whoever holds the whole database, heads included,
can neither sign nor go back to an earlier head. A chain that does not go on from its head is never signed again by
itself; `accept` lets it go on, and says so in the log.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError, connection

from automate.services import audit, audit_chain
from automate.services.audit_chain import GENESIS, ChainBroken, Finding, Head
from automate_governance.errors import Conflict, Invalid
from automate_tenants import audit_heads
from automate_tenants.context import TenantRef, public_scope, tenant_scope
from automate_tenants.models import AuditHead, Tenant
from automate_tenants.provisioning import ref

SWEEP_SECONDS = 15.0
SHOWN = 20  # findings that an acceptance names
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
        except (DatabaseError, OSError):  # being migrated, gone, no key store: the sweep comes back to it
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
    in_database, beside_keys = audit_heads.stored(tenant), audit_heads.kept(tenant)
    trusted = beside_keys or in_database or Head(0, GENESIS)
    linked = 0
    with tenant_scope(tenant):
        while done := audit_chain.chain(now=now):
            linked += done
        end = audit_chain.go_on_from(trusted)
    if beside_keys is not None and (in_database is None or in_database.seq < beside_keys.seq):
        raise ChainBroken("The head in the database is older than the one beside the keys.")
    if in_database is not None and end.seq < in_database.seq:
        raise ChainBroken(f"The chain ends before the signed link {in_database.seq}.")
    if end != in_database and end.seq:
        audit_heads.sign(tenant, end, now=now)
    elif end != beside_keys and end.seq:  # of an earlier release, or a process died between the two
        audit_heads.keep(tenant, end)
    return linked


def accept(tenant: TenantRef, *, actor: str, reason: str, now: datetime) -> list[Finding]:
    """Go on from the chain as it stands, such as after a restored backup; what was found before, oldest first.

    The log says so itself: who, why, and what was found. Raises Invalid without a reason, Conflict where nothing is
    wrong.
    """
    if not reason.strip():
        raise Invalid("Say why the log may go on as it stands: a backup that was restored, an incident and its number.")
    with public_scope():
        findings = _verify_one(tenant, now).findings
        if not findings:
            raise Conflict("Nothing is wrong with this audit log.", details={"workspace": tenant.slug})
        with tenant_scope(tenant):
            shown = [f"{found.kind} at {found.seq or found.entry_id}" for found in findings[:SHOWN]]
            details = {"reason": reason.strip()[:500], "findings": len(findings), "found": shown}
            audit.record(actor=actor, action="audit.accept", resource="audit", details=details, now=now)
            while audit_chain.chain(now=now):
                pass
            end = audit_chain.end()
        audit_heads.sign(tenant, end, now=now)
    return findings


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
    heads: list[Head] = []
    findings: list[Finding] = []
    for read in (audit_heads.stored, audit_heads.kept):
        try:
            heads += [head] if (head := read(tenant)) is not None else []
        except ChainBroken as broken:
            findings.append(Finding("signature", None, None, str(broken)))
    with tenant_scope(tenant):
        from automate.models import AuditLink, AuditLogEntry

        findings += audit_chain.verify(heads, now=now)
        if not heads and not findings and AuditLink.objects.exists():
            findings.append(Finding("signature", None, None, "There are links, and no signed head."))
        return Verdict(tenant.slug, AuditLogEntry.objects.count(), findings)


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
