"""Schedules: each has one tick job at its next due time, and a row of history for every due time.

A tick is decided under the schedule's row lock, in one transaction with its event, its history and the next tick job.
A job that the schedule no longer names does nothing, and no due time at or before `base_at` is looked at again: so
whatever workers crash, repeat or meet, a due time fires once. Changing the cron, pausing and disabling start anew from
that moment: a schedule never fires for the time in which it was not going.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from automate import host
from automate.ingest.ingestor import EventIngestor, Ingested
from automate.ingest.refusal import Refusal
from automate.models import ExecutionRun, OutboxJob, Schedule, ScheduleTick, Workflow
from automate.outbox.dead_ticks import open_ticks
from automate.services import audit
from automate.triggers import absence, catchup
from automate.triggers.cron import Cron
from automate_governance.errors import Conflict, NotFound

EVENT_TYPE = "schedule.tick"
QUEUE_LENGTH = 100  # due times that may wait for the run before them; later ones are skipped
QUEUE_POLL = timedelta(seconds=5)  # how often a waiting one looks whether that run has ended
KINDS = {"schedule": str(Schedule.Kind.CRON), "absence": str(Schedule.Kind.ABSENCE)}
_LIVE = (ExecutionRun.Status.QUEUED, ExecutionRun.Status.RUNNING, ExecutionRun.Status.WAITING)
_STOPPED = "Five workers stopped while they decided this; the schedule goes on with its next due time."
_OPEN = (OutboxJob.Status.PENDING, OutboxJob.Status.CLAIMED)


# -- following the workflow ----------------------------------------------------------------------------------------


def follow(workflow: Workflow, *, now: datetime) -> None:
    """Bring the workflow's schedule to what its live version says; in the transaction that changed the workflow."""
    trigger: dict[str, Any] = workflow.active_version.trigger_spec if workflow.active_version else {}
    kind = KINDS.get(trigger.get("type", "")) if workflow.is_enabled else None
    schedule = Schedule.objects.select_for_update().filter(workflow=workflow).first()
    if kind is None:
        if schedule is not None and schedule.is_active:
            schedule.is_active = False
            _stop(schedule, now)
        return
    schedule = schedule or Schedule(workflow=workflow, is_active=False, created_at=now)
    if schedule.is_active and schedule.spec == trigger:
        return
    schedule.kind, schedule.spec, schedule.is_active = kind, trigger, True
    _start(schedule, now)


@transaction.atomic
def set_paused(*, schedule_id: UUID, is_paused: bool, actor: str, now: datetime) -> Schedule:
    """Stop a schedule, or let it go on from now; due times meanwhile are not caught up. Raises NotFound."""
    schedule = _locked(schedule_id)
    if schedule.is_paused == is_paused:
        return schedule
    schedule.is_paused = is_paused
    if schedule.goes:
        _start(schedule, now)
    else:
        _stop(schedule, now)
    action = "schedule.pause" if is_paused else "schedule.resume"
    audit.record(actor=actor, action=action, resource=f"schedule:{schedule.pk}", details={}, now=now)
    return schedule


@transaction.atomic
def run_now(*, schedule_id: UUID, actor: str, now: datetime) -> ScheduleTick:
    """One more tick, at once; the next due time stays, and the workflow's rule is asked as always.

    Raises NotFound, and Conflict when the schedule's workflow is not live or the schedule waits for an absence.
    """
    schedule = _locked(schedule_id)
    if not schedule.is_active or schedule.kind != Schedule.Kind.CRON:
        raise Conflict("Only the schedule of a live workflow can be run by hand.", details={"id": str(schedule_id)})
    tick = _fire(schedule, now, ScheduleTick.Outcome.MANUAL, f"Run by hand by {actor}.", now)
    audit.record(actor=actor, action="schedule.run", resource=f"schedule:{schedule.pk}", details={}, now=now)
    return tick


# -- ticks ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def tick(job_id: int, *, now: datetime) -> bool:
    """Do what is due for the schedule of this tick job, and arm the next one. False when no schedule names the job."""
    schedule = Schedule.objects.select_for_update().filter(tick_job_id=job_id).first()
    if schedule is None:
        return False
    if schedule.kind == Schedule.Kind.ABSENCE:
        _tick_absence(schedule, now)
    else:
        _tick_cron(schedule, now)
    return True


def repair(*, now: datetime) -> int:
    """Schedules whose tick job is dead (five workers stopped over it) or gone go on from now. Returns how many.

    What was due is not tried again, because it may stop the next worker, too; a row says so.
    """
    standing = Schedule.objects.filter(is_active=True, is_paused=False, tick_job_id__isnull=False)
    stuck = list(standing.exclude(tick_job_id__in=open_ticks()).values_list("pk", flat=True))
    return sum(_restart(schedule_id, now) for schedule_id in stuck)


