"""Events, what made them unique, and what was decided about them."""

from __future__ import annotations

from django.db import models

from automate.ids import new_id


class Event(models.Model):
    """An immutable record of something that happened: a webhook, a signal, a schedule's tick, a call."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)  # UUIDv7: sorted by id is sorted by time
    type = models.CharField(max_length=200)
    payload = models.JSONField()
    source = models.CharField(max_length=200)  # "webhook:<endpoint slug>", "emit_event", "manual"
    headers = models.JSONField(null=True)  # of the request, redacted; null unless it came by HTTP
    trace_id = models.UUIDField()
    received_at = models.DateTimeField()
    replay_of = models.UUIDField(null=True)  # the event that somebody sent again

    class Meta:
        indexes = [
            models.Index(fields=["type", "id"], name="event_type_idx"),
            models.Index(fields=["trace_id"], name="event_trace_idx"),
            models.Index(fields=["replay_of"], condition=models.Q(replay_of__isnull=False), name="event_replay_idx"),
        ]
        permissions = [("view_raw_payload", "Can see payloads without redaction")]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class Dedupe(models.Model):
    """One (source, key) seen, and the event it made. `id` is a function of both: `automate.ids.dedupe_id`."""

    id = models.UUIDField(primary_key=True, editable=False)
    source = models.CharField(max_length=200)  # "webhook:<endpoint id>" or "emit_event"
    key = models.CharField(max_length=255)
    event_id = models.UUIDField()
    body_hash = models.BinaryField(max_length=32)  # SHA-256 of the first body: a repeat may differ, and is told so
    repeats = models.PositiveIntegerField(default=0)
    expires_at = models.DateTimeField()
    trace_id = models.UUIDField(null=True)  # of the event that the key made

    class Meta:
        indexes = [models.Index(fields=["event_id"], name="dedupe_event_idx")]

    def __str__(self) -> str:
        return f"{self.source} {self.key}"


class MatchDecision(models.Model):
    """Why one workflow did or did not run for one event. `workflow_id` is null when no workflow listens at all."""

    class Decision(models.TextChoices):
        STARTED = "started"
        NO_MATCH = "no_match"
        HELD = "held"
        SKIPPED = "skipped"  # it matched, and flow control or the loop guard made no run of it

    event_id = models.UUIDField()
    workflow_id = models.UUIDField(null=True)
    version_id = models.UUIDField(null=True)
    run_id = models.UUIDField(null=True)
    decision = models.CharField(max_length=8, choices=Decision.choices)
    reason = models.CharField(max_length=300)  # "rule_true", "rule_false", "direct", "no_workflow", "rule_error: ..."
    failed_at = models.CharField(max_length=300, blank=True)  # JSON pointer of the first failing condition
    trace_id = models.UUIDField(null=True)  # the event's
    decided_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["event_id"], name="decision_event_idx")]

    def __str__(self) -> str:
        return f"{self.event_id} {self.decision}"
