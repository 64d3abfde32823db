"""An event such as a definition's trigger listens for, made of a payload. It is not stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from automate import ids
from automate.outbox.store import EventData


def example_event(
    definition: dict[str, Any], payload: Any, *, now: datetime, type_: str | None = None, source: str | None = None
) -> EventData:
    """`type_` and `source` in place of those that the trigger stands for."""
    trigger = definition["trigger"]
    made = _KINDS.get(trigger["type"], _by_hand)(trigger, definition["slug"])
    return EventData(ids.new_id(), type_ or made[0], source or made[1], payload, ids.new_id(), now)


def _by_hand(trigger: dict[str, Any], slug: str) -> tuple[str, str]:
    return "workflow.invoked", "run_workflow"


def _ending(trigger: dict[str, Any], slug: str) -> tuple[str, str]:
    return f"workflow.{trigger.get('on', ['succeeded'])[0]}", f"workflow:{trigger['workflow']}"


def _signal(trigger: dict[str, Any], slug: str) -> tuple[str, str]:
    return "signal", f"signal:{trigger.get('signal') or str(trigger['model']).lower()}"


_KINDS: dict[str, Callable[[dict[str, Any], str], tuple[str, str]]] = {
    "webhook": lambda trigger, slug: ("webhook.received", f"webhook:{trigger['endpoint']}"),
    "event": lambda trigger, slug: (trigger["event_type"], "emit_event"),
    "schedule": lambda trigger, slug: ("schedule.tick", f"schedule:{slug}"),
    "absence": lambda trigger, slug: ("absence.detected", f"absence:{slug}"),
    "workflow": _ending,
    "signal": _signal,
}
