"""The outbox on any database Django knows (SQLite, MySQL, MariaDB): claims by a guarded update instead of SKIP LOCKED.

Slower than `postgres.PostgresStore` and held to the same contract test. Two workers may pick the same jobs; the
update's `status = PENDING` lets only one of them have each. Times are this machine's clock.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.db.models import F, Max, Min, OuterRef, Subquery
from django.utils import timezone

from automate import host
from automate.execution.states import FINAL_RUN
from automate.ingest.hops import hops_to
from automate.jsontext import loads
from automate.models import (
    AuditLogEntry,
    Event,
    ExecutionRun,
    Halt,
    MatchDecision,
    OutboxJob,
    PolicyDocument,
    QueuePlace,
    RunState,
    StepRun,
    Workflow,
)
from automate.outbox import orm_load, orm_waits
from automate.outbox.locks import lock_jobs
from automate.outbox.postgres import CRASHED, LeaseLost
from automate.outbox.postgres_waits import told
from automate.outbox.store import (
    MAX_CRASHES,
    ActiveVersion,
    Claim,
    DenialRow,
    EventData,
    Hops,
    Job,
    PlaceRow,
    RunRow,
    RunSnapshot,
    Standing,
    StepRow,
    Switches,
    Writes,
)

PENDING, CLAIMED, COMPLETED, DEAD = OutboxJob.Status.values
_JSON = {"outputs", "error", "input", "output", "logs"}  # columns that Writes carries as JSON text


class OrmStore:
    """See `automate.outbox.store.OutboxStore`."""

    def claim_batch(self, *, limit: int, worker: str, lease_seconds: float) -> Claim | None:
        if self.switches(()).everything:
            return None
        now = timezone.now()
        due = list(
            OutboxJob.objects.filter(status=PENDING, available_at__lte=now)
            .order_by("available_at", "id")
            .values_list("id", "attempts")[:limit]
        )
        if not due:
            return None
        head, crashed = due[0]
        wanted = [head] if crashed else [job for job, attempts in due if not attempts]
        lease_id = secrets.randbits(62)
        taken = OutboxJob.objects.filter(id__in=wanted, status=PENDING).update(
            status=CLAIMED,
            attempts=F("attempts") + 1,
            lease_id=lease_id,
            lease_expires_at=now + timedelta(seconds=lease_seconds),
        )
        if not taken:
            return None
        jobs = list(OutboxJob.objects.filter(lease_id=lease_id).order_by("available_at", "id"))
        events = Event.objects.in_bulk([job.event_id for job in jobs if job.kind == "event"])
        claimed = tuple(_job(job, events) for job in jobs)
        return Claim(lease_id, None, self._config_token(), claimed, lease_seconds)

    def confirm(self, claim: Claim) -> bool:
        return False  # nothing but the outbox itself says what is due here

    def active_versions(self, claim: Claim, known: Collection[UUID] = ()) -> list[ActiveVersion]:
        live = Workflow.objects.filter(is_enabled=True, active_version__isnull=False).select_related("active_version")
        ids_by_slug = dict(Workflow.objects.values_list("slug", "id"))
        return [
            ActiveVersion(
                v.id,
                v.workflow_id,
                v.trigger_spec,
                v.rule,
                v.steps,
                v.running_options,
                w.slug,
                ids_by_slug.get(v.trigger_spec.get("workflow")),
                version_num=v.version_num,
            )
            for w, v in ((workflow, workflow.active_version) for workflow in live)
            if v is not None
        ]

    def halted(self, claim: Claim) -> frozenset[UUID]:
        return frozenset(Halt.objects.values_list("pk", flat=True))

    def hops(self, claim: Claim, event_ids: Sequence[UUID]) -> dict[UUID, Hops]:
        found = {}
        for event in Event.objects.filter(id__in=event_ids).defer("payload"):
            runs = ExecutionRun.objects.filter(trace_id=event.trace_id)
            latest = runs.order_by("-id").values_list("id", flat=True).first()
            found[event.id] = Hops(hops_to(known_runs=runs[:1001].count(), headers=event.headers or {}), latest)
        return found

    def switches(self, lease_ids: Sequence[int]) -> Switches:
        everything = Halt.objects.filter(pk=UUID(int=0)).exists()
        return Switches(everything, frozenset(), dict.fromkeys(lease_ids, self._config_token()))

    def enter(self, claim: Claim, asks: Sequence[PlaceRow], *, stay: Collection[UUID] = ()) -> dict[UUID, str]:
        """Only halts: queues need PostgreSQL, and a version that has one is refused at its publishing elsewhere."""
        waiting = [ask for ask in asks if ask.kind == "halt" and ask.workflow_id in self.halted(claim)]
        now = timezone.now()
        with transaction.atomic():
            for ask in waiting:
                defaults = {**ask._asdict(), "asked_at": now}
                QueuePlace.objects.update_or_create(run_id=ask.run_id, kind=ask.kind, defaults=defaults)
            mine = OutboxJob.objects.filter(lease_id=claim.lease_id, run_id__in=[ask.run_id for ask in waiting])
            late = ExecutionRun.objects.filter(pk=OuterRef("run_id")).values("deadline_at")
            free = {"lease_id": None, "lease_expires_at": None, "attempts": 0}
            mine.annotate(until=Subquery(late)).filter(until__gt=now).update(
                status=PENDING, available_at=Subquery(late), **free
            )
            mine.update(status=COMPLETED, **free)
        claim.held = set(OutboxJob.objects.filter(lease_id=claim.lease_id).values_list("id", flat=True))
        halted = {ask.run_id for ask in waiting}
        return {ask.run_id: "wait" if ask.run_id in halted else "granted" for ask in asks}

    def load_runs(self, claim: Claim, run_ids: Sequence[UUID]) -> list[RunSnapshot]:
        return orm_load.load_runs(run_ids)

    def entered(self, scope: Hashable) -> AbstractContextManager[object]:
        return nullcontext()

    def data_key(self, claim: Claim) -> bytes:
        return host.current().data_key()

    @transaction.atomic
    def _write(self, claim: Claim, writes: Writes, *, final: bool) -> set[int]:
        now = timezone.now()
        about = models.Q(id__in=claim.held) | models.Q(kind="run", run_id__in=told(writes))
        lock_jobs(about)
        mine = OutboxJob.objects.filter(lease_id=claim.lease_id, status=CLAIMED)
        if mine.filter(id__in=claim.held).count() < len(claim.held):
            raise LeaseLost
        _record(writes)
        for run_id in writes.held_runs:
            until = now + timedelta(seconds=claim.lease_seconds)
            values: dict[str, Any] = {"status": CLAIMED, "lease_id": claim.lease_id, "lease_expires_at": until}
            if not mine.filter(kind="run", run_id=run_id).update(lease_expires_at=until):
                values["trace_id"] = _lock_run(run_id)
                if OutboxJob.objects.filter(kind="run", run_id=run_id).exists():
                    raise LeaseLost  # another claim has it by now
                OutboxJob.objects.create(kind="run", run_id=run_id, available_at=now, attempts=1, **values)
        for run_id, delay in writes.due_runs:
            arm_run(run_id, available_at=now + timedelta(seconds=delay), lease_id=claim.lease_id)
        orm_waits.wake_early(writes, now=now)
        done = mine if final else mine.filter(models.Q(id__in=writes.done_jobs) | models.Q(run_id__in=writes.done_runs))
        done.update(status=COMPLETED, lease_id=None, lease_expires_at=None, attempts=0)
        return set(mine.values_list("id", flat=True))

    def write(self, claim: Claim, writes: Writes, *, final: bool, seconds: float) -> bool:
        try:
            claim.held = self._write(claim, writes, final=final)
        except LeaseLost:
            return False
        return True

    def release(self, claim: Claim) -> bool:
        back = OutboxJob.objects.filter(lease_id=claim.lease_id, status=CLAIMED)
        return bool(back.update(status=PENDING, attempts=F("attempts") - 1, lease_id=None, lease_expires_at=None))

    def renew(self, lease_ids: Sequence[int], *, worker: str, lease_seconds: float) -> set[int]:
        now = timezone.now()
        held = OutboxJob.objects.filter(lease_id__in=lease_ids, status=CLAIMED, lease_expires_at__gt=now)
        ids = set(held.values_list("lease_id", flat=True))
        held.update(lease_expires_at=now + timedelta(seconds=lease_seconds))
        return {lease for lease in ids if lease is not None}

    @transaction.atomic
    def tend(self, *, limit: int = 100) -> int:
        """Take back the jobs of leases that ran out; after 5 claims without a clean finish a job is DEAD."""
        now = timezone.now()
        lost = list(OutboxJob.objects.filter(status=CLAIMED, lease_expires_at__lt=now).order_by("id")[:limit])
        for job in lost:
            is_dead = job.attempts >= MAX_CRASHES
            delay = 0 if job.attempts <= 1 else min(2**job.attempts, 60)
            guarded = OutboxJob.objects.filter(id=job.id, status=CLAIMED, lease_id=job.lease_id)
            moved = guarded.update(
                status=DEAD if is_dead else PENDING,
                available_at=now + timedelta(seconds=delay),
                lease_id=None,
                lease_expires_at=None,
            )
            if moved and is_dead:
                _bury(job, now)
        return len(lost)

    def standing(self) -> Standing:
        now = timezone.now()
        due = OutboxJob.objects.filter(status=PENDING, available_at__lte=now)
        found = due.aggregate(due=models.Count("id"), oldest=Min("available_at"))
        return Standing(found["due"], (now - found["oldest"]).total_seconds() if found["due"] else 0.0)

    def next_due_seconds(self) -> float | None:
        due = OutboxJob.objects.filter(status=PENDING).aggregate(due=Min("available_at"))["due"]
        return None if due is None else float((due - timezone.now()).total_seconds())

    def _config_token(self) -> tuple[int, datetime | None, int | None]:
        latest = Workflow.objects.aggregate(at=Max("updated_at"))["at"]
        return Workflow.objects.count(), latest, PolicyDocument.objects.aggregate(at=Max("revision"))["at"]


@transaction.atomic
def arm_run(run_id: UUID, *, available_at: datetime, lease_id: int | None = None) -> None:
    """Make the run's one job pending from `available_at`, unless another lease holds it."""
    values = {
        "status": PENDING,
        "available_at": available_at,
        "attempts": 0,
        "lease_id": None,
        "lease_expires_at": None,
    }
    made_with = {**values, "trace_id": _lock_run(run_id)}
    job, made = OutboxJob.objects.get_or_create(kind="run", run_id=run_id, defaults=made_with)
    if not made:
        free = models.Q(lease_id=lease_id) if lease_id else models.Q(pk__in=[])
        OutboxJob.objects.filter(free | ~models.Q(status=CLAIMED), pk=job.pk).update(**values)


