"""What every page of a workspace tells: what waits for somebody, what is new for the member, which banners hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Concat

from automate.services.deadletters import Filter, dead_event_jobs, dead_runs
from automate_billing.models import UsageAlert
from automate_tenants.context import current_tenant
from automate_tenants.halts import halts, why_halted
from automate_tenants.models import Membership, Preference
from automate_tenants.notifications import inbox
from automate_tenants.notifications.models import Seen
from automate_web.approvals import open_approvals
from automate_web.banners import PREFIX, Alert
from automate_web.compiled import CompiledQuery

MOST = 100
WARNED_FROM = 80  # percent
COUNTED = ("failures", "approvals", "unread")


@dataclass(frozen=True)
class Standing:
    """`counts`: by the name of the page; more than 99 is "99+", none is left out. `halted`: why nothing runs.

    `alerts`: thresholds of the plan, from 80 % on, that were passed in this period. `put_away`: keys of banners that
    the member dismissed. `theme` ("": not chosen) and `times`: how the person wants pages drawn.
    """

    counts: dict[str, str]
    halted: str | None
    alerts: tuple[Alert, ...] = ()
    put_away: frozenset[str] = frozenset()
    theme: str = ""
    times: str = Preference.Times.UTC.value


def standing(member: Membership, now: datetime) -> Standing:
    """Of the current workspace, for one member. One query."""
    found = _FOUND[member.role].rows(now=now, user_id=member.user_id, tenant_id=current_tenant().id)
    pages = Counter(page for page, _ in found if page in COUNTED)
    counts = {page: str(count) if count < MOST else f"{MOST - 1}+" for page, count in pages.items()}
    halted = why_halted((place, reason) for place, reason in found if place in {"everywhere", "here"})
    theme, _, times = next((said for place, said in found if place == "preference"), "").partition(" ")
    passed = (said.split(" ") for place, said in found if place == "usage")
    return Standing(
        counts,
        halted,
        tuple(Alert(int(percent), meter, period) for percent, meter, period in passed),
        frozenset(key for place, key in found if place == "seen"),
        theme,
        times or Preference.Times.UTC.value,
    )


def _everything(role: str, now: datetime, user_id: int, tenant_id: int) -> QuerySet[Any, tuple[str, str]]:
    """Each thing that a page tells, as (what it is, what is told of it)."""
    parts = [
        rows.order_by().annotate(page=Value(page), none=Value("")).values_list("page", "none")[:MOST]
        for page, rows in (
            ("failures", dead_runs(Filter(heard_at=now))),
            ("failures", dead_event_jobs()),
            ("approvals", open_approvals(now)),
            ("unread", inbox.unread(Membership(user_id=user_id, role=role))),
        )
    ]
    told = UsageAlert.objects.filter(tenant_id=tenant_id, period_ends_at__gt=now, percent__gte=WARNED_FROM)
    alerts = told.order_by().values_list(
        Value("usage"), Concat("percent", Value(" "), "meter", Value(" "), "period", output_field=CharField())
    )
    seen = Seen.objects.filter(user_id=user_id, key__startswith=PREFIX).values_list(Value("seen"), "key")
    wishes = Preference.objects.filter(user_id=user_id).values_list(
        Value("preference"), Concat("theme", Value(" "), "times", output_field=CharField())
    )
    found: QuerySet[Any, tuple[str, str]] = parts[0].union(*parts[1:], halts(), alerts, seen, wishes, all=True)
    return found


_MARKS = {"now": datetime(1, 2, 3, 4, 5, 6, 7, tzinfo=UTC), "user_id": -1_234_567_891, "tenant_id": -1_234_567_892}
_FOUND = {role: CompiledQuery(partial(_everything, role), _MARKS) for role in Membership.Role.values}
