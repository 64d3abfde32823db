"""The counters: one guarded update per scope, always in the order run, workflow, tenant.

`SET reserved = reserved + n WHERE spent + reserved + n <= cap` is decided by the database on the row's newest state,
whoever else is at it; so this is exact on PostgreSQL, MySQL and SQLite alike. The tenant's row, which all calls share,
comes last and is held for the shortest time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from automate_llm.budgets.caps import Caps
from automate_llm.models import Budget
from automate_llm.rows import insert_missing

RUN_PERIOD = "run"


@dataclass(frozen=True)
class Counters:
    """The counters that one call is counted on."""

    day: str
    workflow_id: UUID | None = None
    run_id: UUID | None = None

    def in_order(self) -> Iterator[tuple[str, str, str]]:
        """(scope, subject, period) in the order in which they are locked."""
        if self.run_id is not None:
            yield Budget.Scope.RUN, str(self.run_id), RUN_PERIOD
        if self.workflow_id is not None:
            yield Budget.Scope.WORKFLOW, str(self.workflow_id), self.day
        yield Budget.Scope.TENANT, "", self.day


def reserve(counters: Counters, amount: int, caps: Caps, now: datetime) -> Budget | None:
    """Set `amount` micro-dollars aside on every counter.

    Returns the counter whose cap it would pass, if there is one: the caller then rolls back.
    """
    by_scope = {Budget.Scope.RUN: caps.run, Budget.Scope.WORKFLOW: caps.workflow, Budget.Scope.TENANT: caps.tenant}
    for scope, subject, period in counters.in_order():
        cap = by_scope[Budget.Scope(scope)]
        row = {"scope": scope, "subject": subject, "period": period}
        if _add(row, amount, cap, now):
            continue
        insert_missing(Budget, [Budget(**row, cap_micros=cap, updated_at=now)], same="scope")
        if not _add(row, amount, cap, now):
            refusing = Budget.objects.get(**row)
            refusing.cap_micros = cap
            return refusing
    return None


def move(counters: Counters, *, reserved: int = 0, spent: int = 0, now: datetime) -> None:
    """Add to every counter, signs as given: settling is `reserved=-r, spent=+c`."""
    for scope, subject, period in counters.in_order():
        _row(scope, subject, period).update(
            reserved_micros=F("reserved_micros") + reserved, spent_micros=F("spent_micros") + spent, updated_at=now
        )


def rows(counters: Counters) -> list[Budget]:
    return [found for key in counters.in_order() if (found := _row(*key).first()) is not None]


def _row(scope: str, subject: str, period: str) -> QuerySet[Budget]:
    return Budget.objects.filter(scope=scope, subject=subject, period=period)


def _add(row: dict[str, Any], amount: int, cap: int | None, now: datetime) -> bool:
    budget = Budget.objects.filter(**row)
    if cap is not None:
        budget = budget.filter(spent_micros__lte=cap - amount - F("reserved_micros"))
    return bool(budget.update(reserved_micros=F("reserved_micros") + amount, cap_micros=cap, updated_at=now))
