"""Reserve → call → settle: a ledger row and its counters, changed together in one transaction each.

The transaction is never open during the call. A process that dies in between leaves its reservation standing, and what
is reserved counts against the cap like what is spent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from automate_governance.errors import Conflict
from automate_llm.budgets import alerts, counters
from automate_llm.budgets.caps import Caps
from automate_llm.budgets.counters import Counters
from automate_llm.budgets.periods import day_of, reset_at
from automate_llm.errors import BudgetExceeded
from automate_llm.models import Budget, LedgerEntry
from automate_llm.money import shown
from automate_llm.signals import cost_overrun

GRACE = timedelta(seconds=60)  # a call that is this late has lost its process
IN_FLIGHT_SECONDS = 5.0  # when money is only set aside by calls under way: ask again so soon
Status = LedgerEntry.Status


@dataclass(frozen=True)
class Caller:
    """For whom a model is called; each id None where there is none (a call outside of workflows)."""

    workflow_id: UUID | None = None
    version_id: UUID | None = None
    run_id: UUID | None = None
    step_id: str = ""
    attempt: int = 1
    trace_id: UUID | None = None
    policy: Mapping[str, Any] = field(default_factory=dict)  # the workflow's limits


@dataclass(frozen=True)
class Intent:
    """What is about to be called, and the most that it can cost."""

    action: str
    provider: str
    model: str
    amount_micros: int
    timeout_seconds: float
    price: Mapping[str, Any] = field(default_factory=dict)
    prompt: Any = None  # redacted; only where the tenant keeps prompts


def reserve(caller: Caller, intent: Intent, *, caps: Caps, zone: str, now: datetime) -> LedgerEntry:
    """Set the money aside and write the ledger row, or raise BudgetExceeded and write nothing."""
    entry = new_entry(caller, intent, zone=zone, now=now)
    refusing = None
    with transaction.atomic(durable=True):
        refusing = counters.reserve(counters_of(entry), intent.amount_micros, caps, now)
        if refusing is None:
            entry.save(force_insert=True)
        else:
            transaction.set_rollback(True)
    if refusing is not None:
        alerts.tell_refused(refusing, now=now)
        raise _exceeded(refusing, intent.amount_micros, zone=zone, now=now)
    return entry


def new_entry(caller: Caller, intent: Intent, *, zone: str, now: datetime) -> LedgerEntry:
    """The row of a call that begins, not yet written."""
    return LedgerEntry(
        at=now,
        day=day_of(now, zone),
        time_zone=zone,
        workflow_id=caller.workflow_id,
        version_id=caller.version_id,
        run_id=caller.run_id,
        step_id=caller.step_id[:60],
        attempt=caller.attempt,
        trace_id=caller.trace_id,
        action=intent.action,
        provider=intent.provider[:40],
        model=intent.model[:200],
        status=Status.RESERVED,
        reserved_micros=intent.amount_micros,
        price=dict(intent.price),
        prompt=intent.prompt,
        expires_at=now + timedelta(seconds=intent.timeout_seconds) + GRACE,
    )


def settle(entry_id: UUID, *, cost_micros: int, now: datetime, **facts: Any) -> LedgerEntry:
    """The call cost this much; `facts` are columns of the entry (tokens, finish_reason …).

    Also ends an unreconciled call whose answer came late. What passes the reservation is recorded as an overrun.
    Raises Conflict when the call was settled or released before.
    """
    with transaction.atomic(durable=True):
        entry = _open_entry(entry_id)
        _count(entry, cost_micros, now)
        facts["overrun_micros"] = max(0, cost_micros - entry.reserved_micros)
        _end(entry, Status.SETTLED, cost_micros, now, facts)
    if entry.overrun_micros:
        cost_overrun.send_robust(LedgerEntry, entry_id=entry.pk, overrun_micros=entry.overrun_micros, now=now)
    alerts.tell(counters_of(entry), now=now)
    return entry


def release(entry_id: UUID, *, now: datetime, **facts: Any) -> LedgerEntry:
    """Surely nothing was charged: the money is free again. Raises Conflict as `settle`."""
    with transaction.atomic(durable=True):
        entry = _open_entry(entry_id)
        _count(entry, 0, now)
        _end(entry, Status.RELEASED, 0, now, facts)
    return entry


def doubt(entry_id: UUID, *, now: datetime, **facts: Any) -> LedgerEntry | None:
    """It may have been charged: counted at the reserved amount. None when it was ended before."""
    with transaction.atomic(durable=True):
        entry = LedgerEntry.objects.select_for_update().filter(pk=entry_id, status=Status.RESERVED).first()
        if entry is None:
            return None
        _count(entry, entry.reserved_micros, now)
        _end(entry, Status.UNRECONCILED, entry.reserved_micros, now, facts)
    alerts.tell(counters_of(entry), now=now)
    return entry


def counters_of(entry: LedgerEntry) -> Counters:
    return Counters(day=entry.day, workflow_id=entry.workflow_id, run_id=entry.run_id)


def _open_entry(entry_id: UUID) -> LedgerEntry:
    entry = LedgerEntry.objects.select_for_update().get(pk=entry_id)
    if entry.status not in (Status.RESERVED, Status.UNRECONCILED):
        raise Conflict(f"This call is {entry.status} already.", details={"entry_id": str(entry_id)})
    return entry


def _count(entry: LedgerEntry, cost: int, now: datetime) -> None:
    """Move the counters from what they say of this entry now to `cost`."""
    if entry.status == Status.RESERVED:
        counters.move(counters_of(entry), reserved=-entry.reserved_micros, spent=cost, now=now)
    else:
        counters.move(counters_of(entry), spent=cost - entry.cost_micros, now=now)


def _end(entry: LedgerEntry, status: str, cost: int, now: datetime, facts: Mapping[str, Any]) -> None:
    changed = {**facts, "status": status, "cost_micros": cost, "ended_at": now}
    for name, value in changed.items():
        setattr(entry, name, value)
    entry.save(update_fields=list(changed))


def _exceeded(row: Budget, needed: int, *, zone: str, now: datetime) -> BudgetExceeded:
    """In the words of the page: how much is spent, reserved and allowed, and when it begins anew."""
    cap = row.cap_micros or 0
    is_run = row.scope == Budget.Scope.RUN
    resets_at = None if is_run else reset_at(now, zone)
    fits_later = row.reserved_micros > 0 and row.spent_micros + needed <= cap
    if fits_later:
        wait: float | None = IN_FLIGHT_SECONDS
    else:
        wait = (resets_at - now).total_seconds() if resets_at else None
    whose = {
        "tenant": "The daily LLM budget",
        "workflow": "This workflow's daily LLM budget",
        "run": "The run's budget",
    }
    why = "is set aside by calls under way" if fits_later else "is not enough for this call"
    return BudgetExceeded(
        f"{whose[row.scope]} {why}: ${shown(row.spent_micros)} spent and ${shown(row.reserved_micros)} reserved "
        f"of ${shown(cap)}; this call may cost up to ${shown(needed)}.",
        details={
            "scope": row.scope,
            "spent_usd": shown(row.spent_micros),
            "reserved_usd": shown(row.reserved_micros),
            "needed_usd": shown(needed),
            "cap_usd": shown(cap),
            "resets_at": resets_at.isoformat() if resets_at else None,
        },
        retry_after=wait,
        retryable=fits_later,
    )
