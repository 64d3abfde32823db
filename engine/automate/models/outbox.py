"""The outbox: the intent to process, committed with what it is about."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from automate.models._checks import check


class OutboxJob(models.Model):
    """The intent to process one event, run or tick; an event's is inserted with the event.

    A run has a job only while something is left to do for it; every later wake-up re-arms that one row.
    """

    class Kind(models.TextChoices):
        EVENT = "event"
        RUN = "run"
        TICK = "tick"

    class Status(models.TextChoices):
        PENDING = "PENDING"
        CLAIMED = "CLAIMED"
        COMPLETED = "COMPLETED"
        DEAD = "DEAD"

    kind = models.CharField(max_length=5, choices=Kind.choices)
    event_id = models.UUIDField(null=True)
    run_id = models.UUIDField(null=True)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.PENDING)
    available_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)  # claims that ended without a clean finish
    lease_id = models.BigIntegerField(null=True)  # set exactly while CLAIMED
    lease_expires_at = models.DateTimeField(null=True)
    trace_id = models.UUIDField(null=True)  # of the event it is about
    subject_id = models.UUIDField(null=True)  # what a tick is about: a schedule, a buffer
    order_key = models.CharField(max_length=200, blank=True, default="")  # runs of one key go one after the other
    order_seq = models.BigIntegerField(null=True)  # the place in that order: the id of the run's event job

    class Meta:
        indexes = [  # the claim reads due, pending jobs in order: sql/claim_outbox.sql
            models.Index(fields=["available_at", "id"], condition=Q(status="PENDING"), name="outbox_due_idx"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["event_id"], condition=Q(kind="event"), name="outbox_event_once"),
            models.UniqueConstraint(fields=["run_id"], condition=Q(kind="run"), name="outbox_run_once"),
            check(
                Q(status="CLAIMED", lease_id__isnull=False) | (~Q(status="CLAIMED") & Q(lease_id__isnull=True)),
                name="outbox_lease_iff_claimed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} job {self.pk} {self.status}"
