"""Failures of one kind given to somebody, or muted for a while. Nothing of what runs depends on it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from automate.models import ExecutionRun, FailureMark
from automate.services import audit
from automate_governance.errors import Invalid, NotFound

LONGEST_MUTE = timedelta(days=366)
UNCHANGED: Final = "unchanged"


@transaction.atomic
def mark_failures(
    *,
    workflow_id: UUID,
    fingerprint: str,
    actor: str,
    now: datetime,
    muted_until: datetime | str | None = UNCHANGED,
    owner: str | None = UNCHANGED,
) -> FailureMark:
    """Mute failures of this workflow and error until then (None: not any more), or give them to an actor ("": nobody).

    Muting takes them out of the list and its count until the time comes, or somebody ends it; they go on failing and
    being kept. Raises NotFound where nothing failed so, and Invalid for a time that is past or more than a year ahead.
    """
    if not ExecutionRun.objects.filter(
        workflow_id=workflow_id, error_fingerprint=fingerprint, status="failed"
    ).exists():
        raise NotFound("Nothing has failed in this way.", details={"fingerprint": fingerprint})
    if isinstance(muted_until, datetime) and not now < muted_until <= now + LONGEST_MUTE:
        raise Invalid("Mute until a time that is to come, at most a year ahead.", details={"param": "muted_until"})
    mark, _ = FailureMark.objects.select_for_update().get_or_create(
        workflow_id=workflow_id, fingerprint=fingerprint, defaults={"updated_by": actor[:200], "updated_at": now}
    )
    told: list[tuple[str, dict[str, Any]]] = []
    if not isinstance(muted_until, str) and muted_until != mark.muted_until:
        mark.muted_until = muted_until
        told.append(("failure.mute", {"until": muted_until.isoformat()}) if muted_until else ("failure.unmute", {}))
    if owner != UNCHANGED and (owner or "") != mark.owner:
        mark.owner = (owner or "")[:200]
        told.append(("failure.assign", {"owner": mark.owner}))
    if told:
        mark.updated_by, mark.updated_at = actor[:200], now
        mark.save(update_fields=["muted_until", "owner", "updated_by", "updated_at"])
    for action, details in told:
        audit.record(
            actor=actor,
            action=action,
            resource=f"workflow:{workflow_id}",
            details={"fingerprint": fingerprint, **details},
            now=now,
        )
    return mark


def marks_of(kinds: set[tuple[UUID, str]]) -> dict[tuple[UUID, str], FailureMark]:
    """The marks of these (workflow, fingerprint). One query."""
    marks = FailureMark.objects.filter(workflow_id__in={workflow_id for workflow_id, _ in kinds})
    found = {(mark.workflow_id, mark.fingerprint): mark for mark in marks}
    return {kind: mark for kind, mark in found.items() if kind in kinds}
