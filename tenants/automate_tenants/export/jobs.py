"""From the wish to the download: an owner asks, a worker makes the archive, the link works for three days.

Making is restartable, not resumable: a worker that dies in the middle loses its lease, and the next one throws the
parts away and begins anew, three times at most.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from automate import ids
from automate_governance.errors import Conflict, NormalizedError, NotFound
from automate_tenants import audit
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.directory import tenant_by_id
from automate_tenants.export import archive, chunks
from automate_tenants.key_store import data_key
from automate_tenants.models import ExportChunk, Tenant, WorkspaceExport

logger = logging.getLogger("automate.lifecycle")
LIFE = timedelta(days=3)
LEASE = timedelta(minutes=2)  # renewed with each megabyte
MAX_ATTEMPTS = 3
KEPT = 5  # archives of one workspace at a time
Status = WorkspaceExport.Status
_OPEN = (Status.QUEUED, Status.RUNNING)


class ExportGone(NormalizedError):
    """The archive has expired, or it is not made yet; `details.status` says which."""

    code, http_status = "export_gone", 410


class LeaseLost(Exception):
    """Another worker makes this export now."""


@transaction.atomic
def ask(*, tenant_id: int, is_raw: bool, actor: str, now: datetime) -> WorkspaceExport:
    """Have an export made. Raises Conflict while one is being made, or when five archives are kept."""
    tenant = Tenant.objects.select_for_update().get(pk=tenant_id)
    mine = WorkspaceExport.objects.filter(tenant_id=tenant.pk)
    if mine.filter(status__in=_OPEN).exists():
        raise Conflict("An export of this workspace is being made. Wait for it.")
    if mine.filter(status=Status.DONE, expires_at__gt=now).count() >= KEPT:
        raise Conflict(f"{KEPT} exports are kept already. The oldest expires within {LIFE.days} days.")
    made = WorkspaceExport.objects.create(
        id=ids.new_id(), tenant_id=tenant_id, is_raw=is_raw, asked_by=actor[:200], created_at=now
    )
    details = {"payloads": "raw" if is_raw else "redacted"}
    _record(made, actor, "workspace.export", now, **details)
    return made


def exports(tenant_id: int) -> QuerySet[WorkspaceExport]:
    """Those of a workspace, newest first."""
    return WorkspaceExport.objects.filter(tenant_id=tenant_id).order_by("-created_at", "-pk")


def find(tenant_id: int, export_id: UUID | str) -> WorkspaceExport:
    """Raises NotFound."""
    found = WorkspaceExport.objects.filter(tenant_id=tenant_id, pk=export_id).first()
    if found is None:
        raise NotFound("There is no such export in this workspace.", details={"id": str(export_id)})
    return found


def is_there(export: WorkspaceExport, now: datetime) -> bool:
    """Whether the archive is made and has not expired."""
    return export.status == Status.DONE and export.expires_at is not None and export.expires_at > now


def download(export: WorkspaceExport, *, actor: str, now: datetime) -> Iterator[bytes]:
    """The archive's bytes, part by part; noted in the audit log. Raises ExportGone."""
    if not is_there(export, now):
        status = "expired" if export.status == Status.DONE else export.status
        raise ExportGone("There is no archive: it has expired or is not made.", details={"status": str(status)})
    tenant = tenant_by_id(export.tenant_id)
    _record(export, actor, "workspace.export_download", now)
    return chunks.read(export.pk, data_key(tenant))


def make_next(now: datetime) -> WorkspaceExport | None:
    """Make the export that has waited longest, all of it; None when none waits."""
    with public_scope():
        export = _take(now)
        if export is None:
            return None
        try:
            _make(export, now)
        except LeaseLost:
            logger.warning("an export was taken over by another worker")
        except Exception as error:  # whatever it is, its asker must be told
            logger.exception("an export was not made")
            _fail(export, error)
        export.refresh_from_db()
        return export


def _take(now: datetime) -> WorkspaceExport | None:
    with transaction.atomic():
        lost = Q(status=Status.RUNNING, lease_until__lt=now)
        waiting = WorkspaceExport.objects.filter(Q(status=Status.QUEUED) | lost).order_by("created_at")
        export: WorkspaceExport | None = waiting.select_for_update(skip_locked=True).first()
        if export is None:
            return None
        export.attempts += 1
        is_hopeless = export.attempts > MAX_ATTEMPTS
        export.status = Status.FAILED if is_hopeless else Status.RUNNING
        export.error = f"{MAX_ATTEMPTS} workers died while they made it." if is_hopeless else ""
        export.ended_at, export.lease_until = (now, None) if is_hopeless else (None, now + LEASE)
        export.save()
        ExportChunk.objects.filter(export_id=export.pk).delete()
    return None if is_hopeless else export


def _make(export: WorkspaceExport, now: datetime) -> None:
    tenant = tenant_by_id(export.tenant_id)
    out = chunks.ChunkWriter(export.pk, data_key(tenant), progress=lambda: _renew(export))
    with tenant_scope(tenant):
        counts = archive.write(out, is_raw=export.is_raw, now=now)
        digest = out.finish()
    done = datetime.now(UTC)
    held = _mine(export).update(
        status=Status.DONE, ended_at=done, expires_at=done + LIFE, lease_until=None, size_bytes=out.size,
        sha256=digest, counts=counts,
    )  # fmt: skip
    if not held:
        raise LeaseLost


def _mine(export: WorkspaceExport) -> QuerySet[WorkspaceExport]:
    """The row, while this attempt holds it."""
    return WorkspaceExport.objects.filter(pk=export.pk, status=Status.RUNNING, attempts=export.attempts)


def _renew(export: WorkspaceExport) -> None:
    if not _mine(export).update(lease_until=datetime.now(UTC) + LEASE):
        raise LeaseLost


def _fail(export: WorkspaceExport, error: Exception) -> None:
    """Its words may hold what must not be shown; its kind tells an operator where to look."""
    words = f"It was not made: {type(error).__name__}. Whoever runs this installation finds more in the log."
    if _mine(export).update(status=Status.FAILED, ended_at=datetime.now(UTC), lease_until=None, error=words):
        ExportChunk.objects.filter(export_id=export.pk).delete()  # else the parts are another worker's by now


def _record(export: WorkspaceExport, actor: str, action: str, now: datetime, **details: str) -> None:
    tenant = tenant_by_id(export.tenant_id)
    audit.record(tenant, actor=actor, action=action, resource=f"export:{export.pk}", details=details, now=now)
