"""What was spent: today against the cap, and by workflow or model of any day. Reads only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Sum

from automate_llm import host
from automate_llm.budgets.caps import find_caps
from automate_llm.budgets.periods import day_of, reset_at
from automate_llm.models import Budget, LedgerEntry, LedgerMonth, Preferences


@dataclass(frozen=True)
class Share:
    """Part of a day's spend. `key`: a workflow's id ("" for calls outside of workflows), or a model's name."""

    key: str
    calls: int
    cost_micros: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class MonthShare:
    """What one model came to in a month whose calls the ledger has forgotten, or has begun to."""

    month: str  # as 2026-11
    model: str
    calls: int
    cost_micros: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class DayUsage:
    """One day in the tenant's zone. The cap is the one in force now, where the day is today."""

    day: str
    time_zone: str
    resets_at: datetime | None  # None for a day that is over
    spent_micros: int
    reserved_micros: int
    unreconciled_micros: int  # of what is spent: calls whose answer was lost
    cap_micros: int | None
    calls: int
    by_workflow: list[Share]
    by_model: list[Share]
    earlier: list[MonthShare] = field(default_factory=list)  # the newest month first

    @property
    def percent(self) -> int:
        """Of the cap, spent and reserved together; 0 without a cap.

        >>> DayUsage("", "", None, 60, 20, 0, 100, 1, [], []).percent
        80
        """
        counted = self.spent_micros + self.reserved_micros
        return min(999, counted * 100 // self.cap_micros) if self.cap_micros else 0


def usage_of(day: str | None = None, *, now: datetime) -> DayUsage:
    """The usage of `day` (2026-11-22), of today without one. Raises LLMError when a cap in force cannot be read."""
    zone = host.current().time_zone()
    today = day_of(now, zone)
    day = day or today
    row = Budget.objects.filter(scope=Budget.Scope.TENANT, period=day).first() or Budget()
    entries = LedgerEntry.objects.filter(day=day)
    lost = entries.filter(status=LedgerEntry.Status.UNRECONCILED).aggregate(total=Sum("cost_micros"))["total"]
    cap = find_caps(Preferences.objects.first(), {}).tenant if day == today else row.cap_micros
    return DayUsage(
        day=day,
        time_zone=zone,
        resets_at=reset_at(now, zone) if day == today else None,
        spent_micros=row.spent_micros,
        reserved_micros=row.reserved_micros,
        unreconciled_micros=lost or 0,
        cap_micros=cap,
        calls=entries.count(),
        by_workflow=_shares(day, "workflow_id"),
        by_model=_shares(day, "model"),
        earlier=_earlier(),
    )


def _shares(day: str, column: str) -> list[Share]:
    """The dearest first, at most 100."""
    sums = {name: Sum(name) for name in ("cost_micros", "input_tokens", "output_tokens")}
    totals = LedgerEntry.objects.filter(day=day).values(column).annotate(calls=Count("id"), **sums)
    return [
        Share(
            key=str(total[column] or ""),
            calls=total["calls"],
            cost_micros=total["cost_micros"] or 0,
            input_tokens=total["input_tokens"] or 0,
            output_tokens=total["output_tokens"] or 0,
        )
        for total in totals.order_by("-cost_micros", column)[:100]
    ]


def _earlier() -> list[MonthShare]:
    """At most 120 of them: ten years of one model."""
    sums = {name: Sum(name) for name in ("calls", "cost_micros", "input_tokens", "output_tokens")}
    totals: Any = LedgerMonth.objects.order_by("-month", "model").values("month", "model").annotate(**sums)
    return [MonthShare(**total) for total in totals[:120]]
