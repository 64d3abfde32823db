"""What starts a workflow, in words."""

from __future__ import annotations

from typing import Any

from automate.triggers.cron import Cron
from automate.triggers.keys import CHANGES, ENDINGS


def in_words(spec: dict[str, Any]) -> str:
    """A published trigger as people say it.

    >>> in_words({"type": "schedule", "cron": "0 9 * * MON", "timezone": "Europe/Berlin"})
    'At 09:00 on Monday, Europe/Berlin'
    >>> in_words({"type": "absence", "event_type": "heartbeat", "after_seconds": 5400})
    'No heartbeat for 1 h 30 min'
    >>> in_words({"type": "workflow", "workflow": "billing", "on": ["failed", "cancelled"]})
    'billing failed or cancelled'
    """
    kind = spec["type"]
    if kind == "schedule":
        zone = spec.get("timezone", "UTC")
        return f"{Cron(spec['cron'], zone).in_words()}, {zone}"
    if kind == "absence":
        which = " that match" if spec.get("rule") else ""
        return f"No {spec['event_type']}{which} for {_span(int(spec['after_seconds']))}"
    if kind == "workflow":
        endings = spec.get("on", ENDINGS)
        return f"{spec['workflow']} {'ended' if set(endings) == set(ENDINGS) else ' or '.join(endings)}"
    if kind == "signal":
        if "signal" in spec:
            return f"signal {spec['signal']}"
        changes = spec.get("on", CHANGES)
        return f"{spec['model']} {'changed' if set(changes) == set(CHANGES) else ' or '.join(changes)}"
    if kind == "webhook":
        return f"webhook {spec['endpoint']}"
    return f"event {spec['event_type']}" if kind == "event" else "by hand"


def _span(seconds: int) -> str:
    parts = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])
