"""Usage: deltas, written beside the work they count, and the days they are folded into."""

from __future__ import annotations

from django.db import models


class UsageDelta(models.Model):
    """Some units of one meter, written in the transaction of the work itself (`sql/meter_*`); lives for seconds.

    Only ever inserted and deleted: no two transactions wait for each other.
    """

    schema_name = models.CharField(max_length=63)  # of the workspace; what writes it knows no other name
    at = models.DateTimeField()  # by the database's clock
    meter = models.CharField(max_length=8)
    subject = models.CharField(max_length=200, blank=True)  # a workflow's id; of events, the source; else ""
    amount = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.schema_name} {self.meter} {self.amount:+}"


class UsageDay(models.Model):
    """What one workspace used of one meter on one day of its own zone, for one subject."""

    tenant_id = models.BigIntegerField()
    day = models.DateField()
    meter = models.CharField(max_length=8)
    subject = models.CharField(max_length=200, blank=True)
    amount = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "day", "meter", "subject"], name="usage_day_once"),
        ]

    def __str__(self) -> str:
        return f"tenant {self.tenant_id} {self.day} {self.meter} {self.amount}"


class UsageAlert(models.Model):
    """That usage passed a threshold: once a period, whichever of many processes sees it first."""

    tenant_id = models.BigIntegerField()
    period = models.CharField(max_length=7)  # as 2026-11
    meter = models.CharField(max_length=8)
    percent = models.PositiveSmallIntegerField()
    used = models.BigIntegerField()
    included = models.BigIntegerField()
    at = models.DateTimeField()
    period_ends_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)  # null: nobody was told, for they chose other thresholds, or a higher one

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "period", "meter", "percent"], name="usage_alert_once"),
        ]

    def __str__(self) -> str:
        return f"tenant {self.tenant_id} {self.period} {self.meter} {self.percent} %"


class UsageThresholds(models.Model):
    """At which percents a workspace wants to be told; no row: at those of `thresholds.DEFAULT`."""

    tenant_id = models.BigIntegerField(primary_key=True)
    every = models.JSONField()  # [percent], rising: of each meter that is not in `meters`
    meters = models.JSONField()  # {meter: [percent]}
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=200)  # as the audit log names them

    def __str__(self) -> str:
        return f"tenant {self.tenant_id} {self.every} {self.meters}"
