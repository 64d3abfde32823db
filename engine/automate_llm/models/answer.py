"""Kept answers: the opt-in cache of a tenant's model calls."""

from __future__ import annotations

from django.db import models


class CachedAnswer(models.Model):
    """One answer, sealed with the tenant's key; `key` is a hash of provider, model, messages and options."""

    key = models.CharField(max_length=64, primary_key=True)
    sealed = models.BinaryField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="llm_answer_expiry_idx")]

    def __str__(self) -> str:
        return self.key
