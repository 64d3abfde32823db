"""What people decided about failures of one kind."""

from __future__ import annotations

from django.db import models


class FailureMark(models.Model):
    """Who looks after failures of one workflow and error, and until when nobody wants to hear of them.

    Only kinds that somebody touched have a row. Muting hides; it stops nothing, and ends by itself.
    """

    workflow_id = models.UUIDField()
    fingerprint = models.CharField(max_length=32, blank=True)  # "": failures that have none
    owner = models.CharField(max_length=200, blank=True, default="")  # an actor, such as user:12; "" is nobody
    muted_until = models.DateTimeField(null=True)
    updated_by = models.CharField(max_length=200)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workflow_id", "fingerprint"], name="failure_mark_once")]

    def __str__(self) -> str:
        return f"{self.workflow_id} {self.fingerprint}"
