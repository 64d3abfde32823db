"""Failures as people see them: groups with what their runs have in common, and a filter read from names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q

from automate.models import Event, ExecutionRun, OutboxJob, Workflow
from automate.services.deadletters import Filter, Group, dead_runs, groups

MOST_GROUPS = 200
MOST_AT_ONCE = 1_000  # runs redriven by one request
STATUSES = ("failed", "held", "dismissed")


@dataclass(frozen=True)
class Shown:
    """A group with its workflow (None: deleted) and its latest run, which says how all of them failed."""

    group: Group
    workflow: Workflow | None
    latest: ExecutionRun

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


def filter_of(*, status: str = "", workflow_id: UUID | None = None, **more: Any) -> Filter:
    """`status` is one of `STATUSES`, or empty: failed and held."""
    if status == "dismissed":
        return Filter(workflow_id=workflow_id, is_dismissed=True, **more)
    return Filter(workflow_id=workflow_id, status=status, **more)


def shown_groups(wanted: Filter) -> list[Shown]:
    """The largest first, at most `MOST_GROUPS`. Three queries."""
    found = groups(wanted)[:MOST_GROUPS]
    if not found:
        return []
    same = Q()
    for group in found:
        same |= Q(workflow_id=group.workflow_id, error_fingerprint=group.fingerprint)
    latest = dead_runs(wanted).filter(same, status="failed").order_by("workflow_id", "error_fingerprint", "-id")
    latest = latest.defer("outputs").distinct("workflow_id", "error_fingerprint")
    of_group = {(run.workflow_id, run.error_fingerprint): run for run in latest}
    workflows = Workflow.objects.defer("draft").in_bulk({group.workflow_id for group in found})
    return [
        Shown(group, workflows.get(group.workflow_id), of_group[group.workflow_id, group.fingerprint])
        for group in found
        if (group.workflow_id, group.fingerprint) in of_group
    ]


def dead_events(jobs: Iterable[OutboxJob]) -> list[DeadEvent]:
    """Each with its event; one query. Jobs whose event has passed its retention time are left out."""
    found = list(jobs)
    events = Event.objects.defer("payload", "headers").in_bulk([job.event_id for job in found if job.event_id])
    return [DeadEvent(job, events[job.event_id]) for job in found if job.event_id in events]
