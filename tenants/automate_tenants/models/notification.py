"""Whose turn it is to be looked at for something to tell, or to have something sent."""

from __future__ import annotations

from django.db import models


class NotificationTurn(models.Model):
    """One row a workspace, so that nobody visits a schema in which nothing happened."""

    tenant_id = models.BigIntegerField(primary_key=True)
    look_at = models.DateTimeField(null=True)  # not before; null: never looked at
    looked_at = models.DateTimeField(null=True)  # up to when everything was seen
    whole_at = models.DateTimeField(null=True)  # when it is looked at although nothing moved
    seen = models.CharField(max_length=80, blank=True, default="")  # what the dispatch said at the latest look
    send_at = models.DateTimeField(null=True)  # the earliest delivery that waits; null: none

    class Meta:
        indexes = [
            models.Index(
                fields=["send_at"], condition=models.Q(send_at__isnull=False), name="notification_turn_send_idx"
            )
        ]

    def __str__(self) -> str:
        return f"turn of tenant {self.tenant_id}"
