"""Governance, Audit: who changed what, from where; filters, before and after, export. Nobody can change an entry."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from automate.models import AuditLogEntry
from automate_web import filters
from automate_web.cursor import paginate
from automate_web.pages.people import person
from automate_web.requests import WorkspaceRequest, workspace_page
from automate_web.saved_views import opens_with_default
from automate_web.spreadsheet import csv_lines

FILTERS = ("actor", "action", "resource", "trace_id", "since", "until")
EXPORTED_AT_ONCE = 2_000  # entries read and sent together, of an export of any length
COLUMNS = ("id", "created_at", "actor", "action", "resource", "ip", "trace_id", "details")
TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


@dataclass(frozen=True)
class Change:
    """One field of an entry that says what was before and what is after."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class AuditRow:
    entry: AuditLogEntry
    who: str
    changes: list[Change]


@require_GET
@workspace_page("automate.view_audit")
@opens_with_default("audit")
def audit(request: WorkspaceRequest) -> HttpResponse:
    """GET /governance/audit/"""
    asked = filters.read(request.GET, *FILTERS)
    page = paginate(search(asked, now=timezone.now()), request.GET.get("cursor"))
    names = {actor: person(actor) for actor in {entry.actor for entry in page.results}}
    context = {
        "asked": asked,
        "chips": filters.in_force(request.GET, *FILTERS),
        "page": page,
        "rows": [AuditRow(entry, names[entry.actor], changes_of(entry.details)) for entry in page.results],
        "filter_query": "&".join(part for part in request.GET.urlencode().split("&") if not part.startswith("cursor=")),
    }
    return render(request, "governance/audit.html", context)


@require_GET
@workspace_page("automate.view_audit")
def export(request: WorkspaceRequest, format: str) -> StreamingHttpResponse:
    """GET /governance/audit.<csv|jsonl>: every entry that the filters name, oldest first."""
    entries = search(filters.read(request.GET, *FILTERS), now=timezone.now()).order_by("pk")
    headers = {"Content-Disposition": f'attachment; filename="audit.{format}"'}
    lines = _json_lines if format == "jsonl" else _csv_lines
    return StreamingHttpResponse(lines(_in_batches(entries)), content_type=TYPES[format], headers=headers)


def _in_batches(entries: QuerySet[AuditLogEntry]) -> Iterator[dict[str, Any]]:
    """However many there are: each batch begins after the one before, so none is held and nothing is cut off."""
    batch = list(entries[:EXPORTED_AT_ONCE])
    while batch:
        yield from map(exported, batch)
        batch = list(entries.filter(pk__gt=batch[-1].pk)[:EXPORTED_AT_ONCE]) if len(batch) == EXPORTED_AT_ONCE else []


def _json_lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    return (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _csv_lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    return csv_lines(COLUMNS, map(_cells, rows))


def search(asked: dict[str, str], *, now: datetime) -> QuerySet[AuditLogEntry]:
    """Entries that the filters name, for `paginate`. `action` and `resource` also match by their beginning."""
    entries = AuditLogEntry.objects.all()
    if asked["actor"]:
        entries = entries.filter(actor=asked["actor"])
    for name in ("action", "resource"):
        if asked[name]:
            entries = entries.filter(**{f"{name}__startswith": asked[name]})
    if asked["trace_id"]:
        trace = filters.as_uuid(asked["trace_id"])
        entries = entries.filter(trace_id=trace) if trace else entries.none()
    if asked["since"]:
        entries = entries.filter(pk__gte=filters.id_at(filters.moment(asked["since"], now=now, param="since")))
    if asked["until"]:
        entries = entries.filter(pk__lt=filters.id_at(filters.moment(asked["until"], now=now, param="until")))
    return entries


def changes_of(details: Any) -> list[Change]:
    """What differs between `details.before` and `details.after`; empty where an entry has no such pair.

    >>> changes_of({"before": {"a": 1, "b": 2}, "after": {"a": 1, "b": 3, "c": 4}})
    [Change(name='b', before=2, after=3), Change(name='c', before=None, after=4)]
    """
    before, after = (details.get(name) if isinstance(details, dict) else None for name in ("before", "after"))
    if not isinstance(before, dict) or not isinstance(after, dict):
        return []
    names = list(dict.fromkeys([*before, *after]))
    return [Change(n, before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n)]


def exported(entry: AuditLogEntry) -> dict[str, Any]:
    """An entry as data, as the API has it too."""
    return {
        "id": str(entry.pk),
        "created_at": entry.created_at.isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "resource": entry.resource,
        "ip": entry.ip,
        "trace_id": entry.trace_id.hex if entry.trace_id else None,
        "details": entry.details,
    }


def _cells(row: dict[str, Any]) -> Iterator[str]:
    for name in COLUMNS:
        value = row[name]
        yield json.dumps(value, ensure_ascii=False) if name == "details" else str(value or "")
