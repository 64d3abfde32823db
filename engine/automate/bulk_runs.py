"""Bulk operations at work: one slice a tick job, so that no request waits and no worker is held for long.

Each run is a transaction of its own, with its result: a slice that crashed goes on with the next run, and nothing is
done twice. The row of the operation is locked meanwhile, so stopping it takes effect before the next run, and a worker
that lost its lease does nothing. A rate is kept by due times, not by sleeping.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from django.db import transaction

from automate import host
from automate.models import ExecutionRun, OutboxJob, RunBulk, RunBulkResult
from automate.outbox.dead_ticks import open_ticks
from automate.outbox.due import due_now, present
from automate_governance.errors import NormalizedError, NotFound

SLICE_RUNS = 100
SLICE_SECONDS = 1.0
CRASHED = {"code": "bulk_crashed", "message": "Its worker stopped five times over the same run.", "details": {}}


def tick(job_id: int, *, now: datetime) -> bool:
    """Do the next slice of the operation that names this tick job. False: none names it."""
    bulk = RunBulk.objects.filter(tick_job_id=job_id).first()
    if bulk is None:
        return False
    if bulk.status == RunBulk.Status.RUNNING:
        many = SLICE_RUNS if bulk.rate is None else max(1, min(SLICE_RUNS, int(bulk.rate)))
        until, done = monotonic() + SLICE_SECONDS, 0
        while done < many and monotonic() < until:
            if not _next(bulk.pk, job_id, now):
                return True
            done += 1
        _go_on(bulk.pk, job_id, seconds=done / bulk.rate if bulk.rate else 0)
    return True


@transaction.atomic
def repair(*, now: datetime) -> int:
    """Running operations whose tick is dead or gone have failed. Returns how many."""
    running = RunBulk.objects.filter(status=RunBulk.Status.RUNNING)
    return running.exclude(tick_job_id__in=open_ticks()).update(
        status=RunBulk.Status.FAILED, error=CRASHED, ended_at=now
    )


def arm(bulk: RunBulk, *, seconds: float = 0) -> None:
    """A tick job, at once or later, which the operation names from now on."""
    due = present() + timedelta(seconds=seconds) if seconds else due_now()
    job = OutboxJob.objects.create(kind=OutboxJob.Kind.TICK, subject_id=bulk.pk, available_at=due)
    bulk.tick_job_id = job.pk
    transaction.on_commit(host.current().ring)


@transaction.atomic
def _next(bulk_id: UUID, job_id: int, now: datetime) -> bool:
    """Do it to the next run. False: there is none, or the operation is not ours to go on with."""
    from automate.services.bulks import Wanted

    bulk = _locked(bulk_id, job_id)
    if bulk is None:
        return False
    runs = Wanted.parse(bulk.wanted).runs().filter(id__lte=bulk.upto_run_id)
    run = (
        (runs.filter(id__gt=bulk.at_run_id) if bulk.at_run_id else runs)
        .only("id", "event_id", "workflow_id", "trace_id")
        .first()
    )
    if run is None or bulk.done + bulk.skipped >= bulk.total:
        bulk.status, bulk.ended_at = RunBulk.Status.SUCCEEDED, now
        bulk.save(update_fields=["status", "ended_at"])
        return False
    result = RunBulkResult(bulk_id=bulk.pk, run_id=run.pk, trace_id=run.trace_id, created_at=now)
    try:
        with transaction.atomic():
            result.made_id = ACTIONS[bulk.action](run, bulk, now)
        bulk.done += 1
    except NormalizedError as error:
        result.code, result.message = error.code, error.message
        bulk.skipped += 1
    result.save(force_insert=True)
    bulk.at_run_id = run.pk
    bulk.save(update_fields=["done", "skipped", "at_run_id"])
    return True


@transaction.atomic
def _go_on(bulk_id: UUID, job_id: int, *, seconds: float) -> None:
    bulk = _locked(bulk_id, job_id)
    if bulk is not None:
        arm(bulk, seconds=seconds)
        bulk.save(update_fields=["tick_job_id"])


def _locked(bulk_id: UUID, job_id: int) -> RunBulk | None:
    """The row, while it still runs and still names this tick."""
    rows = RunBulk.objects.select_for_update()
    return rows.filter(pk=bulk_id, status=RunBulk.Status.RUNNING, tick_job_id=job_id).first()


def _retry(run: ExecutionRun, bulk: RunBulk, now: datetime) -> UUID:
    from automate.services.retries import retry_run

    version = "latest" if bulk.version == "latest" else "same"
    origin = ExecutionRun.Origin.REDRIVE
    return retry_run(run_id=run.pk, version=version, actor=bulk.created_by, now=now, origin=origin).pk  # type: ignore[arg-type]


def _replay(run: ExecutionRun, bulk: RunBulk, now: datetime) -> UUID:
    """The run's event once more, for its workflow alone."""
    from automate.models import Workflow
    from automate.services.replays import replay_event

    slug = Workflow.objects.filter(pk=run.workflow_id).values_list("slug", flat=True).first()
    if slug is None:
        raise NotFound("The run's workflow is gone.")
    return replay_event(event_id=run.event_id, workflow=slug, actor=bulk.created_by, now=now).pk


def _cancel(run: ExecutionRun, bulk: RunBulk, now: datetime) -> None:
    from automate.services.runs import cancel_run

    cancel_run(run_id=run.pk, actor=bulk.created_by, now=now)


ACTIONS: dict[str, Callable[[ExecutionRun, RunBulk, datetime], UUID | None]] = {
    "retry": _retry,
    "replay": _replay,
    "cancel": _cancel,
}
