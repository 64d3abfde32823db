"""Each list as CSV: every row that its filters name, oldest first, with what its row on the page shows, and ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_GET

from automate.models import Event, ExecutionRun, Workflow
from automate_tenants import team
from automate_tenants.models import ApiKey
from automate_web import filters
from automate_web.columns import of_csv
from automate_web.pages import events, failures, runs
from automate_web.pages.keys import state_of
from automate_web.pages.people import people
from automate_web.requests import WorkspaceRequest, workspace_page
from automate_web.spreadsheet import csv_answer, in_batches

RUNS = (
    "id", "status", "workflow", "version", "event_id", "event_type", "trace_id", "origin", "attempt", "steps_done",
    "steps_total", "created_at", "started_at", "ended_at", "duration_seconds",
)  # fmt: skip
EVENTS = ("id", "type", "source", "verdict", "trace_id", "received_at", "repeats", "workflows", "runs")
FAILURES = (
    "workflow", "step", "code", "message", "count", "first_at", "latest_at", "owner", "muted_until", "fingerprint",
)  # fmt: skip
KEYS = (
    "name",
    "key",
    "kind",
    "state",
    "scopes",
    "created_by",
    "created_at",
    "latest_used_at",
    "expires_at",
    "revoked_at",
)
MEMBERS = ("email", "role", "created_at", "latest_seen_at")


@require_GET
@workspace_page("automate.view_run")
def runs_csv(request: WorkspaceRequest) -> HttpResponseBase:
    """GET /runs.csv?<filters of /runs/>"""
    workflows = {workflow.pk: workflow for workflow in Workflow.objects.defer("draft")}
    found = runs.search(filters.read(request.GET, *runs.FILTERS), workflows, now=timezone.now())
    return csv_answer(
        "runs", *of_csv("runs", request.GET, RUNS, _runs(found.only(*runs.LISTED, "origin", "attempt"), workflows))
    )


def _runs(found: QuerySet[ExecutionRun], workflows: dict[Any, Workflow]) -> Iterator[tuple[Any, ...]]:
    for batch in in_batches(found):
        for run, workflow, event_type in runs.rows_of(batch, workflows):
            took = (run.ended_at - run.created_at).total_seconds() if run.ended_at else None
            yield (
                run.pk, run.status, workflow.slug if workflow else None, run.version.version_num, run.event_id,
                event_type, run.trace_id.hex, run.origin, run.attempt, run.steps_done, run.steps_total, run.created_at,
                run.started_at, run.ended_at, took,
            )  # fmt: skip


@require_GET
@workspace_page("automate.view_event")
def events_csv(request: WorkspaceRequest) -> HttpResponseBase:
    """GET /events.csv?<filters of /events/>; refused requests are no events and have no export."""
    asked = filters.read(request.GET, *events.FILTERS)
    found = Event.objects.none() if asked["status"] == "rejected" else events.search(asked, now=timezone.now())
    return csv_answer("events", *of_csv("events", request.GET, EVENTS, _events(found)))


def _events(found: QuerySet[Event]) -> Iterator[tuple[Any, ...]]:
    for batch in in_batches(found):
        for row in events.rows_of(batch):
            one = row.event
            slugs = sorted({slug for _, slug in row.runs})
            yield (
                one.pk, one.type, one.source, row.verdict, one.trace_id.hex, one.received_at, row.repeats,
                " ".join(slugs), len(row.runs),
            )  # fmt: skip


@require_GET
@workspace_page("automate.view_run")
def failures_csv(request: WorkspaceRequest) -> HttpResponseBase:
    """GET /failures.csv?<filters of /failures/>: the groups."""
    rows = (
        (
            one.workflow.slug if one.workflow else None, one.step, one.code, one.message, one.group.count,
            one.group.first_at, one.group.latest_at, one.owner, one.muted_until, one.group.fingerprint,
        )
        for one in failures.groups_of(request.GET)
    )  # fmt: skip
    return csv_answer("failures", *of_csv("failures", request.GET, FAILURES, rows))


@require_GET
@workspace_page("automate.view_keys")
def keys_csv(request: WorkspaceRequest) -> HttpResponseBase:
    """GET /developers/keys.csv; of each key what the page shows of it, never the key."""
    found = ApiKey.objects.filter(tenant_id=request.tenant.id)
    return csv_answer("api-keys", KEYS, _keys(found))


def _keys(found: QuerySet[ApiKey]) -> Iterator[tuple[Any, ...]]:
    now = timezone.now()
    for batch in in_batches(found):
        names = people({key.created_by for key in batch})
        for key in batch:
            yield (
                key.name, f"{key.prefix}…{key.last4}", "test" if key.is_test else "live", state_of(key, now),
                " ".join(key.scopes),
                names[key.created_by], key.created_at, key.latest_used_at, key.expires_at, key.revoked_at,
            )  # fmt: skip


@require_GET
@workspace_page("automate.view_members")
def team_csv(request: WorkspaceRequest) -> HttpResponseBase:
    """GET /team.csv: the members."""
    rows: Iterable[tuple[Any, ...]] = (
        (one.user.email, one.role, one.created_at, one.latest_seen_at) for one in team.members(request.tenant.id)
    )
    return csv_answer("team", MEMBERS, rows)