def _lock_run(run_id: UUID) -> UUID | None:
    """The run's trace id. Its row is locked: MariaDB and MySQL ignore the constraint that a run has one job."""
    return ExecutionRun.objects.select_for_update().filter(pk=run_id).values_list("trace_id", flat=True).first()


def _job(job: OutboxJob, events: dict[UUID, Event]) -> Job:
    event = events.get(job.event_id) if job.kind == "event" and job.event_id else None
    return Job(job.pk, job.kind, job.attempts, _event(event) if event else None, job.run_id)


def _event(event: Event) -> EventData:
    return EventData(event.id, event.type, event.source, event.payload, event.trace_id, event.received_at)


def _record(writes: Writes) -> None:
    MatchDecision.objects.bulk_create([MatchDecision(**_columns(row)) for row in writes.decisions])
    final = list(FINAL_RUN)
    for run in writes.runs:
        _upsert(ExecutionRun.objects.exclude(status__in=final), ExecutionRun, _run_columns(run))
    for step in writes.steps:
        _upsert(StepRun.objects.filter(status__in=["running", "waiting"]), StepRun, _step_columns(step))
    orm_waits.record_waits(writes, now=timezone.now())
    for state in writes.states:
        RunState.objects.update_or_create(run_id=state.run_id, defaults=state._asdict())
    Event.objects.bulk_create([Event(**{**row._asdict(), "payload": loads(row.payload)}) for row in writes.events])
    OutboxJob.objects.bulk_create(
        [
            OutboxJob(kind="event", event_id=row.id, available_at=timezone.now(), trace_id=row.trace_id)
            for row in writes.events
        ]
    )
    for denial in writes.denials:
        _tell(denial)


