"""Backtests in the background: one slice a tick job, so that no request waits and no worker is held for long.

A slice reads for about a second, then writes what was found so far together with the next tick. A slice that crashed
is done again from the same event; one that five workers stopped over ends the backtest as failed. Cancelling is a
state: the slice that runs at that moment finds it when it wants to write, and writes nothing.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from automate import host
from automate.dryrun.backtest import Backtest, backtest
from automate.dryrun.run import Subject
from automate.models import OutboxJob, StoredBacktest
from automate.outbox.dead_ticks import open_ticks
from automate.outbox.due import due_now
from automate.policy.stored import effective_policy
from automate_governance.errors import NormalizedError

SLICE_SECONDS = 1.0
CRASHED = {"code": "backtest_crashed", "message": "Its worker stopped five times over the same events.", "details": {}}


def tick(job_id: int, *, now: datetime) -> bool:
    """Do the next slice of the backtest that names this tick job. False: none names it."""
    stored = StoredBacktest.objects.filter(tick_job_id=job_id).first()
    if stored is None:
        return False
    if stored.status == StoredBacktest.Status.RUNNING:
        try:
            found = _slice(stored)
        except NormalizedError as error:  # it cannot be tried any more: a connector is gone, perhaps
            _finish(stored, job_id, StoredBacktest.Status.FAILED, now, error=error.as_dict(""))
        else:
            _write(stored, job_id, found, now)
    return True


@transaction.atomic
def repair(*, now: datetime) -> int:
    """Running backtests whose tick is dead or gone have failed. Returns how many."""
    running = StoredBacktest.objects.filter(status=StoredBacktest.Status.RUNNING)
    return running.exclude(tick_job_id__in=open_ticks()).update(
        status=StoredBacktest.Status.FAILED, error=CRASHED, ended_at=now
    )


def arm(stored: StoredBacktest) -> None:
    """A tick job at once, which the backtest names from now on."""
    job = OutboxJob.objects.create(kind=OutboxJob.Kind.TICK, subject_id=stored.pk, available_at=due_now())
    stored.tick_job_id = job.pk
    transaction.on_commit(host.current().ring)


def _slice(stored: StoredBacktest) -> Backtest:
    earlier = Backtest.parse(stored.result) if stored.result else None
    subject = Subject.of(
        stored.definition,
        policy=effective_policy(),
        workflow_id=stored.workflow_id,
        version_id=None,
        version_num=stored.version_num or 0,
    )
    return backtest(
        subject,
        workflow_id=stored.workflow_id,
        since=stored.since,
        until=stored.until,
        max_events=stored.max_events,
        max_seconds=SLICE_SECONDS,
        earlier=earlier,
    )


def _write(stored: StoredBacktest, job_id: int, found: Backtest, now: datetime) -> None:
    """What was found so far, and the next tick or the end."""
    is_over = found.is_complete or found.events >= stored.max_events
    if is_over:
        _finish(stored, job_id, StoredBacktest.Status.SUCCEEDED, now, found=found)
        return
    with transaction.atomic():
        ours = _locked(stored, job_id)
        if ours is not None:
            ours.result, ours.at_event_id = found.as_dict(), found.at_event_id
            arm(ours)
            ours.save(update_fields=["result", "at_event_id", "tick_job_id"])


@transaction.atomic
def _finish(
    stored: StoredBacktest,
    job_id: int,
    status: StoredBacktest.Status,
    now: datetime,
    *,
    found: Backtest | None = None,
    error: dict[str, object] | None = None,
) -> None:
    ours = _locked(stored, job_id)
    if ours is None:
        return
    ours.status, ours.error, ours.ended_at = status, error, now
    if found is not None:
        ours.result, ours.at_event_id = found.as_dict(), found.at_event_id
    ours.save(update_fields=["status", "error", "ended_at", "result", "at_event_id"])


def _locked(stored: StoredBacktest, job_id: int) -> StoredBacktest | None:
    """The row, while it still runs and still names this tick."""
    rows = StoredBacktest.objects.select_for_update()
    return rows.filter(pk=stored.pk, status=StoredBacktest.Status.RUNNING, tick_job_id=job_id).first()
