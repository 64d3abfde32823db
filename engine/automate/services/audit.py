"""Appending to the audit log, inside the transaction of what is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from automate import host
from automate.models import AuditLogEntry
from automate_governance import tracing
from automate_governance.redaction import redact
from automate_governance.redaction.current import masking_emails
from automate_governance.storable import storable


@dataclass(frozen=True)
class Origin:
    """Where a change comes from: of a request, its trace and its caller's address."""

    trace_id: UUID | None = None
    ip: str | None = None


_origin: ContextVar[Origin] = ContextVar("automate_audit_origin", default=Origin())  # noqa: B039  # immutable


@contextmanager
def origin(*, trace_id: UUID | None, ip: str | None) -> Iterator[None]:
    """Entries recorded within this block say where they come from, unless they say so themselves."""
    token = _origin.set(Origin(trace_id, ip or None))
    try:
        with tracing.of(trace_id.hex if trace_id else ""):
            yield
    finally:
        _origin.reset(token)


def record(
    *,
    actor: str,
    action: str,
    resource: str,
    details: dict[str, Any],
    now: datetime,
    trace_id: UUID | None = None,
    ip: str | None = None,
) -> AuditLogEntry:
    """Append one entry; it commits or rolls back with the change it tells of.

    `actor` is "user:12", "key:am_live_ab12" or "system"; `action` "workflow.publish"; `resource` "workflow:<id>".
    `details` is strictly redacted before it is written (seeds, "AuditLogEntry").
    """
    with masking_emails("@" in str(details) and host.current().masks_emails()):
        shown = storable(redact(details))
    entry = AuditLogEntry.objects.create(
        actor=actor[:200],
        action=action[:100],
        resource=resource[:200],
        details=shown,
        trace_id=trace_id or _origin.get().trace_id,
        ip=ip or _origin.get().ip,
        created_at=now,
    )
    transaction.on_commit(host.current().audit_written)
    return entry
