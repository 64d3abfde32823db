"""Budget: what was spent and what is reserved, for one scope and one period. The row that a cap is held on."""

from __future__ import annotations

from django.db import models

from automate_llm.models._checks import check


class Budget(models.Model):
    """One counter. Every change is `SET reserved = reserved + n WHERE spent + reserved + n <= cap`: never read, then
    written, so no number of processes passes the cap.

    Tenant and workflow are counted per day of the tenant's zone, a run from its first call to its last.
    """

    class Scope(models.TextChoices):
        TENANT = "tenant"
        WORKFLOW = "workflow"
        RUN = "run"

    scope = models.CharField(max_length=8, choices=Scope.choices)
    subject = models.CharField(max_length=36, blank=True)  # id of the workflow or run; "" for the tenant
    period = models.CharField(max_length=10)  # the day, as 2026-11-22; "run" for a run
    spent_micros = models.BigIntegerField(default=0)
    reserved_micros = models.BigIntegerField(default=0)
    cap_micros = models.BigIntegerField(null=True)  # in force at the latest reservation; None: only counted
    alerted_percent = models.PositiveSmallIntegerField(default=0)  # the highest threshold that was told
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scope", "subject", "period"], name="llm_budget_once"),
            check(models.Q(reserved_micros__gte=0), name="llm_budget_reserved_not_negative"),
            check(models.Q(spent_micros__gte=0), name="llm_budget_spent_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.subject} {self.period}"
