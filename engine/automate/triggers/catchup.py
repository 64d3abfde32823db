"""What becomes of due times: fired, caught up or skipped, and why. Pure; the caller writes.

A due time that is at most `GRACE` old when it is looked at is on time, if no later one has come since. All others were
missed: no worker ran, or the clock was put forward. The schedule's policy says what becomes of those.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from automate.triggers.cron import Due

GRACE = timedelta(minutes=5)
MAX_CAUGHT_UP = 100  # of the policy "all"; also the rows kept for missed due times one by one

FIRED, CAUGHT_UP, SKIPPED = "fired", "caught_up", "skipped"


@dataclass(frozen=True)
class Planned:
    """One row of a schedule's history. It speaks for `count` due times, from `due_at` to `until_at`."""

    due_at: datetime
    outcome: str  # FIRED | CAUGHT_UP | SKIPPED
    reason: str
    count: int = 1
    until_at: datetime | None = None

    @property
    def runs(self) -> bool:
        return self.outcome != SKIPPED


def plan(due: Due, *, now: datetime, catch_up: str) -> list[Planned]:
    """A row for each of `due`, oldest first. `catch_up` is skip, once or all.

    >>> from datetime import timezone
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
    >>> missed = Due((noon, noon + timedelta(hours=1)))
    >>> [(row.due_at.hour, row.outcome) for row in plan(missed, now=noon + timedelta(hours=2), catch_up="once")]
    [(12, 'skipped'), (13, 'caught_up')]
    """
    return [*_older(due, catch_up), *_newest(due.newest, now, catch_up)]


def _older(due: Due, catch_up: str) -> Iterator[Planned]:
    if due.oldest is not None:
        why = f"More than {MAX_CAUGHT_UP} were missed; only the newest {MAX_CAUGHT_UP} are caught up."
        if catch_up != "all":
            why = "Missed: no worker ran at these times."
        yield Planned(due.oldest, SKIPPED, why, count=due.older_count, until_at=due.oldest_until)


def _newest(newest: tuple[datetime, ...], now: datetime, catch_up: str) -> Iterator[Planned]:
    for position, due_at in enumerate(newest):
        is_latest = position == len(newest) - 1
        late = now - due_at
        if is_latest and late <= GRACE:
            yield Planned(due_at, FIRED, "On time." if late < timedelta(minutes=1) else f"{_minutes(late)} late.")
        elif catch_up == "all":
            yield Planned(due_at, CAUGHT_UP, f"Missed; caught up {_minutes(late)} later.")
        elif catch_up == "once" and is_latest:
            stands = f", for all {len(newest)} that were missed" if len(newest) > 1 else ""
            yield Planned(due_at, CAUGHT_UP, f"Missed; caught up {_minutes(late)} later{stands}.")
        elif catch_up == "once":
            yield Planned(due_at, SKIPPED, "Missed; the latest due time stands for it.")
        else:
            yield Planned(due_at, SKIPPED, "Missed: no worker ran at this time.")


def _minutes(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
