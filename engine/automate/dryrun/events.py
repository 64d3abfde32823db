"""An event such as a definition's trigger listens for, made of a payload. It is not stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from automate import ids
from automate.outbox.store import EventData
from automate.triggers.examples import example_of


def example_event(
    definition: dict[str, Any], payload: Any, *, now: datetime, type_: str | None = None, source: str | None = None
) -> EventData:
    """`type_` and `source` in place of those that the trigger stands for."""
    made = example_of(definition["trigger"], definition["slug"])
    return EventData(ids.new_id(), type_ or made[0], source or made[1], payload, ids.new_id(), now)
