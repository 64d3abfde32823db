"""Failures told in digest: one message for each kind of failure and day, with how many there were.

A kind is a workflow and an error's fingerprint, as on the page Failures. Its first failure is told at once; for a day
after that further ones only raise the number on the same notification. What fails after that day is told anew. A kind
that is muted is not told, and its failures meanwhile are not made up for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, Max, Q

from automate.models import ExecutionRun, Workflow
from automate.services.deadletters import dead_event_jobs
from automate.services.failure_marks import marks_of
from automate_tenants.notifications.kinds import FAILURE
from automate_tenants.notifications.making import notify
from automate_tenants.notifications.models import Notification

WINDOW = timedelta(days=1)
MOST_KINDS = 200  # of one look
DEAD_EVENTS = "failure:events"


@dataclass(frozen=True)
class Failing:
    """A kind of failure that was seen since the look before."""

    workflow_id: UUID
    fingerprint: str
    latest_at: datetime

    @property
    def subject(self) -> str:
        return f"failure:{self.workflow_id}:{self.fingerprint}"


def tell(*, since: datetime, now: datetime) -> None:
    """What failed in the current tenant after `since`; looking twice at the same failures tells nothing twice."""
    found = _failing(since)
    marks = marks_of({(one.workflow_id, one.fingerprint) for one in found})
    muted = {kind: mark.muted_until for kind, mark in marks.items() if mark.muted_until is not None}
    told = _latest_of(one.subject for one in found)
    for one in found:
        heard_from = max(since, muted.get((one.workflow_id, one.fingerprint), since))
        if one.latest_at > heard_from and heard_from <= now:
            _tell(one, told.get(one.subject), heard_from, now)
    _tell_dead_events(now)


def _failing(since: datetime) -> list[Failing]:
    failed = ExecutionRun.objects.filter(status="failed", ended_at__gt=since, dismissed_at=None)
    kinds = failed.order_by().values_list("workflow_id", "error_fingerprint")
    return [Failing(*kind) for kind in kinds.annotate(latest=Max("ended_at")).order_by("-latest")[:MOST_KINDS]]


def _latest_of(subjects: Iterable[str]) -> dict[str, Notification]:
    found = Notification.objects.filter(subject__in=list(subjects)).order_by("subject", "-id").distinct("subject")
    return {each.subject: each for each in found}


def _tell(one: Failing, told: Notification | None, since: datetime, now: datetime) -> None:
    if told is not None and one.latest_at <= told.created_at + WINDOW:
        if one.latest_at > told.latest_at:
            count, _ = _counted(one, _begun(told))
            Notification.objects.filter(pk=told.pk).update(count=count, latest_at=one.latest_at)
        return
    begun = since if told is None else max(since, told.created_at + WINDOW)
    count, run = _counted(one, begun)
    if run is None:
        return  # retention was faster
    name = Workflow.objects.filter(pk=one.workflow_id).values_list("name", "slug").first() or ("A deleted workflow", "")
    error = run.error or {}
    step = f" at the step “{error['step']}”" if error.get("step") else ""
    notify(
        kind=FAILURE,
        key=f"{one.subject}:{told.pk if told else 0}",
        subject=one.subject,
        title=f"{name[0]} {_verb(told, one)}{step}",
        text=str(error.get("message", ""))[:1000],
        path="/failures/runs/?" + urlencode({"workflow": name[1] or one.workflow_id, "fingerprint": one.fingerprint}),
        count=count,
        latest_at=one.latest_at,
        details={
            "workflow_id": str(one.workflow_id),
            "workflow": name[1],
            "fingerprint": one.fingerprint,
            "code": str(error.get("code", "")),
            "step": str(error.get("step", "")),
            "run_id": str(run.pk),
            "since": begun.isoformat(),
        },
        now=now,
    )


def _verb(told: Notification | None, one: Failing) -> str:
    if told is None:
        return "fails"
    return "fails again" if one.latest_at - told.latest_at > WINDOW else "still fails"


def _begun(told: Notification) -> datetime:
    """From when on the failures of this notification are counted."""
    return datetime.fromisoformat(told.details["since"])


def _counted(one: Failing, begun: datetime) -> tuple[int, ExecutionRun | None]:
    """How many failed after `begun`, and the latest of them."""
    rows = ExecutionRun.objects.filter(
        status="failed", ended_at__gt=begun, workflow_id=one.workflow_id, error_fingerprint=one.fingerprint
    )
    latest = rows.defer("outputs").order_by("-ended_at").first()
    return rows.aggregate(count=Count("id"))["count"], latest


def _tell_dead_events(now: datetime) -> None:
    """Events whose workers stopped again and again, so that no run shows it."""
    jobs = dead_event_jobs()
    newest = jobs.values_list("pk", flat=True).first()
    if (
        newest is None
        or Notification.objects.filter(
            Q(key=f"{DEAD_EVENTS}:{newest}") | Q(subject=DEAD_EVENTS, created_at__gt=now - WINDOW)
        ).exists()
    ):
        return
    count = jobs.count()
    notify(
        kind=FAILURE,
        key=f"{DEAD_EVENTS}:{newest}",
        subject=DEAD_EVENTS,
        title="An event could not be matched" if count == 1 else f"{count} events could not be matched",
        text="Five workers stopped while they matched it. It waits until somebody redrives it.",
        path="/failures/",
        count=count,
        now=now,
    )
