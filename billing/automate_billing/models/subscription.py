"""Subscription: which plan a workspace is on, since when, by whose word."""

from __future__ import annotations

from django.db import models


class Subscription(models.Model):
    """One row per workspace, made when its plan is first applied. Changed by `subscriptions.change_plan` alone."""

    tenant_id = models.BigIntegerField(primary_key=True)
    plan = models.CharField(max_length=40)  # a code of `plans.all_plans`
    since = models.DateTimeField()
    changed_by = models.CharField(max_length=200)  # as the audit log names them
    looked_at = models.DateTimeField(null=True)  # when limits, alerts and storage were last looked at

    class Meta:
        indexes = [models.Index(fields=["looked_at"], name="subscription_looked_idx")]

    def __str__(self) -> str:
        return f"tenant {self.tenant_id} on {self.plan}"
