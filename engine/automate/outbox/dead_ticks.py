"""Tick jobs that will not come: dead, because five workers stopped over them. Housekeeping lets things go on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from automate import host
from automate.models import ExecutionRun, OutboxJob
from automate.outbox.due import due_now

_OPEN = (OutboxJob.Status.PENDING, OutboxJob.Status.CLAIMED)


def open_ticks() -> QuerySet[Any]:
    """Ids of the tick jobs that will still be done."""
    return OutboxJob.objects.filter(kind=OutboxJob.Kind.TICK, status__in=_OPEN).values("pk")


def wake_dead_ticks(*, now: datetime) -> int:
    """Let dead ticks that name an event or a run be tried again, each alone; how many.

    Those of schedules and buffers are put right by their owners, which name the tick that counts.
    """
    runs = ExecutionRun.objects.filter(pk=OuterRef("subject_id"))
    dead = OutboxJob.objects.filter(Q(event_id__isnull=False) | Exists(runs), kind="tick", status="DEAD")
    armed = dead.update(status="PENDING", attempts=1, available_at=due_now())
    if armed:
        transaction.on_commit(host.current().ring)
    return armed
