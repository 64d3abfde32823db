"""Absence: an event type that should keep coming, and does not.

Nothing is written when an event comes. At the due time (the latest event seen, plus the time allowed) the events since
are looked at: one of them moves the due time to itself plus the time allowed; none is a silence, told once. After that
it looks again every such time, and the first event begins anew; an event later than the check is due later than the
next one, so no silence is told late.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from automate.execution.match import event_context
from automate.models import Event
from automate.outbox.store import EventData
from automate.rules import CompiledRule, RuleFailed, compile_rule, prepare

EVENT_TYPE = "absence.detected"
MAX_LOOKS = 200  # due times looked at in one tick after a long stop; then it goes on from the latest event
CLOCK_SLACK = timedelta(minutes=5)  # between the clock that made an event's id and the one that received it


@dataclass(frozen=True)
class Silence:
    """No event in (since, due_at]."""

    since: datetime
    due_at: datetime


@dataclass
class Watch:
    """One absence trigger between two looks; `since` and `is_silent` are what is kept."""

    event_type: str
    after: timedelta
    rule: CompiledRule | None
    since: datetime
    is_silent: bool

    @classmethod
    def of(cls, spec: dict[str, Any], *, since: datetime, is_silent: bool) -> Watch:
        """Of a published trigger."""
        rule = compile_rule(spec["rule"]) if spec.get("rule") else None
        return cls(spec["event_type"], timedelta(seconds=spec["after_seconds"]), rule, since, is_silent)

    @property
    def due_at(self) -> datetime:
        return self.since + self.after

    def look(self, now: datetime) -> Iterator[Silence]:
        """Go on to `now`; afterwards `due_at` is later than it. Yields each silence that began meanwhile."""
        for _ in range(MAX_LOOKS):
            if self.due_at > now:
                return
            seen = self._latest(self.since, self.due_at)
            if seen is not None:
                self.since, self.is_silent = seen, False
                continue
            if not self.is_silent:
                yield Silence(self.since, self.due_at)
            self.since, self.is_silent = self.due_at, True
        self.since = max(self._latest(self.since, now) or now, now - self.after + timedelta(seconds=1))

    def _latest(self, start: datetime, end: datetime) -> datetime | None:
        """When the latest matching event in (start, end] was received."""
        ids = (id_floor(start - CLOCK_SLACK), id_floor(end + CLOCK_SLACK))
        events = Event.objects.filter(
            type=self.event_type, id__gte=ids[0], id__lte=ids[1], received_at__gt=start, received_at__lte=end
        ).order_by("-id")
        if self.rule is None:
            return events.values_list("received_at", flat=True).first()
        return next((event.received_at for event in events.iterator(500) if _matches(self.rule, event)), None)


def id_floor(moment: datetime) -> UUID:
    """The lowest UUIDv7 of this millisecond: bounds by id use the index that (type, id) has."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


def _matches(rule: CompiledRule, event: Event) -> bool:
    data = EventData(event.id, event.type, event.source, event.payload, event.trace_id, event.received_at)
    try:
        return rule.matches(prepare(event_context(data)))
    except RuleFailed:
        return False
