"""The type and source that an event of a trigger has, as far as the trigger alone says it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def example_of(trigger: dict[str, Any], slug: str) -> tuple[str, str]:
    """(type, source) of the events that the workflow `slug` listens for; a webhook endpoint may name another type.

    >>> example_of({"type": "event", "event_type": "order.created"}, "orders")
    ('order.created', 'emit_event')
    """
    return _KINDS.get(trigger["type"], _by_hand)(trigger, slug)


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
