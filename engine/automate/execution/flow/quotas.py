"""Quotas: how many runs may begin in a day and in a month, of the workspace and of one workflow.

Policy's `runs_daily` and `runs_monthly`. A run is counted once, before its first step, in the period it begins in; a
process that dies in between leaves it counted. A run that does not fit is not lost: its job is due when the period
ends, or at its deadline. Counters are locked in a fixed order: no more than the cap begins, however many ask at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from automate import host
from automate.models import OutboxJob, QueuePlace, RunCount
from automate.outbox.store import RunSnapshot
from automate.policy.effective import Policy
from automate.services import audit
from automate_llm import host as llm_host
from automate_llm.budgets.periods import day_of, zone_of
from automate_llm.rows import insert_missing

RULES = ("runs_daily", "runs_monthly")
THRESHOLDS = (50, 80, 100)  # percent of a cap; each is told once, by an audit entry
AGAIN_SECONDS = 1.0  # after another process counted at the same moment, where rows are not locked


@dataclass(frozen=True)
class Cap:
    """One limit of one counter. `scope`: "" is the workspace, else a workflow's id."""

    scope: str
    rule: str
    limit: int
    layer: str


@dataclass(frozen=True)
class Ask:
    """A run that would begin. `place`: its job's id; smaller came earlier."""

    run_id: UUID
    workflow_id: UUID
    place: int
    caps: tuple[Cap, ...]
    trace_id: UUID | None = None
    asks_more: bool = False  # it also queues for something else, and may ask here again before it begins


@dataclass(frozen=True)
class Refusal:
    """What the run does not fit into, and how long that lasts."""

    cap: Cap
    seconds: float

    @property
    def blocked(self) -> dict[str, Any]:
        """As an error's code and details, for what policy blocked."""
        subject = "runs of a workflow" if self.cap.scope else "runs"
        return {
            "code": "runs_limited",
            "details": {"rule": self.cap.rule, "layer": self.cap.layer, "subject": subject},
        }


@dataclass
class _Counter:
    """A row under lock."""

    used: int
    begun: int = field(default=0)  # by this call


def caps_of(policy: Policy, workflow_id: UUID, options: dict[str, Any]) -> tuple[Cap, ...]:
    """What a run of this version is counted against. `policy`: of the workspace, without the workflow's own layer."""
    own = options.get("policy") or {}
    found = [Cap("", rule, limit.value, limit.layer) for rule in RULES if (limit := policy.limit(rule)) is not None]
    scope = str(workflow_id)
    return (*found, *(Cap(scope, rule, own[rule], "workflow") for rule in RULES if own.get(rule) is not None))


def counting(policy: Policy) -> Callable[[dict[str, Any]], bool]:
    """Whether runs of a version with these options are counted; asked for each match."""
    if any(policy.limit(rule) is not None for rule in RULES):
        return lambda options: True
    return lambda options: (
        "policy" in options and any((options["policy"] or {}).get(rule) is not None for rule in RULES)
    )


def ask_for(snapshot: RunSnapshot, policy: Policy, *, place: int, now: datetime, asks_more: bool) -> Ask | None:
    """What this run has to ask; None where nothing counts it, it has begun before, or is only to be stopped."""
    caps = caps_of(policy, snapshot.workflow_id, snapshot.options)
    is_late = snapshot.deadline_at is not None and snapshot.deadline_at <= now
    if not caps or snapshot.started_at is not None or is_late or snapshot.cancel_requested_at is not None:
        return None
    return Ask(snapshot.id, snapshot.workflow_id, place, caps, snapshot.event.trace_id, asks_more)


@transaction.atomic
def begin(asks: Sequence[Ask], *, now: datetime) -> dict[UUID, Refusal]:
    """Count the runs that fit, the earliest first; why the others do not begin yet. Blocking, in the scope's tables."""
    zone = llm_host.current().time_zone()
    counters = _locked({(cap.scope, _period(cap.rule, now, zone)) for ask in asks for cap in ask.caps})
    mine = QueuePlace.objects.filter(kind=QueuePlace.Kind.QUOTA, run_id__in=[ask.run_id for ask in asks])
    counted = set(mine.exclude(granted_at=None).values_list("run_id", flat=True))
    refused: dict[UUID, Refusal] = {}
    begun: list[Ask] = []
    for ask in sorted(asks, key=lambda one: one.place):
        if ask.run_id in counted:
            continue
        full = [cap for cap in ask.caps if _room(counters, cap, now, zone) <= 0]
        if full:
            latest = max(full, key=lambda cap: _end(cap.rule, now, zone))
            refused[ask.run_id] = Refusal(latest, (_end(latest.rule, now, zone) - now).total_seconds())
            continue
        begun.append(ask)
        for cap in ask.caps:
            counters[cap.scope, _period(cap.rule, now, zone)].begun += 1
    if not _store(counters):
        return {ask.run_id: Refusal(ask.caps[0], AGAIN_SECONDS) for ask in asks if ask.run_id not in counted}
    _note_places(begun, [ask for ask in asks if ask.run_id in refused], now)
    _tell(counters, {cap for ask in begun for cap in ask.caps}, now, zone)
    return refused


