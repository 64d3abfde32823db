"""What runs wait for beside the time: an event, a person's answer, the end of a child."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class RunWait(models.Model):
    """One step (or item) that goes on when it is answered; `id` is a function of (run, step, item, round).

    It is answered once, by one event, person or child, whoever comes first; the answer arms the run's job. What a
    child gave is sealed like every other output.
    """

    class Kind(models.TextChoices):
        EVENT = "event"
        APPROVAL = "approval"
        CHILD = "child"

    class Status(models.TextChoices):
        OPEN = "open"
        ANSWERED = "answered"
        EXPIRED = "expired"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, editable=False)
    run_id = models.UUIDField()
    step_id = models.CharField(max_length=120)
    item = models.PositiveIntegerField(default=0)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    event_type = models.CharField(max_length=200, blank=True, default="")  # of an event awaited
    rule = models.JSONField(null=True)  # that the event must match; templates are filled in
    since = models.DateTimeField(null=True)  # an event received from here on counts
    child_run_id = models.UUIDField(null=True)
    details = models.JSONField(null=True)  # of an approval: {message, approvers}, redacted
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.OPEN)
    answer = models.JSONField(null=True)  # {event_id} | {approved, comment} | {run_id, status, sealed}
    answered_by = models.CharField(max_length=200, blank=True, default="")  # "user:12", "event:<id>", "run:<id>"
    answered_at = models.DateTimeField(null=True)
    trace_id = models.UUIDField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["run_id"], name="wait_run_idx"),
            models.Index(fields=["event_type"], condition=Q(status="open", kind="event"), name="wait_event_idx"),
            models.Index(fields=["created_at"], condition=Q(status="open", kind="approval"), name="wait_approval_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} wait of {self.step_id} {self.status}"
