"""Bulk operations on runs: what one would do, asking for it, stopping it. Workers do them (`automate.bulk_runs`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet

from automate import ids
from automate.bulk_runs import arm
from automate.execution.states import FINAL_RUN
from automate.models import Event, ExecutionRun, RunBulk
from automate.services import audit
from automate_governance.errors import Conflict, Invalid, NotFound

MAX_RUNS = 10_000  # of one operation
MAX_RATE = 1_000.0  # runs a second
MAX_RUNNING = 2  # of one workspace at the same time


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which runs: all conditions that are given hold. `since` and `until`: when their event was received, ISO 8601."""

    ids: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    workflow_ids: tuple[str, ...] | None = None  # none of them: no run
    event_id: str = ""
    trace_id: str = ""
    type: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def parse(cls, stored: Mapping[str, Any]) -> Wanted:
        """As `asdict` gave it to JSON."""
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()
        }
        return cls(**fields)

    def runs(self) -> QuerySet[ExecutionRun]:
        """The runs, the oldest first."""
        runs = ExecutionRun.objects.order_by("id")
        conditions: dict[str, Any] = {
            "pk__in": self.ids,
            "status__in": self.status,
            "event_id": self.event_id,
            "trace_id": self.trace_id,
            "pk__gte": ids.first_id_at(datetime.fromisoformat(self.since)) if self.since else None,
            "pk__lt": ids.first_id_at(datetime.fromisoformat(self.until)) if self.until else None,
        }
        runs = runs.filter(**{name: value for name, value in conditions.items() if value})
        if self.workflow_ids is not None:
            runs = runs.filter(workflow_id__in=self.workflow_ids)
        if self.type:
            runs = runs.filter(Exists(Event.objects.filter(pk=OuterRef("event_id"), type=self.type)))
        return runs


@dataclass(frozen=True)
class Preview:
    """What an operation would meet: `runs` in all, by status; those that its action can be done to now; how long."""

    runs: int
    eligible: int
    by_status: dict[str, int]
    seconds: float | None  # at the rate; none: as fast as it goes


def preview(*, action: str, wanted: Wanted, rate: float | None = None) -> Preview:
    """Count; changes nothing. Raises Invalid."""
    _refuse(action, rate)
    rows = wanted.runs().order_by().values("status").annotate(count=Count("id")).values_list("status", "count")
    by_status: dict[str, int] = {str(status): count for status, count in rows}
    runs = min(sum(by_status.values()), MAX_RUNS)
    eligible = sum(count for status, count in by_status.items() if _can(action, status))
    return Preview(runs, min(eligible, MAX_RUNS), by_status, runs / rate if rate else None)


@transaction.atomic
def start_bulk(
    *, action: str, wanted: Wanted, actor: str, now: datetime, version: str = "same", rate: float | None = None
) -> RunBulk:
    """Do it to each run in the background, the oldest first.

    Raises Invalid where no run is named or the rate is no rate, and Conflict while `MAX_RUNNING` others run.
    """
    _refuse(action, rate)
    named = list(wanted.runs().values_list("id", flat=True)[:MAX_RUNS])
    if not named:
        raise Invalid("No run is named by this.", details={"runs": 0})
    running = RunBulk.objects.filter(status=RunBulk.Status.RUNNING).count()
    if running >= MAX_RUNNING:
        message = f"{running} bulk operations run already. Wait for one to end, or stop it."
        raise Conflict(message, details={"running": running})
    bulk = RunBulk(
        action=action,
        wanted=asdict(wanted),
        version=version,
        rate=rate,
        total=len(named),
        upto_run_id=named[-1],
        created_by=actor[:200],
        created_at=now,
    )
    arm(bulk)
    bulk.save()
    details = {"action": action, "runs": bulk.total, "rate": rate}
    audit.record(actor=actor, action="bulk.start", resource=f"bulk:{bulk.pk}", details=details, now=now)
    return bulk


@transaction.atomic
def stop_bulk(*, bulk_id: UUID, actor: str, now: datetime) -> RunBulk:
    """Leave the rest alone; what was done stays. One that has ended stays as it is. Raises NotFound."""
    bulk = RunBulk.objects.select_for_update().filter(pk=bulk_id).first()
    if bulk is None:
        raise NotFound("There is no such bulk operation.", details={"id": str(bulk_id)})
    if bulk.status == RunBulk.Status.RUNNING:
        bulk.status, bulk.ended_at = RunBulk.Status.CANCELLED, now
        bulk.save(update_fields=["status", "ended_at"])
        details = {"done": bulk.done, "skipped": bulk.skipped, "of": bulk.total}
        audit.record(actor=actor, action="bulk.stop", resource=f"bulk:{bulk.pk}", details=details, now=now)
    return bulk


def _can(action: str, status: str) -> bool:
    """Whether a run that stands so can be retried or cancelled; an event can always be sent again."""
    if action == RunBulk.Action.REPLAY:
        return True
    return (status in FINAL_RUN) == (action == RunBulk.Action.RETRY)


def _refuse(action: str, rate: float | None) -> None:
    if action not in RunBulk.Action.values:
        raise Invalid("An action is retry, replay or cancel.", details={"param": "action"})
    if rate is not None and not 0 < rate <= MAX_RATE:
        raise Invalid(f"A rate is above 0 and at most {MAX_RATE:g} runs a second.", details={"param": "rate"})
