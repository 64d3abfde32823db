"""Schedules as lists show them: in words, what is next, what was last. Two queries for any number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, QuerySet, Subquery

from automate.models import Schedule, ScheduleTick, Workflow
from automate.triggers import schedules, words

NEXT = 5


@dataclass(frozen=True)
class Shown:
    """One schedule. `state` is active, paused or disabled (its workflow is not live, or starts otherwise by now)."""

    schedule: Schedule
    words: str
    state: str
    upcoming: list[datetime]
    latest: ScheduleTick | None

    @property
    def workflow(self) -> Workflow:
        return self.schedule.workflow


def schedule_rows() -> QuerySet[Schedule]:
    """Schedules with their workflows and the id of their latest tick, without what may be large."""
    latest = ScheduleTick.objects.filter(schedule_id=OuterRef("pk")).order_by("-id").values("id")[:1]
    return Schedule.objects.select_related("workflow").defer("workflow__draft").annotate(latest_id=Subquery(latest))


def shown(rows: Iterable[Schedule], *, now: datetime) -> list[Shown]:
    """Of `schedule_rows`, in their order."""
    listed = list(rows)
    latest_ids = {row.pk: getattr(row, "latest_id", None) for row in listed}
    ticks = ScheduleTick.objects.in_bulk([id_ for id_ in latest_ids.values() if id_ is not None])
    return [
        Shown(
            schedule=row,
            words=words.in_words(row.spec),
            state="disabled" if not row.is_active else "paused" if row.is_paused else "active",
            upcoming=schedules.upcoming(row, NEXT, now=now),
            latest=ticks.get(latest_ids[row.pk] or 0),
        )
        for row in listed
    ]
