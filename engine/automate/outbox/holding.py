"""Events that wait outside the worker's sight: their job is due at a time that never comes, which tells for what.

`HELD_UNTIL`: somebody's word (a paused endpoint, an unconfirmed workspace). `OVER_PLAN_UNTIL`: room in a host's plan.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timezone
from uuid import UUID

from django.db import transaction

from automate import host
from automate.models import Event, OutboxJob
from automate.outbox.due import due_now

HELD_UNTIL = datetime(9999, 1, 1, tzinfo=timezone.utc)  # Python has no datetime for PostgreSQL's 'infinity'
OVER_PLAN_UNTIL = datetime(9998, 1, 1, tzinfo=timezone.utc)


def release(*, now: datetime, source: str | None = None, except_sources: Collection[str] = ()) -> int:
    """Let the held events go on, those of one source or all but some; how many. Joins the caller's transaction.

    Those that wait for a plan are not among them.
    """
    jobs = OutboxJob.objects.filter(kind=OutboxJob.Kind.EVENT, status=OutboxJob.Status.PENDING, available_at=HELD_UNTIL)
    if source is not None:
        jobs = jobs.filter(event_id__in=Event.objects.filter(source=source).values("pk"))
    if except_sources:
        jobs = jobs.exclude(event_id__in=Event.objects.filter(source__in=list(except_sources)).values("pk"))
    released = jobs.update(available_at=due_now())
    if released:
        transaction.on_commit(host.current().ring)
    return released


def held(event_ids: Collection[UUID]) -> set[UUID]:
    """Those of `event_ids` that are held, whatever for."""
    jobs = OutboxJob.objects.filter(
        kind=OutboxJob.Kind.EVENT, event_id__in=event_ids, available_at__gte=OVER_PLAN_UNTIL
    )
    return {event_id for event_id in jobs.values_list("event_id", flat=True) if event_id is not None}
