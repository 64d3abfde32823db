"""What became of calls whose answer was lost.

`sweep` finds reservations whose process died and counts them as spent. `reconcile` ends an unreconciled call by
evidence: the provider's usage export, its invoice, or its word that it was never charged.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from automate_governance.errors import Invalid
from automate_llm.budgets import ledger
from automate_llm.models import Budget, LedgerEntry

CALLS_KEPT = timedelta(days=400)  # a year of accounts and the time to close it
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
    """Drop the counters of runs that ended long ago; the ledger keeps their calls."""
    old = Budget.objects.filter(scope=Budget.Scope.RUN, updated_at__lt=now - RUN_ROWS_KEPT, reserved_micros=0)
    return int(old.delete()[0])


def forget_calls(*, now: datetime, limit: int = 10_000) -> int:
    """Delete calls that ended 400 days ago; how many. What nobody has reconciled stays."""
    ended = LedgerEntry.objects.filter(status__in=(LedgerEntry.Status.SETTLED, LedgerEntry.Status.RELEASED))
    before = (now - CALLS_KEPT).date().isoformat()
    old = list(ended.filter(day__lt=before).order_by("day").values_list("pk", flat=True)[:limit])
    return int(LedgerEntry.objects.filter(pk__in=old).delete()[0])
