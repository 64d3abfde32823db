"""Alerts at 50, 80 and 100 % of a cap: once per budget, whichever of many processes sees it first."""

from __future__ import annotations

from datetime import datetime

from automate_llm.budgets import counters
from automate_llm.budgets.counters import Counters
from automate_llm.models import Budget
from automate_llm.signals import BudgetAlert, budget_alert

THRESHOLDS = (100, 80, 50)  # percent of the cap


def tell(counted: Counters, *, now: datetime) -> None:
    """After a settlement: send `budget_alert` for each budget that has passed a threshold not yet told."""
    for row in counters.rows(counted):
        if row.cap_micros:
            passed = next((t for t in THRESHOLDS if row.spent_micros * 100 >= row.cap_micros * t), 0)
            _tell_once(row, passed, now)


def tell_refused(row: Budget, *, now: datetime) -> None:
    """A call was refused: for whoever sends calls, the budget is at its end, even if a few cents are left."""
    _tell_once(row, 100, now)


def _tell_once(row: Budget, percent: int, now: datetime) -> None:
    if percent <= row.alerted_percent or row.pk is None:
        return
    known = Budget.objects.filter(pk=row.pk, alerted_percent__lt=percent)
    if not known.update(alerted_percent=percent, updated_at=now):
        return  # another process was first, or the row was made by the refused call and rolled back
    alert = BudgetAlert(
        scope=row.scope,
        subject=row.subject,
        period=row.period,
        percent=percent,
        spent_micros=row.spent_micros,
        reserved_micros=row.reserved_micros,
        cap_micros=row.cap_micros or 0,
    )
    budget_alert.send_robust(Budget, alert=alert, now=now)
