"""The audit log: who changed what, appended in the change's own transaction and never altered after."""

from __future__ import annotations

from django.db import models

from automate.ids import new_id


class AuditLogEntry(models.Model):
    """One control-plane change or governance decision. `details` is redacted before it is written."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    actor = models.CharField(max_length=200)  # "user:12", "key:am_live_ab12", "system"
    action = models.CharField(max_length=100)  # "workflow.publish"
    resource = models.CharField(max_length=200)  # "workflow:<id>"
    details = models.JSONField(default=dict)
    trace_id = models.UUIDField(null=True)
    ip = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["resource", "id"], name="audit_resource_idx")]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.resource}"


class AuditLink(models.Model):
    """An entry's place in the chain (`automate.services.audit_chain`). Added by the chainer, never altered."""

    seq = models.BigIntegerField(primary_key=True)  # 1, 2, 3 without a gap
    entry_id = models.UUIDField(unique=True)
    hash = models.BinaryField(max_length=32)  # SHA-256 of the link before and the entry
    linked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.seq} {self.entry_id}"
