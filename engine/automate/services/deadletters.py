"""The dead-letter queue: what ended badly and nobody has dealt with.

A run is in it when it has failed and was neither retried nor dismissed, or when it is held for a person (a step's
effect is unknown); an event, when five workers stopped while they matched it. Nothing leaves by itself before its
retention time. Redriving a run is a retry from the step that failed; redriving an event arms its job again. Both can be
repeated without doing twice what was done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast

from automate import host
from automate.models import ExecutionRun, FailureMark, OutboxJob
from automate.outbox.due import due_now, present
from automate.services import audit
from automate.services.retries import FROM_FAILED, RetryPlan, Which, plan_retry, retry_run
from automate_governance.errors import Conflict, Invalid, NormalizedError, NotFound

MAX_AT_ONCE = 10_000
MAX_RATE = 1_000.0  # runs a second


@dataclass(frozen=True)
class Filter:
    """Which dead runs: all conditions that are given hold."""

    workflow_id: UUID | None = None
    step_id: str = ""  # the step that failed
    code: str = ""  # of the error
    fingerprint: str | None = None  # "": of failures that have none
    status: str = ""  # failed | held
    is_dismissed: bool = False  # those that somebody let be, instead
    muted_at: datetime | None = None  # those whose kind is muted at this time, alone
    heard_at: datetime | None = None  # without those whose kind is muted at this time
    since: datetime | None = None
    until: datetime | None = None
    ids: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class Group:
    """Failures of one kind: the same workflow, step and error."""

    workflow_id: UUID
    fingerprint: str
    count: int
    first_at: datetime
    latest_at: datetime
    latest_id: UUID  # the newest of its runs


@dataclass(frozen=True)
class Skipped:
    """A run that was not redriven, and why."""

    run_id: UUID
    code: str
    message: str


@dataclass
class Redriven:
    """What a redrive did. `started`: (dead run, its retry)."""

    started: list[tuple[UUID, UUID]] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def dead_runs(wanted: Filter | None = None) -> QuerySet[ExecutionRun]:
    """Newest first."""
    wanted = wanted or Filter()
    retried = ExecutionRun.objects.filter(retry_of__isnull=False, retry_of=OuterRef("pk"))  # the index of retries alone
    failed = Q(status="failed", dismissed_at__isnull=not wanted.is_dismissed) & ~Exists(retried)
    if wanted.is_dismissed or wanted.status == "failed":  # alone, so that the indexes of failed runs can be used
        runs = ExecutionRun.objects.filter(failed)
    else:
        runs = ExecutionRun.objects.filter(failed | Q(status="held"))
    if wanted.muted_at is not None:
        runs = runs.filter(_is_muted(wanted.muted_at), status="failed")
    if wanted.heard_at is not None:
        heard = ~_is_muted(wanted.heard_at)
        runs = runs.filter(heard if wanted.status == "failed" else heard | Q(status="held"))
    if wanted.fingerprint is not None:
        runs = runs.filter(error_fingerprint=wanted.fingerprint)
    conditions: dict[str, Any] = {
        "workflow_id": wanted.workflow_id,
        "error__step": wanted.step_id,
        "error__code": wanted.code,
        "status": wanted.status,
        "created_at__gte": wanted.since,
        "created_at__lt": wanted.until,
        "pk__in": wanted.ids,
    }
    return runs.filter(**{name: value for name, value in conditions.items() if value}).order_by("-id")


def _is_muted(at: datetime) -> Exists:
    of_its_kind = {"workflow_id": OuterRef("workflow_id"), "fingerprint": OuterRef("error_fingerprint")}
    return Exists(FailureMark.objects.filter(muted_until__gt=at, **of_its_kind))


def dead_event_jobs() -> QuerySet[OutboxJob]:
    """Jobs of events that could not be matched."""
    return OutboxJob.objects.filter(kind="event", status="DEAD").order_by("-id")


def groups(wanted: Filter | None = None) -> list[Group]:
    """Failed runs by workflow and fingerprint, the largest group first. One query; ids sort as their text does."""
    wanted = wanted or Filter()
    if wanted.status == "held":
        return []
    rows = (
        dead_runs(replace(wanted, status="failed"))
        .order_by()
        .values("workflow_id", "error_fingerprint")
        .annotate(
            count=Count("id"), first=Min("created_at"), latest=Max("created_at"), newest=Max(Cast("id", TextField()))
        )
        .order_by("-count")
    )
    return [
        Group(
            row["workflow_id"],
            row["error_fingerprint"],
            row["count"],
            row["first"],
            row["latest"],
            UUID(row["newest"]),
        )
        for row in rows
    ]


def preview(wanted: Filter, *, version: Which = "same", limit: int = 100) -> list[RetryPlan | Skipped]:
    """What redriving would do to each run, the first `limit` of them: which steps run again, which effects repeat."""
    found: list[RetryPlan | Skipped] = []
    for run in dead_runs(wanted)[:limit]:
        try:
            found.append(plan_retry(run_id=run.id, version=version))
        except NormalizedError as error:
            found.append(Skipped(run.id, error.code, error.message))
    return found


def redrive(
    wanted: Filter,
    *,
    actor: str,
    now: datetime,
    version: Which = "same",
    rate: float | None = None,
    limit: int = MAX_AT_ONCE,
) -> Redriven:
    """Retry every failed run of the filter from the step that failed, the oldest first, `rate` of them a second.

    Each is a transaction of its own: stopped anywhere, a second call goes on with the rest. Held runs are left to the
    person who settles them. Raises Invalid for a rate or limit out of bounds.
    """
    if rate is not None and not 0 < rate <= MAX_RATE:
        raise Invalid(f"A rate is above 0 and at most {MAX_RATE:g} runs a second.", details={"rate": rate})
    if not 0 < limit <= MAX_AT_ONCE:
        raise Invalid(f"At most {MAX_AT_ONCE:,} runs can be redriven at once.", details={"limit": limit})
    done = Redriven()
    pause = 1 / rate if rate else 0.0
    begun_at = present()
    waiting = list(dead_runs(wanted).filter(status="failed").order_by("id").values_list("id", flat=True)[:limit])
    for run_id in waiting:
        try:
            made = retry_run(
                run_id=run_id,
                from_step=FROM_FAILED,
                version=version,
                actor=actor,
                now=now,
                origin=ExecutionRun.Origin.REDRIVE,
                due_at=begun_at + timedelta(seconds=len(done.started) * pause),
            )
        except NormalizedError as error:
            done.skipped.append(Skipped(run_id, error.code, error.message))
        else:
            done.started.append((run_id, made.id))
    return done


@transaction.atomic
def redrive_events(event_ids: Sequence[UUID], *, actor: str, now: datetime) -> int:
    """Let events whose job is dead be matched again, each alone. Returns how many there were."""
    jobs = OutboxJob.objects.filter(kind="event", status="DEAD", event_id__in=event_ids)
    armed = jobs.update(status="PENDING", attempts=1, available_at=due_now())  # alone, as after any crash
    if armed:
        transaction.on_commit(host.current().ring)
        details = {"events": [str(each) for each in event_ids][:100], "armed": armed}
        audit.record(actor=actor, action="event.redrive", resource="deadletters", details=details, now=now)
    return armed


@transaction.atomic
def dismiss(run_ids: Iterable[UUID], *, actor: str, now: datetime, undo: bool = False) -> int:
    """Take failed runs out of the queue without repeating them, or put them back. Returns how many changed."""
    failed = ExecutionRun.objects.filter(pk__in=list(run_ids), status="failed", dismissed_at__isnull=not undo)
    changed = failed.update(dismissed_at=None if undo else now)
    if changed:
        action = "run.undismiss" if undo else "run.dismiss"
        audit.record(actor=actor, action=action, resource="deadletters", details={"runs": changed}, now=now)
    return changed


Verdict = Literal["happened", "did_not_happen"]


@transaction.atomic
def settle(
    *, run_id: UUID, step_id: str, verdict: Verdict, actor: str, now: datetime, item: int = 0, output: Any = None
) -> ExecutionRun:
    """A person's word on a step whose effect is unknown; the run goes on.

    "happened": the step succeeded, with `output` as its output. "did_not_happen": it is tried again, with the same
    idempotency key. Raises NotFound, Conflict when the run is not held or the step is not in doubt.
    """
    from automate.services.settling import record_verdict

    list(OutboxJob.objects.select_for_update().filter(kind="run", run_id=run_id).values_list("id"))  # as a cancel does
    run = ExecutionRun.objects.select_for_update().filter(pk=run_id).first()
    if run is None:
        raise NotFound("There is no such run.", details={"id": str(run_id)})
    if run.status != ExecutionRun.Status.HELD:
        raise Conflict(f"The run is {run.status}, not held.", details={"status": run.status})
    record_verdict(run, step_id=step_id, item=item, verdict=verdict, output=output, now=now)
    details = {"step": step_id, "item": item, "verdict": verdict}
    audit.record(actor=actor, action="run.settle", resource=f"run:{run.id}", details=details, now=now)
    return run