@transaction.atomic
def _restart(schedule_id: UUID, now: datetime) -> bool:
    schedule = Schedule.objects.select_for_update().get(pk=schedule_id)
    if not schedule.goes or open_ticks().filter(pk=schedule.tick_job_id or 0).exists():
        return False  # somebody was faster
    due_at = schedule.next_at or schedule.base_at
    if not ScheduleTick.objects.filter(schedule_id=schedule.pk, due_at=due_at).exists():
        planned = catchup.Planned(due_at, ScheduleTick.Outcome.FAILED, _STOPPED, until_at=now)
        _note(schedule, due_at, ScheduleTick.Outcome.FAILED, _STOPPED, now, planned)
    _start(schedule, now)
    return True


def upcoming(schedule: Schedule, count: int, *, now: datetime) -> list[datetime]:
    """The next due times of a schedule that goes; an absence has one at most."""
    if not schedule.goes or schedule.next_at is None:
        return []
    if schedule.kind == Schedule.Kind.ABSENCE:
        return [schedule.next_at]
    return list(islice(cron_of(schedule).after(max(schedule.base_at, now)), count))


def cron_of(schedule: Schedule) -> Cron:
    return Cron(schedule.spec["cron"], schedule.spec.get("timezone", "UTC"))


def _tick_cron(schedule: Schedule, now: datetime) -> None:
    cron = cron_of(schedule)
    _release_queued(schedule, now)
    due = cron.between(schedule.base_at, now, newest=catchup.MAX_CAUGHT_UP)
    for planned in catchup.plan(due, now=now, catch_up=schedule.catch_up):
        _carry_out(schedule, planned, now)
    if due.newest:
        schedule.base_at = due.newest[-1]
    schedule.next_at = cron.next_after(max(schedule.base_at, now))
    wake_at = schedule.next_at
    if _queued(schedule).exists():
        wake_at = min(now + QUEUE_POLL, wake_at or now + QUEUE_POLL)
    _arm(schedule, wake_at, now)


def _carry_out(schedule: Schedule, planned: catchup.Planned, now: datetime) -> None:
    """One planned row, under the schedule's overlap rule."""
    if not planned.runs:
        _note(schedule, planned.due_at, ScheduleTick.Outcome.SKIPPED, planned.reason, now, planned)
        return
    if schedule.overlap != "allow" and (busy := _what_goes_on(schedule)):
        if schedule.overlap == "queue" and _queued(schedule).count() < QUEUE_LENGTH:
            _note(schedule, planned.due_at, ScheduleTick.Outcome.QUEUED, f"Waits: {busy}.", now)
            return
        why = f"{QUEUE_LENGTH} wait already" if schedule.overlap == "queue" else busy
        _note(schedule, planned.due_at, ScheduleTick.Outcome.SKIPPED, f"Overlap: {why}.", now)
        return
    _fire(schedule, planned.due_at, planned.outcome, planned.reason, now)


def _release_queued(schedule: Schedule, now: datetime) -> None:
    """The oldest waiting tick goes when nothing goes on any more."""
    oldest = _queued(schedule).order_by("due_at").first()
    if oldest is not None and not _what_goes_on(schedule):
        reason = f"Fired {round((now - oldest.due_at).total_seconds())} s later, when the run before it had ended."
        _fire(schedule, oldest.due_at, ScheduleTick.Outcome.FIRED, reason, now, waited=oldest)


def _what_goes_on(schedule: Schedule) -> str:
    """What of this workflow is unfinished, in words; "" when nothing is. A fired tick counts before it is matched."""
    run = ExecutionRun.objects.filter(workflow_id=schedule.workflow_id, status__in=_LIVE).order_by("id").first()
    if run is not None:
        return f"run {run.pk} was not finished"
    recent = ScheduleTick.objects.filter(schedule_id=schedule.pk, event_id__isnull=False).order_by("-id")
    events = list(recent.values_list("event_id", flat=True)[: 2 * QUEUE_LENGTH])  # one that waited has an early id
    if OutboxJob.objects.filter(kind=OutboxJob.Kind.EVENT, event_id__in=events, status__in=_OPEN).exists():
        return "the tick before it was not started"
    return ""


def _queued(schedule: Schedule) -> QuerySet[ScheduleTick]:
    return ScheduleTick.objects.filter(schedule_id=schedule.pk, outcome=ScheduleTick.Outcome.QUEUED)


def _drop_queued(schedule: Schedule) -> None:
    why = "The schedule was stopped or changed while this waited."
    _queued(schedule).update(outcome=ScheduleTick.Outcome.SKIPPED, reason=why)


