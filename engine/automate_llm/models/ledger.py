"""The ledger: one row for every call of a model, from the reservation to what it cost in the end."""

from __future__ import annotations

from django.db import models

from automate_llm.ids import new_id
from automate_llm.models._checks import check


class LedgerEntry(models.Model):
    """One call. A repeat after a failure is a call, and a row, of its own.

    reserved      money is set aside; the call is under way, or its process died
    settled       the answer came; `cost_micros` is what it cost
    released      surely not charged; costs 0
    unreconciled  may have been charged: counted at the reserved amount until somebody shows otherwise
    """

    class Status(models.TextChoices):
        RESERVED = "reserved"
        SETTLED = "settled"
        RELEASED = "released"
        UNRECONCILED = "unreconciled"

    class UsageFrom(models.TextChoices):
        NONE = ""  # no usage: not answered yet, or never
        PROVIDER = "provider"  # told by the provider
        RESERVED = "reserved"  # missing or impossible: counted at the whole reservation
        CACHE = "cache"  # our own kept answer: nothing was sent
        EVIDENCE = "evidence"  # settled by hand

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    at = models.DateTimeField()
    day = models.CharField(max_length=10)  # the day it is counted on, as 2026-11-22
    time_zone = models.CharField(max_length=64)  # whose midnight ends that day
    workflow_id = models.UUIDField(null=True)
    version_id = models.UUIDField(null=True)
    run_id = models.UUIDField(null=True)
    step_id = models.CharField(max_length=60, blank=True)
    attempt = models.PositiveIntegerField(default=1)
    trace_id = models.UUIDField(null=True)
    action = models.CharField(max_length=20)
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=200)
    status = models.CharField(max_length=12, choices=Status.choices)
    reserved_micros = models.BigIntegerField()
    cost_micros = models.BigIntegerField(default=0)  # counted: 0 while reserved, the reservation while unreconciled
    overrun_micros = models.BigIntegerField(default=0)  # by how much the cost passed the reservation
    input_tokens = models.BigIntegerField(null=True)
    cached_tokens = models.BigIntegerField(null=True)  # of the input, read from the provider's own cache
    output_tokens = models.BigIntegerField(null=True)
    usage_from = models.CharField(max_length=8, choices=UsageFrom.choices, blank=True, default=UsageFrom.NONE)
    price = models.JSONField(default=dict)  # what it was reckoned with: per million tokens, source and date
    finish_reason = models.CharField(max_length=40, blank=True)
    provider_request_id = models.CharField(max_length=200, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    evidence = models.CharField(max_length=500, blank=True)  # why an unreconciled call was settled as it was
    expires_at = models.DateTimeField()  # a reservation older than this has lost its process
    ended_at = models.DateTimeField(null=True)
    prompt = models.JSONField(null=True)  # redacted; only where the tenant keeps prompts
    answer = models.JSONField(null=True)  # redacted; only where the tenant keeps prompts

    class Meta:
        indexes = [
            models.Index(fields=["day", "workflow_id"], name="llm_ledger_day_idx"),
            models.Index(fields=["run_id"], name="llm_ledger_run_idx"),
            models.Index(fields=["expires_at"], condition=models.Q(status="reserved"), name="llm_ledger_expired_idx"),
        ]
        constraints = [
            check(models.Q(reserved_micros__gte=0), name="llm_ledger_reserved_not_negative"),
            check(models.Q(cost_micros__gte=0), name="llm_ledger_cost_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.model} {self.status} {self.pk}"
