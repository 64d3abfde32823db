"""Events by what became of them: the filter `status` of the page, the API and the command line."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from automate.models import Event, MatchDecision

DECIDED = ("started", "no_match", "held", "skipped")


def decided(events: QuerySet[Event], status: str) -> QuerySet[Event]:
    """Events with such a decision, one of `DECIDED`; a start beside a no-match is a start."""
    decisions = MatchDecision.objects.filter(event_id=OuterRef("pk"))
    events = events.filter(Exists(decisions.filter(decision=status)))
    if status == MatchDecision.Decision.NO_MATCH:
        events = events.exclude(Exists(decisions.exclude(decision=MatchDecision.Decision.NO_MATCH)))
    return events
