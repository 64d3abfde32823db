"""What the LLM layer tells others. Receivers run in the tenant's scope, on a connection without open transaction.

budget_alert   a budget passed 50, 80 or 100 %: once per budget and threshold; `alert`: BudgetAlert, `now`
cost_overrun   a provider charged more than was reserved; `entry_id`, `overrun_micros`, `now`
"""

from __future__ import annotations

from dataclasses import dataclass

from django.dispatch import Signal

budget_alert = Signal()
cost_overrun = Signal()


@dataclass(frozen=True)
class BudgetAlert:
    """`scope`: tenant or workflow or run; `subject`: its id, "" for the tenant; `percent`: 50, 80 or 100."""

    scope: str
    subject: str
    period: str
    percent: int
    spent_micros: int
    reserved_micros: int
    cap_micros: int
