"""Runs that ended, as events: `workflow.succeeded`, `workflow.failed`, `workflow.cancelled`.

Made only when a live version listens for this workflow and this ending, in the transaction that records the ending. The
event carries the run's trace id and how many runs led to it (`hops`), so that a loop can be seen and stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from automate import ids
from automate.jsontext import dumps
from automate.outbox.store import EventData, EventRow
from automate.triggers.keys import ENDINGS

MAX_OUTPUT_BYTES = 262_144  # of the outputs that travel with the event; larger ones are read from the run


@dataclass(frozen=True)
class Ended:
    """A run that ended. `outputs` and `error` are redacted, as they are shown."""

    run_id: UUID
    status: str
    error: dict[str, Any] | None
    outputs: dict[str, Any]
    trace_id: UUID
    hops: int = 0


def hears(trigger: dict[str, Any], slug: str, ending: str) -> bool:
    """Whether a version with this trigger listens for this ending of workflow `slug`."""
    is_meant = trigger.get("type") == "workflow" and trigger.get("workflow") == slug
    return is_meant and ending in trigger.get("on", ENDINGS)


def event_of(ended: Ended, slug: str, *, now: datetime) -> EventRow:
    """The event that tells of it."""
    payload = dumps(payload_of(ended, slug))
    return EventRow(ids.new_id(), f"workflow.{ended.status}", payload, f"workflow:{slug}", ended.trace_id, now)


def payload_of(ended: Ended, slug: str) -> dict[str, Any]:
    """What that event says."""
    outputs: dict[str, Any] | None = ended.outputs
    if len(dumps(outputs)) > MAX_OUTPUT_BYTES:
        outputs = None
    return {
        "workflow": slug,
        "run_id": str(ended.run_id),
        "status": ended.status,
        "error": ended.error,
        "outputs": outputs,
        "hops": ended.hops + 1,
    }


def hops_of(event: EventData) -> int:
    """How many runs led to this event, one after the other; 0 for one from outside."""
    if event.source.startswith("workflow:") and isinstance(event.payload, dict):
        hops = event.payload.get("hops")
        return hops if isinstance(hops, int) else 0
    return event.hops
