"""What was told, who has seen it, what each member chose, and what is still to be sent.

Members are named by their user's id: no foreign key leads out of a tenant's schema. `kind` is a code of `kinds`.
"""

from __future__ import annotations

from uuid import uuid4

from django.db import models
from django.db.models import Q

from automate.models._checks import check


class Notification(models.Model):
    """One occurrence, told once. Failures of one kind within a day are one row, whose `count` goes on rising."""

    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=200, unique=True)  # names the occurrence: what is noticed twice is told once
    subject = models.CharField(max_length=200)  # what it is about, such as "failure:<workflow>:<fingerprint>"
    title = models.CharField(max_length=300)
    text = models.TextField(blank=True)  # redacted, as all that is shown
    path = models.CharField(max_length=300)  # of its object, inside the workspace
    count = models.PositiveIntegerField(default=1)  # occurrences that it stands for
    details = models.JSONField(default=dict)  # for programs
    created_at = models.DateTimeField()
    latest_at = models.DateTimeField()  # of the latest occurrence

    class Meta:
        indexes = [
            models.Index(fields=["subject", "-id"], name="notification_subject_idx"),
            models.Index(fields=["created_at"], name="notification_age_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Seen(models.Model):
    """That a member has read a notification, or put a banner away; `key` is the notification's or the banner's."""

    user_id = models.BigIntegerField()
    key = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user_id", "key"], name="seen_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.key}"


class Channel(models.TextChoices):
    IN_APP = "in_app", "In the portal"
    EMAIL = "email", "E-mail"
    WEBHOOK = "webhook", "Webhook"


class Choice(models.Model):
    """Where one member wants to hear of one kind, as far as they chose otherwise than by default."""

    user_id = models.BigIntegerField()
    kind = models.CharField(max_length=20)
    channel = models.CharField(max_length=7, choices=Channel.choices)
    is_on = models.BooleanField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user_id", "kind", "channel"], name="notification_choice_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind} {self.channel} {'on' if self.is_on else 'off'}"


class Destination(models.Model):
    """A URL that a member's notifications are posted to, signed with a secret that was shown once."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user_id = models.BigIntegerField()
    url = models.CharField(max_length=500)
    sealed = models.BinaryField()  # its secrets, sealed with the tenant's key: `automate.ingest.signing_secret`
    created_at = models.DateTimeField()
    disabled_at = models.DateTimeField(null=True)  # nothing is sent any more
    disabled_because = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user_id", "url"], name="destination_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.url}"


class Delivery(models.Model):
    """One notification on its way to one member by one channel.

    pending  due at `due_at`; a sender moves that ahead before it begins, so a sender that dies delays it by minutes
    sent     taken by the mail server, or answered with 2xx
    failed   given up: every try failed, or there was no sense in another
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        SENT = "sent"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    notification = models.ForeignKey(Notification, on_delete=models.CASCADE)
    user_id = models.BigIntegerField()
    channel = models.CharField(max_length=7, choices=Channel.choices)
    destination = models.ForeignKey(Destination, on_delete=models.CASCADE, null=True)
    status = models.CharField(max_length=7, choices=Status.choices, default=Status.PENDING)
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)  # tries since it was made or sent again by hand
    attempted_at = models.DateTimeField(null=True)
    http_status = models.PositiveSmallIntegerField(null=True)  # of the latest answer
    error = models.CharField(max_length=500, blank=True, default="")  # what the latest try ended in, redacted
    took_ms = models.PositiveIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], condition=Q(status="pending"), name="delivery_due_idx"),
            models.Index(fields=["user_id", "-attempted_at"], name="delivery_member_idx"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["notification", "user_id"], condition=Q(channel="email"), name="delivery_letter_once"
            ),
            models.UniqueConstraint(
                fields=["notification", "destination"], condition=Q(channel="webhook"), name="delivery_webhook_once"
            ),
            check(Q(channel="webhook") ^ Q(destination=None), name="delivery_names_destination"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} to {self.user_id}: {self.status}"
