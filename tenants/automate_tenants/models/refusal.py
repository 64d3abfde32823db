"""Requests to endpoints that made no event: refused ones, repeats, challenges. The newest samples are kept.

Refusals are counted per minute and each episode is told of in the audit log. What was taken is counted here too, so
that a page need not count events. Written in the background.
"""

from __future__ import annotations

from django.db import models


class RefusalCount(models.Model):
    """How many requests to one endpoint were refused with one code in one minute."""

    tenant_id = models.BigIntegerField()
    endpoint_id = models.UUIDField()
    code = models.CharField(max_length=60)
    minute = models.DateTimeField()
    count = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "endpoint_id", "code", "minute"], name="refusal_count_once")
        ]

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.code} {self.count}"


class RefusalSample(models.Model):
    """One refused request, redacted: what was wrong and how to mend it. The newest 100 per endpoint are kept."""

    tenant_id = models.BigIntegerField()
    endpoint_id = models.UUIDField()
    code = models.CharField(max_length=60)
    message = models.CharField(max_length=500)
    details = models.JSONField(default=dict)
    trace_id = models.UUIDField()
    ip = models.GenericIPAddressField(null=True)
    received_at = models.DateTimeField()
    headers = models.JSONField(null=True)  # as events keep them
    body = models.TextField(blank=True, default="", db_default="")  # redacted; empty when not read or too long

    class Meta:
        indexes = [models.Index(fields=["tenant_id", "endpoint_id", "id"], name="refusal_newest_idx")]

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.code}"


class RefusalEpisode(models.Model):
    """An endpoint that refuses: from its first refusal until 10 minutes have passed without one.

    The tenant's audit log has an entry for its opening and one for its closing; with the second one the row goes.
    Lifecycle: `sql/note_refusals_v1.sql`, `sql/audit_refusals_v1.sql`.
    """

    tenant_id = models.BigIntegerField()
    endpoint_id = models.UUIDField()
    started_at = models.DateTimeField()  # of the first refusal
    latest_at = models.DateTimeField()  # of the latest one
    code = models.CharField(max_length=60)  # of the first one, and so are the next three
    message = models.CharField(max_length=500)
    trace_id = models.UUIDField()
    ip = models.GenericIPAddressField(null=True)
    due_at = models.DateTimeField()  # when to look whether an entry is to be written
    is_opening_told = models.BooleanField(default=False)
    seen_quiet_at = models.DateTimeField(null=True)  # a second look closes it: late news may still arrive
    latest_error = models.CharField(max_length=500, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="refusal_episode_due_idx"),
            models.Index(fields=["tenant_id", "endpoint_id"], name="refusal_episode_endpoint_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.started_at:%Y-%m-%d %H:%M}"


class RequestSample(models.Model):
    """One request that was answered well and made no event. The newest 100 per endpoint are kept."""

    class Verdict(models.TextChoices):
        DUPLICATE = "duplicate"  # of `event_id`
        TEST = "test"  # a test key passed every check
        CHALLENGE = "challenge"  # the sender asked whether somebody is here

    tenant_id = models.BigIntegerField()
    endpoint_id = models.UUIDField()
    verdict = models.CharField(max_length=9, choices=Verdict.choices)
    event_id = models.UUIDField(null=True)
    body_differs = models.BooleanField(default=False)  # from that of the first request with this dedupe key
    trace_id = models.UUIDField()
    ip = models.GenericIPAddressField(null=True)
    headers = models.JSONField(null=True)
    received_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["tenant_id", "endpoint_id", "id"], name="request_newest_idx")]

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.verdict}"


class RequestCount(models.Model):
    """How many requests one endpoint took in five minutes, and when the latest came."""

    tenant_id = models.BigIntegerField()
    endpoint_id = models.UUIDField()
    since = models.DateTimeField()  # a multiple of five minutes
    accepted = models.IntegerField()
    duplicates = models.IntegerField()
    latest_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "endpoint_id", "since"], name="request_count_once")]

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.since:%Y-%m-%d %H:%M} {self.accepted}"
