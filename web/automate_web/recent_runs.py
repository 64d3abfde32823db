"""What workflows did in the last 24 hours: counts by hour, how many succeeded, and the newest run of each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from automate.models import ExecutionRun
from automate_web import statements
from automate_web.filters import id_at

HOURS = 24
COUNTED = 5_000  # runs of one workflow that are looked at; a page of 50 stays one short statement
HEIGHT, BAR, GAP = 20, 3, 1  # of the drawing, in its own units


@dataclass(frozen=True)
class Bar:
    """One hour with runs; the failed part stands at the foot."""

    x: int
    y: int
    height: int
    failed_y: int
    failed_height: int


@dataclass
class Recent:
    """`hours` and `failed_hours` count runs by hour, oldest first; the last one is the hour until now."""

    hours: list[int] = field(default_factory=lambda: [0] * HOURS)
    failed_hours: list[int] = field(default_factory=lambda: [0] * HOURS)
    succeeded: int = 0
    failed: int = 0
    latest: ExecutionRun | None = None

    @property
    def total(self) -> int:
        return sum(self.hours)

    @property
    def is_capped(self) -> bool:
        """Only the newest `COUNTED` were looked at: there are at least as many."""
        return self.total >= COUNTED

    @property
    def percent(self) -> float | None:
        """Of the runs that succeeded or failed, how many succeeded, to a tenth rounded down; None without any.

        >>> Recent(succeeded=1999, failed=1).percent, Recent().percent
        (99.9, None)
        """
        ended = self.succeeded + self.failed
        return self.succeeded * 1000 // ended / 10 if ended else None

    @property
    def bars(self) -> list[Bar]:
        most = max(self.hours)
        found = []
        for place, (count, failed) in enumerate(zip(self.hours, self.failed_hours, strict=True)):
            if count:
                height = max(2, count * HEIGHT // most)
                foot = max(2, failed * height // count) if failed else 0
                found.append(Bar(place * (BAR + GAP), HEIGHT - height, height, HEIGHT - foot, foot))
        return found

    @property
    def in_words(self) -> str:
        """The drawing for those who do not see it.

        >>> Recent().in_words
        'No runs in 24 hours.'
        """
        if not self.total:
            return "No runs in 24 hours."
        most = max(self.hours)
        more = "at least " if self.is_capped else ""
        ago = HOURS - 1 - self.hours.index(most)
        when = "in the last hour" if ago == 0 else f"{ago} h ago"
        return f"{more}{self.total} runs in 24 hours, {self.failed} failed; most in one hour: {most}, {when}."


def recent_runs(workflow_ids: Collection[UUID], *, now: datetime) -> dict[UUID, Recent]:
    """Of each workflow; one statement."""
    found = {workflow_id: Recent() for workflow_id in workflow_ids}
    if not found:
        return found
    values: dict[str, Any] = {
        "workflow_ids": list(found),
        "now": now,
        "since_id": id_at(now - timedelta(hours=HOURS)),
        "most": COUNTED,
    }
    with connection.cursor() as cursor:
        cursor.execute(statements.load("recent_runs"), values)
        for workflow_id, hours_ago, status, count in cursor.fetchall():
            _add(found[workflow_id], HOURS - 1 - max(0, hours_ago), status, count)
    return found


def _add(recent: Recent, place: int, status: str, count: int) -> None:
    recent.hours[place] += count
    if status == ExecutionRun.Status.FAILED:
        recent.failed += count
        recent.failed_hours[place] += count
    elif status == ExecutionRun.Status.SUCCEEDED:
        recent.succeeded += count
