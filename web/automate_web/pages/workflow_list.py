"""The list of workflows: filters in the address, what each did in 24 hours beside it, and the same as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from automate.models import Workflow
from automate.triggers.words import in_words
from automate_web import filters
from automate_web.columns import of_csv
from automate_web.cursor import MAX_LIMIT, paginate
from automate_web.filters import as_uuid
from automate_web.requests import WorkspaceRequest, wants_fragment, workspace_page
from automate_web.saved_views import opens_with_default
from automate_web.spreadsheet import csv_answer
from automate_web.workflow_list import FILTERS, STATES, TRIGGERS, Row, beside, search, tags_in_use

COLUMNS = (
    "id", "slug", "name", "state", "version", "trigger", "tags", "runs_24h", "succeeded_24h", "failed_24h",
    "success_percent", "latest_run_at", "latest_run_status", "updated_at", "updated_by",
)  # fmt: skip


@require_GET
@workspace_page("automate.view_workflow")
@opens_with_default("workflows")
def listing(request: WorkspaceRequest) -> HttpResponse:
    """GET /workflows/: those in use that the filters name, newest first."""
    asked, now = filters.read(request.GET, *FILTERS), timezone.now()
    page = paginate(search(asked), request.GET.get("cursor"))
    context = {
        "asked": asked,
        "chips": filters.in_force(request.GET, *FILTERS),
        "states": STATES,
        "triggers": TRIGGERS,
        "page": page,
        "rows": beside(page.results, now=now),
    }
    if wants_fragment(request):
        return render(request, "workflows/_rows.html", context)
    context |= {"tags": tags_in_use(), "trash_count": Workflow.objects.in_trash().count(), **_just_removed(request)}
    return render(request, "workflows/list.html", context)


@require_GET
@workspace_page("automate.view_workflow")
def export(request: WorkspaceRequest) -> StreamingHttpResponse:
    """GET /workflows.csv: the list with the same filters, all of its pages."""
    asked = filters.read(request.GET, *FILTERS)
    return csv_answer("workflows", *of_csv("workflows", request.GET, COLUMNS, _cells(asked)))


def _just_removed(request: WorkspaceRequest) -> dict[str, Any]:
    """What the banner with Undo is about."""
    key = as_uuid(request.GET.get("removed", ""))
    workflow = Workflow.objects.in_trash().defer("draft").filter(pk=key).first() if key else None
    return {"just_removed": workflow, "was_enabled": request.GET.get("was_enabled") == "yes"}


def _cells(asked: dict[str, str]) -> Iterator[tuple[Any, ...]]:
    now, cursor = timezone.now(), None
    while True:
        page = paginate(search(asked), cursor, MAX_LIMIT)
        yield from (_line(row) for row in beside(page.results, now=now))
        cursor = page.next_cursor
        if cursor is None:
            return


def _line(row: Row) -> tuple[Any, ...]:
    workflow, recent = row.workflow, row.recent
    version, latest = workflow.active_version, recent.latest
    return (
        workflow.pk, workflow.slug, workflow.name, workflow.state,
        version.version_num if version else None,
        in_words(version.trigger_spec) if version else "",
        ", ".join(workflow.tags), recent.total, recent.succeeded, recent.failed, recent.percent,
        latest.created_at.isoformat() if latest else None, latest.status if latest else None,
        workflow.updated_at.isoformat(), row.editor,
    )  # fmt: skip
