"""Failures as people see them: groups with what their runs have in common, and a filter read from names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from automate.models import Event, ExecutionRun, FailureMark, OutboxJob, Workflow
from automate.services.deadletters import Filter, Group, groups
from automate.services.failure_marks import marks_of
from automate_web.pages.people import people

MOST_GROUPS = 200
MOST_AT_ONCE = 1_000  # runs redriven by one request
STATUSES = ("failed", "held", "dismissed", "muted")


@dataclass(frozen=True)
class Shown:
    """A group with its workflow (None: deleted), its latest run, which says how all of them failed, and its mark."""

    group: Group
    workflow: Workflow | None
    latest: ExecutionRun
    mark: FailureMark | None = None  # None: nobody has decided anything about it
    owner: str = ""  # as people know them; "" is nobody

    @property
    def muted_until(self) -> datetime | None:
        """None as well when the time has passed."""
        until = self.mark.muted_until if self.mark is not None else None
        return until if until is not None and until > timezone.now() else None

    @property
    def step(self) -> str:
        return str((self.latest.error or {}).get("step", ""))

    @property
    def code(self) -> str:
        return str((self.latest.error or {}).get("code", ""))

    @property
    def message(self) -> str:
        return str((self.latest.error or {}).get("message", ""))


@dataclass(frozen=True)
class DeadEvent:
    """An event whose workers stopped again and again while they matched it."""

    job: OutboxJob
    event: Event


def filter_of(*, status: str = "", workflow_id: UUID | None = None, hides_muted: bool = False, **more: Any) -> Filter:
    """`status` is one of `STATUSES`, or empty: failed and held. Those that are muted are there, unless hidden."""
    if status == "muted":
        return Filter(workflow_id=workflow_id, muted_at=timezone.now(), **more)
    if hides_muted and status != "dismissed":
        more["heard_at"] = timezone.now()
    if status == "dismissed":
        return Filter(workflow_id=workflow_id, is_dismissed=True, **more)
    return Filter(workflow_id=workflow_id, status=status, **more)


def shown_groups(wanted: Filter) -> list[Shown]:
    """The largest first, at most `MOST_GROUPS`. Five queries."""
    found = groups(wanted)[:MOST_GROUPS]
    if not found:
        return []
    latest = ExecutionRun.objects.defer("outputs").in_bulk([group.latest_id for group in found])
    of_group = {(run.workflow_id, run.error_fingerprint): run for run in latest.values()}
    workflows = Workflow.objects.defer("draft").in_bulk({group.workflow_id for group in found})
    marks = marks_of(set(of_group))
    owners = people(mark.owner for mark in marks.values())
    return [
        Shown(group, workflows.get(group.workflow_id), of_group[kind], mark, owners[mark.owner] if mark else "")
        for group in found
        if (kind := (group.workflow_id, group.fingerprint)) in of_group
        for mark in [marks.get(kind)]
    ]


def dead_events(jobs: Iterable[OutboxJob]) -> list[DeadEvent]:
    """Each with its event; one query. Jobs whose event has passed its retention time are left out."""
    found = list(jobs)
    events = Event.objects.defer("payload", "headers").in_bulk([job.event_id for job in found if job.event_id])
    return [DeadEvent(job, events[job.event_id]) for job in found if job.event_id in events]
