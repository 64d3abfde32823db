"""The signed end of each tenant's audit chain: outside the tenant's schema, with a hint that there is more to chain."""

from __future__ import annotations

from django.db import models


class AuditHead(models.Model):
    """`signature` is over tenant, seq and hash, by a key of the key store. The hint may be lost: a sweep finds more."""

    tenant_id = models.BigIntegerField(primary_key=True)
    seq = models.BigIntegerField(default=0)
    hash = models.BinaryField(default=b"\0" * 32)
    signature = models.BinaryField(null=True)  # null: nothing was chained yet
    signed_at = models.DateTimeField(null=True)
    is_pending = models.BooleanField(default=True)
    swept_inserts = models.BigIntegerField(default=-1)  # PostgreSQL's count of rows added, when last swept

    class Meta:
        indexes = [models.Index(fields=["tenant_id"], condition=models.Q(is_pending=True), name="audit_pending_idx")]

    def __str__(self) -> str:
        return f"audit of {self.tenant_id} at {self.seq}"
