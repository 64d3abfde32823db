"""Refused requests: counted per minute, and the newest samples kept. They are not events. Written in the background."""

from __future__ import annotations

from django.db import models


class RefusalCount(models.Model):
    """How many requests to one endpoint were refused with one code in one minute."""

    tenant_id = models.BigIntegerField()
    endpoint_id = models.UUIDField()
    code = models.CharField(max_length=60)
    minute = models.DateTimeField()
    count = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "endpoint_id", "code", "minute"], name="refusal_count_once")
        ]

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.code} {self.count}"


class RefusalSample(models.Model):
    """One refused request, redacted: what was wrong and how to mend it. The newest 100 per endpoint are kept."""

    tenant_id = models.BigIntegerField()
    endpoint_id = models.UUIDField()
    code = models.CharField(max_length=60)
    message = models.CharField(max_length=500)
    details = models.JSONField(default=dict)
    trace_id = models.UUIDField()
    ip = models.GenericIPAddressField(null=True)
    received_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["tenant_id", "endpoint_id", "id"], name="refusal_newest_idx")]

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.code}"
