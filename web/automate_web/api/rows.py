"""Rows as lists read them: without the columns that may be large."""

from __future__ import annotations

from django.db.models import QuerySet

from automate.models import Event, ExecutionRun


def event_rows() -> QuerySet[Event]:
    return Event.objects.only("id", "type", "source", "trace_id", "received_at", "replay_of")


def run_rows() -> QuerySet[ExecutionRun]:
    return ExecutionRun.objects.select_related("version__workflow").defer(
        "outputs",
        "version__steps",
        "version__rule",
        "version__trigger_spec",
        "version__workflow__draft",
    )
