"""Bulk operations: one action on many runs, carried out in the background, with a result for each run."""

from __future__ import annotations

from django.db import models

from automate.ids import new_id


class RunBulk(models.Model):
    """An action on every run that `wanted` names, slice by slice, by the tick job that it names.

    Taken are the runs that existed when it was asked for, the oldest first: behind `at_run_id`, up to `upto_run_id`.
    """

    class Action(models.TextChoices):
        RETRY = "retry"
        REPLAY = "replay"
        CANCEL = "cancel"

    class Status(models.TextChoices):
        RUNNING = "running"
        SUCCEEDED = "succeeded"  # every run was looked at; some may have been skipped
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    action = models.CharField(max_length=6, choices=Action.choices)
    wanted = models.JSONField()  # which runs: `automate.services.bulks.Wanted`
    version = models.CharField(max_length=6, default="same")  # of a retry: same | latest
    rate = models.FloatField(null=True)  # runs a second; none: as fast as it goes
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.RUNNING)
    total = models.PositiveIntegerField()  # runs that were named when it was asked for
    done = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    at_run_id = models.UUIDField(null=True)
    upto_run_id = models.UUIDField(null=True)
    error = models.JSONField(null=True)
    tick_job_id = models.BigIntegerField(null=True)
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["tick_job_id"], name="run_bulk_tick_idx")]

    def __str__(self) -> str:
        return f"bulk {self.action} {self.id}"


class RunBulkResult(models.Model):
    """What became of one run: `made_id` is the retry, or a replay's event; a `code` says why it was skipped."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    bulk_id = models.UUIDField()
    run_id = models.UUIDField()
    trace_id = models.UUIDField()
    made_id = models.UUIDField(null=True)
    code = models.CharField(max_length=100, default="")
    message = models.TextField(default="")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bulk_id", "run_id"], name="run_bulk_result_once")]

    def __str__(self) -> str:
        return f"{self.bulk_id} {self.run_id}"
