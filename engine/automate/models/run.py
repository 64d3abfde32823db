"""Runs, their steps' attempts, and the encrypted state a retry resumes from."""

from __future__ import annotations

from django.db import models


class ExecutionRun(models.Model):
    """One run of one version for one event; `id` is a function of (event, workflow): `automate.ids.run_id`."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        WAITING = "waiting"
        HELD = "held"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, editable=False)  # time-ordered, see automate.ids
    event_id = models.UUIDField()
    workflow_id = models.UUIDField()
    version = models.ForeignKey(
        "automate.WorkflowVersion", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )
    trace_id = models.UUIDField()
    status = models.CharField(max_length=9, choices=Status.choices)
    outputs = models.JSONField(default=dict)  # redacted: {step id: output}
    error = models.JSONField(null=True)  # {code, message, details, step}
    steps_done = models.PositiveSmallIntegerField(default=0)
    steps_total = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    wake_at = models.DateTimeField(null=True)  # while waiting: when it goes on

    class Meta:
        indexes = [
            models.Index(fields=["trace_id"], name="run_trace_idx"),
            models.Index(fields=["event_id"], name="run_event_idx"),
            models.Index(fields=["workflow_id", "id"], name="run_workflow_idx"),
            models.Index(
                fields=["status", "id"],
                condition=~models.Q(status="succeeded"),
                name="run_unfinished_idx",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.id} {self.status}"

    @property
    def is_live(self) -> bool:
        """Whether anything more can happen to it by itself."""
        return self.status in {self.Status.QUEUED, self.Status.RUNNING, self.Status.WAITING}


class StepRun(models.Model):
    """One attempt of one step; `id` is a function of (run, step, item, round, attempt)."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        WAITING = "waiting"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"
        SKIPPED = "skipped"
        UNKNOWN = "unknown"  # may have happened, cannot be proven: parked for a person

    id = models.UUIDField(primary_key=True, editable=False)
    run_id = models.UUIDField()
    step_id = models.CharField(max_length=100)
    position = models.PositiveSmallIntegerField()  # in the version's list of steps, from 0
    item = models.PositiveIntegerField(default=0)  # of a fan-out, else 0
    round = models.PositiveSmallIntegerField(default=1)  # rises when a person repeats a recorded step
    attempt = models.PositiveSmallIntegerField(default=1)
    connector = models.CharField(max_length=100)
    action = models.CharField(max_length=100)
    status = models.CharField(max_length=9, choices=Status.choices)
    input = models.JSONField(null=True)  # redacted
    output = models.JSONField(null=True)  # redacted
    error = models.JSONField(null=True)  # {code, message, details, retryable}
    logs = models.JSONField(default=list)  # [{at, level, message}], redacted
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    trace_id = models.UUIDField(null=True)  # the event's; goes to the external system with the call

    class Meta:
        indexes = [models.Index(fields=["run_id"], name="step_run_idx")]

    def __str__(self) -> str:
        return f"{self.step_id} attempt {self.attempt} {self.status}"


class RunState(models.Model):
    """What a retry needs: the real outputs of finished steps, encrypted with the tenant's key, for the retention
    time.
    """

    run_id = models.UUIDField(primary_key=True)
    sealed = models.BinaryField()
    expires_at = models.DateTimeField()
    trace_id = models.UUIDField(null=True)  # the event's

    def __str__(self) -> str:
        return f"state of run {self.run_id}"
