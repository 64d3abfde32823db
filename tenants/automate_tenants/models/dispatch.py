"""Dispatch: where work waits (a hint per tenant) and who works on what (a lease per batch).

The outbox in each tenant's schema is the truth. These rows let a worker find work without visiting a schema. Their
lifecycle is in `sql/`: ring, claim, finish, renew, reap, promote, sweep.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from automate.models._checks import check


class DispatchTenant(models.Model):
    """One row per tenant: is work ready, when will it be, how much is in flight."""

    tenant_id = models.BigIntegerField(primary_key=True)
    schema_name = models.CharField(max_length=63)
    weight = models.FloatField(default=1)
    max_inflight = models.IntegerField(default=200)
    inflight = models.IntegerField(default=0)
    vtime = models.FloatField(default=0)  # fair-share clock: worker-seconds / weight
    ready = models.BooleanField(default=False)
    wake_at = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)  # broken, migrating or suspended ('infinity')
    latest_error = models.TextField(blank=True)
    config_version = models.BigIntegerField(default=1)  # rises when a version is published, enabled or disabled
    outbox_relid = models.BigIntegerField(null=True)  # oid of the tenant's outbox table, for the sweep
    swept_inserts = models.BigIntegerField(default=0)
    halted_at = models.DateTimeField(null=True)  # its kill switch: events are taken in, nothing runs

    class Meta:
        indexes = [
            models.Index(fields=["vtime"], condition=Q(ready=True), name="dispatch_ready_idx"),
            models.Index(fields=["wake_at"], condition=Q(wake_at__isnull=False), name="dispatch_wake_idx"),
        ]

    def __str__(self) -> str:
        return f"dispatch of tenant {self.tenant_id}"


class DispatchLease(models.Model):
    """A batch in flight: which jobs of which tenant, in whose hands, until when by the database's clock."""

    lease_id = models.BigAutoField(primary_key=True)  # never reused: it fences late writers
    tenant_id = models.BigIntegerField()
    worker = models.CharField(max_length=100)
    job_ids = ArrayField(models.BigIntegerField())  # counted into inflight; the reaper needs no search for them
    lease_until = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["lease_until"], name="dispatch_lease_until_idx")]

    def __str__(self) -> str:
        return f"lease {self.lease_id} of {self.worker}"


class InstallationHalt(models.Model):
    """The kill switch of the whole installation: while its one row is there, every tenant's events are taken in and
    nothing runs.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    halted_at = models.DateTimeField()
    halted_by = models.CharField(max_length=200)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [check(Q(id=1), name="installation_halt_one")]

    def __str__(self) -> str:
        return f"halted by {self.halted_by}"