def _fire(
    schedule: Schedule,
    due_at: datetime,
    outcome: str,
    reason: str,
    now: datetime,
    *,
    waited: ScheduleTick | None = None,
) -> ScheduleTick:
    """Store the event, or say why it could not be, and the row that tells it."""
    payload = {**schedule.payload, "scheduled_for": due_at.isoformat(), "fired_at": now.isoformat()}
    event, key = None, None if outcome == ScheduleTick.Outcome.MANUAL else due_at.isoformat()
    try:
        event = _ingest(schedule, EVENT_TYPE, payload, key=key, now=now)
    except Refusal as refusal:
        outcome, reason = ScheduleTick.Outcome.FAILED, refusal.message
    if waited is None:
        return _note(schedule, due_at, outcome, reason, now, event=event)
    waited.outcome, waited.reason, waited.decided_at = outcome, reason[:300], now
    if event is not None:
        waited.event_id, waited.trace_id = event.event_id, event.trace_id
    waited.save(update_fields=["outcome", "reason", "event_id", "trace_id", "decided_at"])
    return waited


def _ingest(schedule: Schedule, type_: str, payload: dict[str, Any], *, key: str | None, now: datetime) -> Ingested:
    source = f"{schedule.spec['type']}:{schedule.workflow.slug}"
    return EventIngestor().ingest(
        type=type_, payload=payload, source=source, dedupe_key=key, dedupe_source=f"schedule:{schedule.pk}", now=now
    )


def _note(
    schedule: Schedule,
    due_at: datetime,
    outcome: str,
    reason: str,
    now: datetime,
    planned: catchup.Planned | None = None,
    *,
    event: Ingested | None = None,
) -> ScheduleTick:
    return ScheduleTick.objects.create(
        schedule_id=schedule.pk,
        due_at=due_at,
        until_at=planned.until_at if planned else None,
        count=planned.count if planned else 1,
        outcome=outcome,
        reason=reason[:300],
        event_id=event.event_id if event else None,
        trace_id=event.trace_id if event else None,
        decided_at=now,
    )


# -- absence -------------------------------------------------------------------------------------------------------


def _tick_absence(schedule: Schedule, now: datetime) -> None:
    watch = absence.Watch.of(schedule.spec, since=schedule.base_at, is_silent=schedule.is_silent)
    for silence in watch.look(now):
        payload = {
            "event_type": watch.event_type,
            "after_seconds": schedule.spec["after_seconds"],
            "silent_since": silence.since.isoformat(),
            "detected_at": now.isoformat(),
        }
        event = _ingest(schedule, absence.EVENT_TYPE, payload, key=silence.due_at.isoformat(), now=now)
        reason = f"No {watch.event_type} since {silence.since.isoformat()}."
        _note(schedule, silence.due_at, ScheduleTick.Outcome.FIRED, reason, now, event=event)
    schedule.base_at, schedule.is_silent, schedule.next_at = watch.since, watch.is_silent, watch.due_at
    _arm(schedule, watch.due_at, now)


# -- the tick job --------------------------------------------------------------------------------------------------


def _start(schedule: Schedule, now: datetime) -> None:
    """From now on; what was due before is past."""
    _drop_queued(schedule)
    schedule.base_at, schedule.is_silent = now, False
    if schedule.kind == Schedule.Kind.ABSENCE:
        schedule.next_at = now + timedelta(seconds=schedule.spec["after_seconds"])
    else:
        schedule.next_at = cron_of(schedule).next_after(now)
    _cancel_job(schedule)
    if schedule.is_paused:
        schedule.next_at = None
    _arm(schedule, schedule.next_at, now)


def _stop(schedule: Schedule, now: datetime) -> None:
    _cancel_job(schedule)
    _drop_queued(schedule)
    schedule.next_at = None
    _arm(schedule, None, now)


def _arm(schedule: Schedule, wake_at: datetime | None, now: datetime) -> None:
    """A new tick job at `wake_at`, which the schedule names from now on; None: none."""
    schedule.tick_job_id = None
    if wake_at is not None:
        job = OutboxJob.objects.create(kind=OutboxJob.Kind.TICK, subject_id=schedule.pk, available_at=wake_at)
        schedule.tick_job_id = job.pk
        transaction.on_commit(host.current().ring)  # whoever waits for the next due time learns of this one
    schedule.updated_at = now
    schedule.save()


def _cancel_job(schedule: Schedule) -> None:
    if schedule.tick_job_id is not None:
        pending = OutboxJob.objects.filter(pk=schedule.tick_job_id, status=OutboxJob.Status.PENDING)
        pending.update(status=OutboxJob.Status.COMPLETED)


def _locked(schedule_id: UUID) -> Schedule:
    try:
        return Schedule.objects.select_for_update().get(pk=schedule_id)
    except Schedule.DoesNotExist:
        raise NotFound("There is no such schedule.", details={"id": str(schedule_id)}) from None
