"""Rates that are counted where requests come in: what may pass, and what has passed in the latest window."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models

WORKSPACE = uuid.UUID(int=0)  # in the place of an endpoint's id: all endpoints together


class WebhookLimit(models.Model):
    """How many requests one endpoint, or the whole workspace, may accept in any sliding window. No row: no limit.

    A copy of what the policy says, written in the transaction of its change: the only place the gateway's SQL asks.
    """

    tenant_id = models.BigIntegerField()
    endpoint_id = models.UUIDField(default=WORKSPACE)
    per_window = models.IntegerField()
    window_ms = models.IntegerField(default=60_000)
    is_held = models.BooleanField(default=False)  # over the limit: accept, and run later within the rate
    layer = models.CharField(max_length=20)  # which layer of policy set it

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "endpoint_id"], name="webhook_limit_once")]

    def __str__(self) -> str:
        return f"{self.per_window} of tenant {self.tenant_id}"


class RateWindow(models.Model):
    """What one subject has used of its rate: times (ms since 1970, rising) and how many at each.

    UNLOGGED: empty after a crash of the server; a webhook's row is rebuilt from the events it accepted.
    """

    subject = models.CharField(primary_key=True, max_length=80)  # "<tenant>:webhooks", ":endpoint:<uuid>", ":key:<id>"
    tenant_id = models.BigIntegerField(db_index=True)
    times = ArrayField(models.BigIntegerField(), default=list)
    counts = ArrayField(models.IntegerField(), default=list)

    def __str__(self) -> str:
        return self.subject
