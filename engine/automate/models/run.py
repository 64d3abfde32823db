"""Runs, their steps' attempts, and the encrypted state a retry resumes from."""

from __future__ import annotations

from django.db import models


class ExecutionRun(models.Model):
    """One run of one version for one event; `id` is a function of (event, workflow): `automate.ids.run_id`.

    A child's is a function of (parent run, step, item); a child, a retry or a redrive names what it came from.
    """

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        WAITING = "waiting"
        HELD = "held"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Origin(models.TextChoices):
        EVENT = "event"
        DIRECT = "direct"
        CHILD = "child"
        SCHEDULE = "schedule"
        RETRY = "retry"
        REPLAY = "replay"
        REDRIVE = "redrive"
        BATCH = "batch"

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
    origin = models.CharField(max_length=8, choices=Origin.choices, default=Origin.EVENT)
    parent_run_id = models.UUIDField(null=True)  # of a child: whose step started it
    parent_step_id = models.CharField(max_length=120, blank=True, default="")
    parent_item = models.PositiveIntegerField(null=True)
    root_run_id = models.UUIDField(null=True)  # the first of a chain of parents; null where there is none
    retry_of = models.UUIDField(null=True)  # the run that this one repeats
    attempt = models.PositiveSmallIntegerField(default=1)  # of the whole run: a retry is the next one
    hops = models.PositiveSmallIntegerField(default=0)  # runs that led to this one, each from the one before
    deadline_at = models.DateTimeField(null=True)  # it has failed by then, whatever it waits for
    cancel_requested_at = models.DateTimeField(null=True)  # it stops at the next safe point
    concurrency_key = models.CharField(max_length=200, blank=True, default="")  # runs of one key share its limit
    error_fingerprint = models.CharField(max_length=32, blank=True, default="")  # the same for failures of one kind
    key_run_id = models.UUIDField(null=True)  # of a retry: the first run, whose id the idempotency keys are made from
    rounds = models.JSONField(null=True)  # of a retry: {step id: round} where it is not 1
    dismissed_at = models.DateTimeField(null=True)  # a failure that somebody has looked at and let be

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
            models.Index(
                fields=["parent_run_id"], condition=models.Q(parent_run_id__isnull=False), name="run_parent_idx"
            ),
            models.Index(fields=["retry_of"], condition=models.Q(retry_of__isnull=False), name="run_retry_idx"),
            models.Index(fields=["ended_at"], condition=models.Q(status="failed"), name="run_failed_idx"),  # lately
            models.Index(  # groups of failures, and a workflow's; read without the rows
                fields=["workflow_id", "error_fingerprint", "id", "created_at", "dismissed_at"],
                condition=models.Q(status="failed"),
                name="run_failed_kind_idx",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.id} {self.status}"

    @property
    def is_live(self) -> bool:
        """Whether anything more can happen to it by itself."""
        return self.status in {self.Status.QUEUED, self.Status.RUNNING, self.Status.WAITING}


class StepRunManager(models.Manager["StepRun"]):
    """Leaves the sealed output in the database: who shows attempts has no use for it, and it may be large."""

    def get_queryset(self) -> models.QuerySet[StepRun]:
        return super().get_queryset().defer("sealed")


class StepRun(models.Model):
    """One attempt of one step; `id` is a function of (run, step, item, round, attempt).

    Item 0 is the step itself, the items of a fan-out count from 1. The row of a fan-out as a whole has no connector's
    answer: it keeps the list while its items run, and ends with their results.
    """

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
    step_id = models.CharField(max_length=120)  # of a compensation: the step's, and ".compensate"
    position = models.PositiveSmallIntegerField()  # in the version's list of steps, from 0
    item = models.PositiveIntegerField(default=0)  # of a fan-out, from 1; else 0
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
    retry_at = models.DateTimeField(null=True)  # failed: when it is tried again; waiting: when it goes on by itself
    sealed = models.BinaryField(null=True)  # the real output, sealed with the tenant's key; of a fan-out, its list
    trace_id = models.UUIDField(null=True)  # the event's; goes to the external system with the call
    ended_seq = models.IntegerField(null=True)  # of a step that can be taken back: its end's place among theirs

    objects = StepRunManager()

    class Meta:
        indexes = [models.Index(fields=["run_id"], name="step_run_idx")]

    def __str__(self) -> str:
        return f"{self.step_id} attempt {self.attempt} {self.status}"


class RunState(models.Model):
    """The real outputs of a run that an earlier release began; since then they stand with the attempts, one by one."""

    run_id = models.UUIDField(primary_key=True)
    sealed = models.BinaryField()
    expires_at = models.DateTimeField()
    trace_id = models.UUIDField(null=True)  # the event's

    def __str__(self) -> str:
        return f"state of run {self.run_id}"
