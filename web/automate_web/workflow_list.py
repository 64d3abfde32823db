"""Workflows as a list: what the filters name, and beside each what it did of late. Page, CSV and API read it here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery

from automate.models import ExecutionRun, Halt, Workflow
from automate_governance.errors import Invalid
from automate_web.pages.people import people
from automate_web.recent_runs import Recent, recent_runs

FILTERS = ("q", "status", "type", "tag")
STATES = {"draft": "Draft", "live": "Live", "disabled": "Disabled"}
TRIGGERS = ("webhook", "event", "schedule", "signal", "manual", "workflow", "absence")
_IN_STATE = {
    "draft": Q(active_version=None),
    "live": Q(active_version__isnull=False, is_enabled=True),
    "disabled": Q(active_version__isnull=False, is_enabled=False),
}


@dataclass(frozen=True)
class Row:
    """A workflow of the list. `editor`: who changed it last, as people know them; empty where nobody wrote it down."""

    workflow: Workflow
    recent: Recent
    editor: str
    is_halted: bool


def search(asked: Mapping[str, str]) -> QuerySet[Workflow]:
    """Those in use that the filters name, each with its live version's number and trigger. Raises Invalid."""
    rows = Workflow.objects.kept().select_related("active_version")
    return narrowed(rows.defer("draft", *(f"active_version__{part}" for part in ("steps", "rule", "options"))), asked)


def narrowed(rows: QuerySet[Workflow], asked: Mapping[str, str | None]) -> QuerySet[Workflow]:
    """`rows` that the filters name: those of the page, the API and the command line. Raises Invalid."""
    if status := asked.get("status"):
        rows = rows.filter(_IN_STATE[_one_of("status", status, STATES)])
    if kind := asked.get("type"):
        rows = rows.filter(active_version__trigger_spec__type=_one_of("type", kind, TRIGGERS))
    if tag := asked.get("tag"):
        rows = rows.filter(tags__contains=[tag.lower()])
    if text := asked.get("q"):
        rows = rows.filter(Q(name__icontains=text) | Q(slug__icontains=text) | Q(tags__contains=[text.lower()]))
    return rows


def beside(workflows: Sequence[Workflow], *, now: datetime) -> list[Row]:
    """What a list shows beside each workflow: five statements, however many there are."""
    recent = recent_of(workflows, now=now)
    halted = set(Halt.objects.filter(pk__in=list(recent)).values_list("pk", flat=True))
    editors = people({workflow.updated_by for workflow in workflows})
    return [Row(one, recent[one.pk], editors[one.updated_by], one.pk in halted) for one in workflows]


def recent_of(workflows: Sequence[Workflow], *, now: datetime) -> dict[UUID, Recent]:
    """Of each its runs of 24 hours and its newest run; three statements."""
    keys = [workflow.pk for workflow in workflows]
    recent = recent_runs(keys, now=now)
    newest = ExecutionRun.objects.filter(workflow_id=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    latest_of = dict(Workflow.objects.filter(pk__in=keys).values_list("pk", Subquery(newest)))
    runs = ExecutionRun.objects.only("status", "created_at").in_bulk([run for run in latest_of.values() if run])
    for workflow_id, run_id in latest_of.items():
        recent[workflow_id].latest = runs.get(run_id)
    return recent


def tags_in_use() -> list[str]:
    """Every tag of a workflow in use, in alphabetical order."""
    lists = Workflow.objects.kept().exclude(tags=[]).values_list("tags", flat=True).distinct()
    return sorted({tag for tags in lists for tag in tags})


def _one_of(name: str, value: str, known: Any) -> str:
    if value not in known:
        message = f"There is no workflow {name} “{value}”."
        raise Invalid(message, details={"param": name, "one_of": list(known)})
    return value
