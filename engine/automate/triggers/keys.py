"""Which versions listen for an event: one key for each thing that can start a version, and the keys of an event.

What sent an event is its source, which no sender can choose: `webhook:<endpoint>`, `schedule:<workflow>`,
`absence:<workflow>`, `workflow:<the one that ended>`, `signal:<model or signal>`. Any event also has its type.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from automate.outbox.store import EventData

Key = tuple[str, str]
ENDINGS = ("succeeded", "failed", "cancelled")
CHANGES = ("created", "updated", "deleted")


def version_keys(spec: dict[str, Any], slug: str) -> Iterator[Key]:
    """Where the version of workflow `slug` with this trigger stands in the index.

    >>> list(version_keys({"type": "workflow", "workflow": "billing", "on": ["failed"]}, "tell"))
    [('workflow', 'billing:failed')]
    """
    kind = str(spec["type"])
    if kind == "webhook":
        yield kind, str(spec["endpoint"])
    elif kind == "event":
        yield kind, str(spec["event_type"])
    elif kind in ("schedule", "absence"):
        yield kind, slug
    elif kind == "workflow":
        for ending in spec.get("on", ENDINGS):
            yield kind, f"{spec['workflow']}:{ending}"
    elif kind == "signal" and "signal" in spec:
        yield kind, str(spec["signal"])
    elif kind == "signal":
        for change in spec.get("on", CHANGES):
            yield kind, f"{str(spec['model']).lower()}:{change}"
    # manual: no event starts it


def event_keys(event: EventData) -> Iterator[Key]:
    """Every key that listens for the event."""
    yield "event", event.type
    kind, _, name = event.source.partition(":")
    if kind in ("webhook", "schedule", "absence"):
        yield kind, name
    elif kind == "workflow":
        yield kind, f"{name}:{event.type.rpartition('.')[2]}"
    elif kind == "signal":
        change = event.payload.get("change") if isinstance(event.payload, dict) else None
        yield kind, f"{name}:{change}" if change else name


def is_meant(spec: dict[str, Any], event: EventData) -> bool:
    """Whether the event is one this version asked for, where its key alone does not tell: a model's `fields`."""
    fields = spec.get("fields")
    if spec["type"] != "signal" or not fields or event.payload.get("change") != "updated":
        return True
    return not set(fields).isdisjoint(event.payload.get("changed") or ())
