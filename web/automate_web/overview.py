"""The last 24 hours of a workspace in figures, for Home and the API: events, runs, how many went well and how fast.

A range of time is a range of ids, as in the lists' `since`, so that each figure is the length of the list it leads to:
a retry counts where its event does.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db.models import Aggregate, Count, F, FloatField, Func, IntegerField, QuerySet, UUIDField, Value
from django.db.models.functions import Extract

from automate.models import Event, ExecutionRun
from automate.services.deadletters import Filter, dead_event_jobs, dead_runs
from automate_web.filters import id_at

HOURS = 24
NOT_SUCCEEDED = tuple(status for status in ExecutionRun.Status.values if status != "succeeded")
MOST_FAILURES = 1_000  # counted; more are "1,000 or more"


class Percentile95(Aggregate):
    """PostgreSQL's `percentile_cont(0.95)`."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(0.95) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


class HourOfId(Func):
    """Which hour a row belongs to by its id, given the first id of each hour but the first: 0 before them all."""

    function = "WIDTH_BUCKET"
    output_field = IntegerField()

    def __init__(self, firsts: list[UUID]):
        super().__init__(F("pk"), Value(firsts, output_field=ArrayField(UUIDField())))


@dataclass(frozen=True)
class Hour:
    """One hour of the clock, in UTC, by ids as the window is; the first and the last are cut by the window."""

    starts_at: datetime
    events: int = 0
    runs: int = 0
    succeeded: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Overview:
    """`since` inclusive, `until` exclusive. `p95_seconds`: of runs that ended; None where none did."""

    since: datetime
    until: datetime
    events: int
    runs: int
    succeeded: int
    failed: int
    p95_seconds: float | None
    open_failures: int  # of any age, at most `MOST_FAILURES`
    hours: list[Hour]

    @property
    def success_rate(self) -> float | None:
        """Of runs that succeeded or failed, from 0 to 1; None where none did."""
        decided = self.succeeded + self.failed
        return self.succeeded / decided if decided else None


def overview(now: datetime) -> Overview:
    """Of the current workspace: three queries, whatever its size."""
    since = now - timedelta(hours=HOURS)
    window = {"pk__gte": id_at(since), "pk__lt": id_at(now)}
    events, runs = Event.objects.filter(**window), ExecutionRun.objects.filter(**window)
    hours = _by_hour(events, runs, _hours(since, now))
    return Overview(
        since=since,
        until=now,
        events=sum(hour.events for hour in hours),
        runs=sum(hour.runs for hour in hours),
        succeeded=sum(hour.succeeded for hour in hours),
        failed=sum(hour.failed for hour in hours),
        p95_seconds=_p95_seconds(runs),
        open_failures=_open_failures(now),
        hours=hours,
    )


def _by_hour(events: QuerySet[Event], runs: QuerySet[ExecutionRun], hours: list[datetime]) -> list[Hour]:
    """One of each hour. One query, of ids: it reads indexes alone. What did not succeed is in an index of its own."""
    bucket = HourOfId([id_at(hour) for hour in hours[1:]])
    kinds = {
        "event": (events, Value("event")),
        "run": (runs, Value("run")),
        "unfinished": (runs.filter(status__in=NOT_SUCCEEDED), F("status")),
    }
    parts = [
        rows.order_by().annotate(bucket=bucket, what=what).values_list("bucket", "what").annotate(count=Count("pk"))
        for rows, what in kinds.values()
    ]
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for number, what, count in parts[0].union(*parts[1:], all=True):
        found[number][what] = count
    return [
        Hour(
            hour,
            counts.get("event", 0),
            counts.get("run", 0),
            counts.get("run", 0) - sum(counts.get(status, 0) for status in NOT_SUCCEEDED),
            counts.get("failed", 0),
        )
        for number, hour in enumerate(hours)
        for counts in [found[number]]
    ]


def _hours(since: datetime, until: datetime) -> list[datetime]:
    """Each hour of the clock that the window touches.

    >>> from datetime import timezone
    >>> [at.hour for at in _hours(*(datetime(2026, 1, 1, h, 30, tzinfo=timezone.utc) for h in (9, 11)))]
    [9, 10, 11]
    """
    hour, found = since.replace(minute=0, second=0, microsecond=0), []
    while hour < until:
        found.append(hour)
        hour += timedelta(hours=1)
    return found


def _p95_seconds(runs: QuerySet[ExecutionRun]) -> float | None:
    """From a run's beginning to its end, its time in the queue included, as the lists show it."""
    took = Extract(F("ended_at") - F("created_at"), "epoch")
    found = runs.filter(status__in=("succeeded", "failed")).aggregate(p95=Percentile95(took))["p95"]
    return None if found is None else max(0.0, float(found))


def _open_failures(now: datetime) -> int:
    """Failed and held runs that nobody dealt with, and events that no worker could match; muted kinds are left out."""
    kinds = (dead_runs(Filter(heard_at=now)), dead_event_jobs())
    rows = [kind.order_by().annotate(one=Value(1)).values_list("one")[:MOST_FAILURES] for kind in kinds]
    return min(MOST_FAILURES, rows[0].union(rows[1], all=True).count())
