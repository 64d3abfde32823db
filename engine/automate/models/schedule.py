"""Schedules: when a workflow is due by the clock, or by the absence of an event, and what became of each due time."""

from __future__ import annotations

from typing import Any

from django.db import models

from automate.ids import new_id


class Schedule(models.Model):
    """The clock of one workflow whose trigger is `schedule` or `absence`; kept with its history when that changes.

    Its next due time is a tick job of the outbox. A tick job counts only while `tick_job_id` names it.
    """

    class Kind(models.TextChoices):
        CRON = "cron"
        ABSENCE = "absence"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workflow = models.OneToOneField("automate.Workflow", on_delete=models.CASCADE, related_name="schedule")
    kind = models.CharField(max_length=7, choices=Kind.choices)
    spec = models.JSONField()  # the active version's trigger, as it was published
    is_active = models.BooleanField(default=True)  # the workflow is live, enabled, and has this trigger
    is_paused = models.BooleanField(default=False)  # by a person
    base_at = models.DateTimeField()  # cron: the latest due time decided; absence: when the event was last seen
    is_silent = models.BooleanField(default=False)  # absence: told, and no event since
    next_at = models.DateTimeField(null=True)  # the next due time; null while it does not go
    tick_job_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["tick_job_id"], name="schedule_tick_job_idx")]

    def __str__(self) -> str:
        return f"schedule {self.id}"

    @property
    def goes(self) -> bool:
        """Whether it will be due by itself."""
        return self.is_active and not self.is_paused

    @property
    def catch_up(self) -> str:
        """What becomes of missed due times: skip, once or all."""
        return str(self.spec.get("catch_up", "once"))

    @property
    def overlap(self) -> str:
        """What becomes of a due time while a run goes on: allow, skip or queue."""
        return str(self.spec.get("overlap", "allow"))

    @property
    def payload(self) -> dict[str, Any]:
        """What each event carries besides its times."""
        return dict(self.spec.get("payload") or {})


class ScheduleTick(models.Model):
    """What became of one due time, or of `count` due times up to `until_at`."""

    class Outcome(models.TextChoices):
        FIRED = "fired"
        CAUGHT_UP = "caught_up"
        SKIPPED = "skipped"
        QUEUED = "queued"  # waits until the run before it has ended
        MANUAL = "manual"  # a person, between due times
        FAILED = "failed"  # its event could not be stored

    schedule_id = models.UUIDField()
    due_at = models.DateTimeField()
    until_at = models.DateTimeField(null=True)
    count = models.PositiveIntegerField(default=1)
    outcome = models.CharField(max_length=9, choices=Outcome.choices)
    reason = models.CharField(max_length=300)
    event_id = models.UUIDField(null=True)
    trace_id = models.UUIDField(null=True)  # the event's
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["schedule_id", "due_at"], name="schedule_due_once")]
        indexes = [
            models.Index(fields=["schedule_id", "id"], name="schedule_history_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.due_at.isoformat()} {self.outcome}"
