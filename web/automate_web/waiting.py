"""What every page of a workspace tells: what waits for somebody, what is new for the member, which banners hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import CharField, Value
from django.db.models.functions import Concat

from automate.services.deadletters import Filter, dead_event_jobs, dead_runs
from automate_billing.models import UsageAlert
from automate_tenants.context import current_tenant
from automate_tenants.halts import halts, why_halted
from automate_tenants.models import Membership
from automate_tenants.notifications import inbox
from automate_tenants.notifications.models import Seen
from automate_web.approvals import open_approvals
from automate_web.banners import PREFIX, Alert

MOST = 100
WARNED_FROM = 80  # percent
COUNTED = ("failures", "approvals", "unread")


@dataclass(frozen=True)
class Standing:
    """`counts`: by the name of the page; more than 99 is "99+", none is left out. `halted`: why nothing runs.

    `alerts`: thresholds of the plan, from 80 % on, that were passed in this period. `put_away`: keys of banners that
    the member dismissed.
    """

    counts: dict[str, str]
    halted: str | None
    alerts: tuple[Alert, ...] = ()
    put_away: frozenset[str] = frozenset()


def standing(member: Membership, now: datetime) -> Standing:
    """Of the current workspace, for one member. One query."""
    parts = [
        rows.order_by().annotate(page=Value(page), none=Value("")).values_list("page", "none")[:MOST]
        for page, rows in (
            ("failures", dead_runs(Filter(heard_at=now))),
            ("failures", dead_event_jobs()),
            ("approvals", open_approvals(now)),
            ("unread", inbox.unread(member)),
        )
    ]
    told = UsageAlert.objects.filter(tenant_id=current_tenant().id, period_ends_at__gt=now, percent__gte=WARNED_FROM)
    alerts = told.order_by().values_list(
        Value("usage"), Concat("percent", Value(" "), "meter", Value(" "), "period", output_field=CharField())
    )
    seen = Seen.objects.filter(user_id=member.user_id, key__startswith=PREFIX).values_list(Value("seen"), "key")
    found = list(parts[0].union(*parts[1:], halts(), alerts, seen, all=True))
    pages = Counter(page for page, _ in found if page in COUNTED)
    counts = {page: str(count) if count < MOST else f"{MOST - 1}+" for page, count in pages.items()}
    halted = why_halted((place, reason) for place, reason in found if place in {"everywhere", "here"})
    passed = (said.split(" ") for place, said in found if place == "usage")
    return Standing(
        counts,
        halted,
        tuple(Alert(int(percent), meter, period) for percent, meter, period in passed),
        frozenset(key for place, key in found if place == "seen"),
    )
