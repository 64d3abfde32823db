"""What became of calls whose answer was lost.

`sweep` finds reservations whose process died and counts them as spent. `reconcile` ends an unreconciled call by
evidence: the provider's usage export, its invoice, or its word that it was never charged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q

from automate_governance.errors import Invalid
from automate_llm.budgets import ledger
from automate_llm.models import Budget, LedgerEntry, LedgerMonth

CALLS_KEPT = timedelta(days=400)  # a year of accounts and the time to close it
_SUMMED = ("input_tokens", "cached_tokens", "output_tokens", "cost_micros")
_FOLDED = ("status", "day", "workflow_id", "provider", "model", *_SUMMED)
RUN_ROWS_KEPT = timedelta(days=40)  # longer than a run lasts


def sweep(*, now: datetime, limit: int = 1000) -> int:
    """Count expired reservations as spent, at the reserved amount; how many there were."""
    expired = LedgerEntry.objects.filter(status=LedgerEntry.Status.RESERVED, expires_at__lt=now)
    ids = list(expired.order_by("expires_at").values_list("pk", flat=True)[:limit])
    return sum(ledger.doubt(pk, now=now, error_code="process_lost") is not None for pk in ids)


def reconcile(entry_id: UUID, *, cost_micros: int, evidence: str, now: datetime) -> LedgerEntry:
    """End an unreconciled call at what it cost; 0 gives the money back. `evidence`: how one knows, kept in the ledger.

    Raises Invalid without evidence or for a negative cost, Conflict when the call has ended.
    """
    if not evidence.strip():
        raise Invalid("Say how you know: an invoice, a usage export, the provider's answer.")
    if cost_micros < 0:
        raise Invalid("A cost is 0 or more.")
    facts = {"evidence": evidence.strip()[:500], "usage_from": LedgerEntry.UsageFrom.EVIDENCE}
    return ledger.settle(entry_id, cost_micros=cost_micros, now=now, **facts)


def forget_runs(*, now: datetime) -> int:
    """Drop the counters of runs that ended long ago, and of days longer ago still; the ledger keeps their calls."""
    runs = Q(scope=Budget.Scope.RUN, updated_at__lt=now - RUN_ROWS_KEPT)
    old = Budget.objects.filter(runs | Q(updated_at__lt=now - CALLS_KEPT), reserved_micros=0)
    return int(old.delete()[0])


def forget_calls(*, now: datetime, batch_size: int = 1_000, go_on: Callable[[], bool] = lambda: True) -> int:
    """Delete calls that ended 400 days ago, in short transactions, each adding them to their month; how many.

    What nobody has reconciled stays. `go_on` is asked after each batch.
    """
    deleted = 0
    while gone := _fold(before=(now - CALLS_KEPT).date().isoformat(), size=batch_size):
        deleted += gone
        if not go_on():
            break
    return deleted


@transaction.atomic
def _fold(*, before: str, size: int) -> int:
    ended = LedgerEntry.objects.filter(status__in=(LedgerEntry.Status.SETTLED, LedgerEntry.Status.RELEASED))
    skips = connection.features.has_select_for_update_skip_locked  # two workers fold different calls
    rows = ended.filter(day__lt=before).order_by("day", "pk").select_for_update(skip_locked=skips)
    old = list(rows.only(*_FOLDED)[:size])
    totals: dict[tuple[str, str, str, str], Counter[str]] = {}
    for entry in old:
        if entry.status == LedgerEntry.Status.SETTLED:
            key = (entry.day[:7], str(entry.workflow_id or ""), entry.provider, entry.model)
            totals.setdefault(key, Counter())["calls"] += 1
            for name in _SUMMED:
                totals[key][name] += getattr(entry, name) or 0
    for (month, workflow, provider, model), sums in sorted(totals.items()):
        row, _ = LedgerMonth.objects.get_or_create(month=month, workflow=workflow, provider=provider, model=model)
        LedgerMonth.objects.filter(pk=row.pk).update(**{name: F(name) + value for name, value in sums.items()})
    return int(LedgerEntry.objects.filter(pk__in=[entry.pk for entry in old]).delete()[0])
