"""LedgerMonth: what the calls of a month came to, once their own rows are deleted."""

from __future__ import annotations

from django.db import models


class LedgerMonth(models.Model):
    """The settled calls of one workflow with one model in one month, of those that the ledger has forgotten.

    Grows in the transaction that deletes them, so a call stands in the ledger or in here and never in both.
    """

    month = models.CharField(max_length=7)  # as 2026-11, of the day a call was counted on
    workflow = models.CharField(max_length=36, blank=True)  # its id; "" for calls outside of workflows
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=200)
    calls = models.BigIntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cost_micros = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["month", "workflow", "provider", "model"], name="llm_ledger_month_once")
        ]

    def __str__(self) -> str:
        return f"{self.month} {self.workflow} {self.provider} {self.model}"
