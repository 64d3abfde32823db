"""What every page of a workspace tells: what waits for somebody, whether anything runs, which limit is near."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import CharField, Value
from django.db.models.functions import Concat

from automate.services.deadletters import Filter, dead_event_jobs, dead_runs
from automate_billing.meters import BY_CODE, LLM, STORAGE
from automate_billing.models import UsageAlert
from automate_tenants.context import current_tenant
from automate_tenants.halts import halts, why_halted
from automate_web.approvals import open_approvals

MOST = 100
WARNED_FROM = 80  # percent


@dataclass(frozen=True)
class Standing:
    """`counts`: by the name of the page; more than 99 is "99+", none is left out. `halted`: why nothing runs.

    `usage`: the most of what the plan includes that was reached, from 80 % on, in words.
    """

    counts: dict[str, str]
    halted: str | None
    usage: str | None = None


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
    told = UsageAlert.objects.filter(tenant_id=current_tenant().id, period_ends_at__gt=now, percent__gte=WARNED_FROM)
    alerts = told.order_by().values_list(
        Value("usage"), Concat("percent", Value(" "), "meter", output_field=CharField())
    )
    found = list(parts[0].union(*parts[1:], halts(), alerts, all=True))
    pages = Counter(page for page, _ in found if page in {"failures", "approvals"})
    counts = {page: str(count) if count < MOST else f"{MOST - 1}+" for page, count in pages.items()}
    told_of = [said for place, said in found if place == "usage"]
    halted = why_halted((place, reason) for place, reason in found if place in {"everywhere", "here"})
    return Standing(counts, halted, _usage(told_of))


def _usage(told: list[str]) -> str | None:
    """The weightiest of alerts as "80 events".

    >>> _usage(["80 runs", "100 events"])
    "All of the plan's Events are used: new events are accepted and held."
    >>> _usage(["80 llm"])
    "80 % of the plan's LLM spend is used."
    """
    if not told:
        return None
    percent, _, code = max(told, key=lambda said: (int(said.partition(" ")[0]), said)).partition(" ")
    meter = BY_CODE[code]
    verb = "is" if meter.code in (LLM, STORAGE) else "are"
    if int(percent) < 100:
        return f"{percent} % of the plan's {meter.label} {verb} used."
    return f"All of the plan's {meter.label} {verb} used" + (
        ": new events are accepted and held." if meter.holds else "."
    )