def wake() -> int:
    """Policy is another now: whoever waits for a quota asks again; how many."""
    waiting = QueuePlace.objects.filter(kind=QueuePlace.Kind.QUOTA, granted_at=None).values("run_id")
    jobs = OutboxJob.objects.filter(kind=OutboxJob.Kind.RUN, run_id__in=waiting, status=OutboxJob.Status.PENDING)
    woken = jobs.update(available_at=Now())
    if woken:
        transaction.on_commit(host.current().ring)
    return woken


def used(scope: str, rule: str, *, now: datetime) -> int:
    """How many runs began in the period that is going on."""
    period = _period(rule, now, llm_host.current().time_zone())
    return RunCount.objects.filter(scope=scope, period=period).values_list("used", flat=True).first() or 0


def forget(*, now: datetime) -> int:
    """Drop the counters of days and months that ended 400 days ago; how many."""
    return int(RunCount.objects.filter(period__lt=(now - timedelta(days=400)).date().isoformat()).delete()[0])


def _locked(keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], _Counter]:
    wanted = sorted(keys)
    missing = [RunCount(scope=scope, period=period) for scope, period in wanted]
    insert_missing(RunCount, missing, same="scope")
    scopes, periods = {scope for scope, _ in wanted}, {period for _, period in wanted}
    rows = RunCount.objects.filter(scope__in=scopes, period__in=periods).order_by("scope", "period")
    return {(row.scope, row.period): _Counter(row.used) for row in rows.select_for_update()}


def _room(counters: dict[tuple[str, str], _Counter], cap: Cap, now: datetime, zone: str) -> int:
    counter = counters[cap.scope, _period(cap.rule, now, zone)]
    return cap.limit - counter.used - counter.begun


def _store(counters: dict[tuple[str, str], _Counter]) -> bool:
    """False where a counter moved meanwhile, which a database with row locks does not let happen."""
    for (scope, period), counter in counters.items():
        if counter.begun:
            row = RunCount.objects.filter(scope=scope, period=period, used=counter.used)
            if not row.update(used=F("used") + counter.begun):
                transaction.set_rollback(True)
                return False
    return True


def _note_places(begun: Sequence[Ask], refused: Sequence[Ask], now: datetime) -> None:
    """Who waits is seen by people; who was counted and queues on is not counted again."""
    keeps = [ask for ask in begun if ask.asks_more]
    kept = {ask.run_id for ask in keeps}
    places = QueuePlace.objects.filter(kind=QueuePlace.Kind.QUOTA)
    places.filter(run_id__in=[ask.run_id for ask in begun if ask.run_id not in kept]).delete()
    places.filter(run_id__in=kept).update(granted_at=now)
    rows = [_place(ask, now, now) for ask in keeps] + [_place(ask, now, None) for ask in refused]
    QueuePlace.objects.bulk_create(rows, ignore_conflicts=True)


def _place(ask: Ask, asked_at: datetime, granted_at: datetime | None) -> QueuePlace:
    """Its key is its own: nobody grants it when another run ends."""
    return QueuePlace(
        run_id=ask.run_id,
        kind=QueuePlace.Kind.QUOTA,
        key=f"{ask.run_id}:",
        workflow_id=ask.workflow_id,
        place=ask.place,
        asked_at=asked_at,
        granted_at=granted_at,
        trace_id=ask.trace_id,
    )


def _tell(counters: dict[tuple[str, str], _Counter], caps: Iterable[Cap], now: datetime, zone: str) -> None:
    """An audit entry for the highest threshold that these runs passed: the lock lets one process pass it."""
    for cap in sorted(caps, key=lambda one: (one.scope, one.rule)):
        period = _period(cap.rule, now, zone)
        counter = counters[cap.scope, period]
        after = counter.used + counter.begun
        passed = [t for t in THRESHOLDS if counter.used * 100 < cap.limit * t <= after * 100]
        if passed:
            details = {"rule": cap.rule, "layer": cap.layer, "period": period, "percent": passed[-1]}
            details |= {"used": after, "limit": cap.limit}
            resource = f"workflow:{cap.scope}" if cap.scope else "policy"
            audit.record(actor="system", action="runs.alert", resource=resource, details=details, now=now)


def _period(rule: str, now: datetime, zone: str) -> str:
    day = day_of(now, zone)
    return day if rule == "runs_daily" else day[:7]


def _end(rule: str, now: datetime, zone: str) -> datetime:
    """When the period is over: the zone's next midnight, or that of the first of the next month.

    >>> _end("runs_monthly", datetime(2026, 10, 31, 22, 30, tzinfo=timezone.utc), "Europe/Berlin").isoformat()
    '2026-10-31T23:00:00+00:00'
    """
    today = date.fromisoformat(day_of(now, zone))
    days = 1 if rule == "runs_daily" else 32 - today.day
    following = today + timedelta(days=days)
    first = following if rule == "runs_daily" else following.replace(day=1)
    return datetime.combine(first, time.min, tzinfo=zone_of(zone)).astimezone(timezone.utc)


__all__ = ["RULES", "Ask", "Cap", "Refusal", "ask_for", "begin", "caps_of", "forget", "used", "wake"]
