"""Events by what became of them: the filter `status` of the page, the API and the command line."""

from __future__ import annotations

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from automate.models import Event, MatchDecision

DECIDED = ("started", "no_match", "held", "skipped")
MOST_TYPES = 1_000  # of one workspace; beyond, each event is looked at
# each type once, by jumping from one to the next in the index: as many steps as there are types, not events
_TYPES = """
WITH RECURSIVE kinds(type) AS (
  (SELECT type FROM automate_event ORDER BY type LIMIT 1)
  UNION ALL
  SELECT (SELECT e.type FROM automate_event e WHERE e.type > kinds.type ORDER BY e.type LIMIT 1)
  FROM kinds WHERE kinds.type IS NOT NULL
)
SELECT type FROM kinds WHERE type IS NOT NULL LIMIT %s
"""


def decided(events: QuerySet[Event], status: str) -> QuerySet[Event]:
    """Events with such a decision, one of `DECIDED`; a start beside a no-match is a start."""
    decisions = MatchDecision.objects.filter(event_id=OuterRef("pk"))
    events = events.filter(Exists(decisions.filter(decision=status)))
    if status == MatchDecision.Decision.NO_MATCH:
        events = events.exclude(Exists(decisions.exclude(decision=MatchDecision.Decision.NO_MATCH)))
    return events


def with_text(events: QuerySet[Event], text: str) -> QuerySet[Event]:
    """Events whose type holds the text, in any case. The types there are, few, are looked up; then the index finds."""
    with connection.cursor() as cursor:
        cursor.execute(_TYPES, [MOST_TYPES + 1])
        types = [row[0] for row in cursor.fetchall()]
    if len(types) > MOST_TYPES:
        return events.filter(type__icontains=text)
    found = [name for name in types if text.upper() in name.upper()]
    return events.filter(type__in=found) if found else events.none()
