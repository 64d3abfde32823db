"""What every page of a workspace tells: how much waits for somebody, and whether anything runs at all. One query."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Value

from automate.services.deadletters import Filter, dead_event_jobs, dead_runs
from automate_tenants.halts import halts, why_halted
from automate_web.approvals import open_approvals

MOST = 100


@dataclass(frozen=True)
class Standing:
    """`counts`: by the name of the page; more than 99 is "99+", none is left out. `halted`: why nothing runs."""

    counts: dict[str, str]
    halted: str | None


def standing(now: datetime) -> Standing:
    """Of the current workspace."""
    parts = [
        rows.order_by().annotate(page=Value(page), none=Value("")).values_list("page", "none")[:MOST]
        for page, rows in (
            ("failures", dead_runs(Filter(heard_at=now))),
            ("failures", dead_event_jobs()),
            ("approvals", open_approvals(now)),
        )
    ]
    found = list(parts[0].union(*parts[1:], halts(), all=True))
    pages = Counter(page for page, _ in found if page in {"failures", "approvals"})
    counts = {page: str(count) if count < MOST else f"{MOST - 1}+" for page, count in pages.items()}
    return Standing(counts, why_halted((place, reason) for place, reason in found if place not in pages))
