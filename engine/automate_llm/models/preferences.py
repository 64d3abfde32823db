"""Preferences: what a tenant has chosen about models. One row, made with the first choice."""

from __future__ import annotations

from django.db import models

from automate_llm.models._checks import check


class Preferences(models.Model):
    """Caps in micro-dollars (None: no cap of the tenant's own) and its prices; the strictest cap of all wins."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    daily_cap_micros = models.BigIntegerField(null=True)  # of the whole tenant, per day
    workflow_cap_micros = models.BigIntegerField(null=True)  # of each workflow, per day
    run_cap_micros = models.BigIntegerField(null=True)  # of each run
    keeps_prompts = models.BooleanField(default=False)  # redacted prompts and answers stay in the ledger
    prices = models.JSONField(default=list)  # rows as in prices/table.json, asked before it
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [check(models.Q(id=1), name="llm_preferences_one_row")]

    def __str__(self) -> str:
        return "LLM preferences"
