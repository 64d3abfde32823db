"""Backtests that run in the background."""

from __future__ import annotations

from django.db import models

from automate.ids import new_id


class StoredBacktest(models.Model):
    """A definition tried over past events, slice by slice, by the tick job that it names; its result is redacted.

    `definition` is frozen when it is asked for, so that a later draft changes nothing of it. `result` holds the counts
    and first differences so far; `at_event_id` is the newest event that they take in.
    """

    class Status(models.TextChoices):
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workflow_id = models.UUIDField()
    version_num = models.PositiveIntegerField(null=True)  # none: a draft, or a definition that was sent
    definition = models.JSONField()
    since = models.DateTimeField()
    until = models.DateTimeField()
    max_events = models.PositiveIntegerField()
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.RUNNING)
    events_total = models.PositiveIntegerField()  # in the span when it was asked for, at most `max_events`
    result = models.JSONField(null=True)
    at_event_id = models.UUIDField(null=True)
    error = models.JSONField(null=True)
    tick_job_id = models.BigIntegerField(null=True)
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["workflow_id", "id"], name="backtest_workflow_idx"),
            models.Index(fields=["tick_job_id"], name="backtest_tick_idx"),
        ]

    def __str__(self) -> str:
        return f"backtest {self.id}"
