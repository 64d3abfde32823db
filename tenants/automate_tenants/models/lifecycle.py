"""What operators and owners do to whole workspaces: exports, visits of an operator, sign-ups that failed, switches."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class WorkspaceExport(models.Model):
    """One export of everything a workspace has, from the wish to its end; the archive itself is in `ExportChunk`."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        EXPIRED = "expired"  # its archive is gone, the row tells of it

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    tenant_id = models.BigIntegerField()
    status = models.CharField(max_length=7, choices=Status.choices, default=Status.QUEUED)
    is_raw = models.BooleanField(default=False)  # payloads as they came; else redacted, as pages show them
    asked_by = models.CharField(max_length=200)  # as the audit log names them
    created_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)  # of the worker that makes it; past it another begins anew
    attempts = models.PositiveSmallIntegerField(default=0)
    ended_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)  # of the archive
    size_bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    counts = models.JSONField(default=dict)  # rows by file
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["tenant_id", "created_at"], name="export_tenant_idx")]

    def __str__(self) -> str:
        return f"export {self.pk} of tenant {self.tenant_id}: {self.status}"


class ExportChunk(models.Model):
    """A part of an archive, sealed with its workspace's key: unreadable once that key is destroyed."""

    export_id = models.UUIDField()
    number = models.PositiveIntegerField()  # from 0
    sealed = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["export_id", "number"], name="export_chunk_once")]

    def __str__(self) -> str:
        return f"part {self.number} of export {self.export_id}"


class OperatorVisit(models.Model):
    """An operator looks at a workspace, reading only: why, and until when. Entered once, by a signed link."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    tenant_id = models.BigIntegerField()
    operator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    reason = models.CharField(max_length=300)
    created_at = models.DateTimeField()
    entered_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"visit of {self.operator_id} to tenant {self.tenant_id}"


class FailedSignup(models.Model):
    """A workspace that somebody wanted and did not get, by our fault; nothing of it is left but this."""

    email = models.CharField(max_length=254)
    name = models.CharField(max_length=80)
    slug = models.CharField(max_length=40)
    error = models.CharField(max_length=300)
    at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)  # an operator opened it, or put it aside
    settled_by = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.slug} for {self.email}"


class FeatureSwitch(models.Model):
    """An operator's word about a feature (`automate_tenants.features`), for everybody or for one workspace."""

    feature = models.CharField(max_length=40)
    tenant_id = models.BigIntegerField(null=True)  # null: everybody without a row of their own
    is_on = models.BooleanField()
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["feature", "tenant_id"], name="feature_switch_once"),
            models.UniqueConstraint(fields=["feature"], condition=models.Q(tenant_id=None), name="feature_switch_all"),
        ]

    def __str__(self) -> str:
        return f"{self.feature} {'on' if self.is_on else 'off'} for {self.tenant_id or 'everybody'}"


class DeletedWorkspace(models.Model):
    """What is left of a workspace that was deleted: that it was, and how far the deletion has come."""

    tenant_id = models.BigIntegerField(primary_key=True)
    slug = models.CharField(max_length=40)
    schema_name = models.CharField(max_length=63)  # names the certificate in the key store
    asked_by = models.CharField(max_length=200)
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)  # null: a step is left, and the next worker goes on with it
    latest_error = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.slug}: {'deleted' if self.ended_at else 'being deleted'}"
