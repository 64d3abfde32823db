"""Answers kept for whoever asks the same again."""

from __future__ import annotations

from django.db import models

from automate.ids import new_id


class KeptAnswer(models.Model):
    """The answer to a request that named an idempotency key; it commits with the change that the request made.

    `caller` and `key` name the request, `fingerprint` is a keyed digest of what was asked, so that what was asked (a
    secret's value, perhaps) cannot be guessed from it. `body` is the answer as it was sent, JSON.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    caller = models.CharField(max_length=100)
    key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.TextField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="kept_answer_once")]
        indexes = [models.Index(fields=["expires_at"], name="kept_answer_expiry_idx")]

    def __str__(self) -> str:
        return f"{self.caller} {self.key}"
