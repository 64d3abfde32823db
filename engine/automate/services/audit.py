"""Appending to the audit log, inside the transaction of what is recorded."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from automate.models import AuditLogEntry
from automate_governance.redaction import redact
from automate_governance.storable import storable


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
    return AuditLogEntry.objects.create(
        actor=actor[:200],
        action=action[:100],
        resource=resource[:200],
        details=storable(redact(details)),
        trace_id=trace_id,
        ip=ip,
        created_at=now,
    )
