"""Which runs a bulk operation is about, from the filters of the list of runs: the page and the API read them alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from automate.models import ExecutionRun, Workflow
from automate.services.bulks import Wanted
from automate_governance.errors import Invalid
from automate_web.filters import as_uuid, moment

FILTERS = ("status", "workflow", "type", "event_id", "trace_id", "since", "until", "q")


def wanted_by(asked: Mapping[str, str], *, now: datetime) -> Wanted:
    """The runs that these filters name. Raises Invalid for a value that cannot be meant."""
    statuses = tuple(filter(None, asked.get("status", "").split(",")))
    if unknown := set(statuses) - set(ExecutionRun.Status.values):
        known = [str(status) for status in ExecutionRun.Status.values]
        message = f"There is no run status “{min(unknown)[:100]}”."
        raise Invalid(message, details={"param": "status", "one_of": known})
    return Wanted(
        status=statuses,
        workflow_ids=_workflows(asked.get("workflow", ""), asked.get("q", "")),
        event_id=_id(asked, "event_id"),
        trace_id=_id(asked, "trace_id"),
        type=asked.get("type", ""),
        since=_time(asked, "since", now),
        until=_time(asked, "until", now),
    )


def _workflows(workflow: str, text: str) -> tuple[str, ...] | None:
    """Ids of the workflows that are named; None where all are."""
    if not (workflow or text):
        return None
    rows = Workflow.objects.all()
    if workflow:
        key = as_uuid(workflow)
        rows = rows.filter(pk=key) if key else rows.filter(slug=workflow)
    if text:
        rows = rows.filter(slug__contains=text)
    return tuple(str(pk) for pk in rows.values_list("pk", flat=True)[:1000])


def _id(asked: Mapping[str, str], name: str) -> str:
    text = asked.get(name, "")
    found = as_uuid(text)
    if text and found is None:
        raise Invalid(f"{name} must be an id.", details={"param": name})
    return str(found) if found else ""


def _time(asked: Mapping[str, str], name: str, now: datetime) -> str:
    text = asked.get(name, "")
    return moment(text, now=now, param=name).isoformat() if text else ""