def _tell(denial: DenialRow) -> None:
    """An audit entry, unless this episode has one."""
    same = AuditLogEntry.objects.filter(resource=denial.resource, action="policy.deny", pk__gte=denial.after)
    details = loads(denial.details)
    if any(known["episode"] == denial.episode for known in same.values_list("details", flat=True)):
        return
    AuditLogEntry.objects.create(
        id=denial.id,
        actor="system",
        action="policy.deny",
        resource=denial.resource,
        details=details,
        trace_id=denial.trace_id,
        created_at=denial.created_at,
    )


_FIRST_ONLY = {"origin", "hops", "attempt", "deadline_at"}  # of a run: written with its first row


def _run_columns(run: RunRow) -> dict[str, Any]:
    """Empty outputs leave those of the row."""
    columns = _columns(run)
    return {**columns, "outputs": columns["outputs"] or KEEP}


def _step_columns(step: StepRow) -> dict[str, Any]:
    """What a worker does not know any more after a crash stays."""
    columns = _columns(step)
    return {**columns, **{name: KEEP for name in ("input", "sealed") if columns[name] is None}}


def _upsert(changeable: models.QuerySet[Any], model: type[models.Model], columns: dict[str, Any]) -> None:
    """Insert the row, or change it while it may be changed: a final row stays. A KEEP stays as it is, or is empty."""
    known = {name: value for name, value in columns.items() if value is not KEEP}
    if changeable.filter(pk=columns["id"]).update(**{n: v for n, v in known.items() if n not in _FIRST_ONLY}):
        return
    if not model._default_manager.filter(pk=columns["id"]).exists():
        model._default_manager.create(**known)


KEEP = object()


def _columns(row: Any) -> dict[str, Any]:
    return {name: loads(v) if name in _JSON and v is not None else v for name, v in row._asdict().items()}


def _bury(job: OutboxJob, now: datetime) -> None:
    """Say where a dead job's run or event can be seen: it failed, or is held, and why."""
    if job.run_id is not None:
        unfinished = ExecutionRun.objects.filter(pk=job.run_id).exclude(status__in=list(FINAL_RUN))
        if unfinished.update(status="failed", ended_at=now, wake_at=None, error=CRASHED):
            OutboxJob.objects.create(
                kind="tick", subject_id=job.run_id, available_at=now, trace_id=_lock_run(job.run_id)
            )  # tells whoever waits for it (`automate.execution.endings`)
    elif job.event_id is not None:
        event = Event.objects.get(pk=job.event_id)
        MatchDecision.objects.create(
            event_id=event.id, decision="held", reason="worker_crashed", decided_at=now, trace_id=event.trace_id
        )
