"""The engine's stable surface for a project's own code: emit an event, run a workflow."""

from __future__ import annotations

from typing import Any


def emit_event(type: str, payload: dict[str, Any], dedupe_key: str | None = None) -> str:
    """Put an event into the outbox, inside the caller's transaction: rolled back with it, processed after it commits.

    Returns the event's id (a UUID, as text); for a `dedupe_key` seen in the last 7 days, the first event's id.
    Source: seeds, "Python API Reference".
    """
    from automate.ingest.ingestor import EventIngestor

    accepted = EventIngestor().ingest(type=type, payload=payload, source="emit_event", dedupe_key=dedupe_key)
    return str(accepted.event_id)


def run_workflow(workflow_slug: str, payload: dict[str, Any]) -> str:
    """Start the live version of one workflow, past its rule but never past policy. Returns the run's id.

    Leaves an Event of type `workflow.invoked` whose decision has the reason "direct". Joins the caller's transaction.
    Raises NotFound when there is no such workflow and Conflict when none of its versions is live.
    """
    from automate.execution.direct import start_direct

    return str(start_direct(workflow_slug, payload))
