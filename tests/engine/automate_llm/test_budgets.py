"""Days, caps, alerts and reconciliation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from automate_governance.errors import Conflict, Invalid
from automate_llm.budgets import ledger, periods, reconcile
from automate_llm.budgets.caps import Caps
from automate_llm.budgets.ledger import Caller, Intent
from automate_llm.errors import BudgetExceeded
from automate_llm.models import Budget, LedgerEntry
from automate_llm.signals import BudgetAlert, budget_alert
from automate_tenants.context import tenant_scope
from tests.engine.automate_llm.conftest import a_run, only_entry, today
from tests.support.waiting import AtOnce
from tests.support.workspaces import Workspace

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
CAPS = Caps(tenant=100)


def set_aside(
    amount: int, *, caps: Caps = CAPS, caller: Caller | None = None, zone: str = "UTC", now: datetime = NOW
) -> LedgerEntry:
    intent = Intent("chat", "openai", "stand-in-1", amount, timeout_seconds=30)
    return ledger.reserve(caller or a_run(), intent, caps=caps, zone=zone, now=now)


@pytest.mark.parametrize(
    ("moment", "zone", "day", "reset"),
    [
        ("2026-11-22T03:00:00+00:00", "America/New_York", "2026-11-21", "2026-11-22T05:00:00+00:00"),
        ("2026-11-22T12:00:00+00:00", "Pacific/Kiritimati", "2026-11-23", "2026-11-23T10:00:00+00:00"),
        ("2026-03-29T00:30:00+00:00", "Europe/Berlin", "2026-03-29", "2026-03-29T22:00:00+00:00"),  # 23 hours long
        ("2026-10-24T22:30:00+00:00", "Europe/Berlin", "2026-10-25", "2026-10-25T23:00:00+00:00"),  # 25 hours long
        ("2026-11-22T12:00:00+00:00", "Nowhere/Atall", "2026-11-22", "2026-11-23T00:00:00+00:00"),
    ],
)
def test_a_day_is_the_tenants(moment: str, zone: str, day: str, reset: str) -> None:
    at = datetime.fromisoformat(moment)

    assert periods.day_of(at, zone) == day
    assert periods.reset_at(at, zone).isoformat() == reset


def test_what_is_reserved_counts_like_what_is_spent(tenant: Workspace) -> None:
    set_aside(60)

    with pytest.raises(BudgetExceeded) as caught:
        set_aside(41)
    set_aside(40)

    assert caught.value.retryable  # money is set aside by a call under way: soon there may be enough
    assert (today().reserved_micros, LedgerEntry.objects.count()) == (100, 2)


def test_a_refused_call_leaves_no_trace_on_any_counter(tenant: Workspace) -> None:
    caller = a_run()

    with pytest.raises(BudgetExceeded):
        set_aside(50, caps=Caps(tenant=40, workflow=100, run=100), caller=caller)
    assert Budget.objects.count() == 0


def test_a_new_day_begins_anew(tenant: Workspace) -> None:
    set_aside(100, zone="America/New_York", now=datetime(2026, 11, 22, 4, 59, tzinfo=timezone.utc))
    set_aside(100, zone="America/New_York", now=datetime(2026, 11, 22, 5, 0, tzinfo=timezone.utc))

    assert list(LedgerEntry.objects.order_by("pk").values_list("day", "time_zone")) == [
        ("2026-11-21", "America/New_York"),
        ("2026-11-22", "America/New_York"),
    ]


def test_settling_late_counts_on_the_day_of_the_reservation(tenant: Workspace) -> None:
    entry = set_aside(100)

    ledger.settle(entry.pk, cost_micros=30, now=NOW + timedelta(days=1))

    assert (today().period, today().spent_micros, today().reserved_micros) == ("2026-11-22", 30, 0)


def test_money_is_settled_once(tenant: Workspace) -> None:
    entry = set_aside(100)
    ledger.settle(entry.pk, cost_micros=30, now=NOW)

    for end in (ledger.release, ledger.settle):
        with pytest.raises(Conflict):
            end(entry.pk, now=NOW, **({"cost_micros": 1} if end is ledger.settle else {}))
    assert ledger.doubt(entry.pk, now=NOW) is None
    assert today().spent_micros == 30


def test_many_at_once_never_pass_the_cap(tenant: Workspace, at_once: AtOnce) -> None:
    def try_once() -> int:
        with tenant_scope(tenant.ref):
            taken = 0
            for _ in range(10):
                try:
                    entry = set_aside(9, caller=Caller())
                except BudgetExceeded:
                    continue
                ledger.settle(entry.pk, cost_micros=7, now=NOW)
                taken += 7
            return taken

    taken = at_once(*[try_once] * 8)

    assert sum(taken) == today().spent_micros <= 100
    assert today().spent_micros > 100 - 9  # and nothing was refused that fitted
    assert today().reserved_micros == 0


def test_a_dead_process_is_counted_and_reconciled_by_evidence(tenant: Workspace) -> None:
    entry = set_aside(80)

    assert reconcile.sweep(now=NOW) == 0  # it may still be under way
    assert reconcile.sweep(now=NOW + timedelta(minutes=5)) == 1
    assert (only_entry().status, only_entry().error_code) == ("unreconciled", "process_lost")
    assert (today().spent_micros, today().reserved_micros) == (80, 0)
    with pytest.raises(Invalid):
        reconcile.reconcile(entry.pk, cost_micros=10, evidence=" ", now=NOW)
    reconcile.reconcile(entry.pk, cost_micros=10, evidence="usage export of 22 November", now=NOW)

    assert (only_entry().status, only_entry().cost_micros, only_entry().usage_from) == ("settled", 10, "evidence")
    assert only_entry().evidence == "usage export of 22 November"
    assert today().spent_micros == 10
    with pytest.raises(Conflict):
        reconcile.reconcile(entry.pk, cost_micros=0, evidence="again", now=NOW)


def test_an_answer_that_comes_after_the_sweep_counts_as_it_is(tenant: Workspace) -> None:
    entry = set_aside(80)
    reconcile.sweep(now=NOW + timedelta(minutes=5))

    ledger.settle(entry.pk, cost_micros=25, now=NOW)

    assert (today().spent_micros, today().reserved_micros, only_entry().status) == (25, 0, "settled")


def test_counters_of_old_runs_are_dropped_and_the_ledger_stays(tenant: Workspace) -> None:
    entry = set_aside(10)
    ledger.settle(entry.pk, cost_micros=5, now=NOW)

    assert reconcile.forget_runs(now=NOW + timedelta(days=39)) == 0
    assert reconcile.forget_runs(now=NOW + timedelta(days=41)) == 1
    assert (LedgerEntry.objects.count(), Budget.objects.filter(scope="tenant").count()) == (1, 1)


@pytest.fixture
def alerts(tenant: Workspace) -> Iterator[list[BudgetAlert]]:
    told: list[BudgetAlert] = []

    def hear(alert: BudgetAlert, **more: Any) -> None:
        told.append(alert)

    budget_alert.connect(hear)
    yield told
    budget_alert.disconnect(hear)


def test_each_threshold_is_told_once(tenant: Workspace, alerts: list[BudgetAlert]) -> None:
    for _ in range(9):
        ledger.settle(set_aside(10, caller=Caller()).pk, cost_micros=10, now=NOW)
    for _ in range(3):
        with pytest.raises(BudgetExceeded):
            set_aside(11, caller=Caller())

    assert [(alert.scope, alert.percent, alert.spent_micros) for alert in alerts] == [
        ("tenant", 50, 50),
        ("tenant", 80, 80),
        ("tenant", 100, 90),
    ]


def test_a_jump_over_two_thresholds_tells_the_higher(tenant: Workspace, alerts: list[BudgetAlert]) -> None:
    ledger.settle(set_aside(90, caller=Caller()).pk, cost_micros=90, now=NOW)

    assert [alert.percent for alert in alerts] == [80]


def test_many_at_once_tell_a_threshold_once(tenant: Workspace, alerts: list[BudgetAlert], at_once: AtOnce) -> None:
    entries = [set_aside(10, caller=Caller()).pk for _ in range(6)]

    def settle(entry_id: Any) -> Any:
        def work() -> None:
            with tenant_scope(tenant.ref):
                ledger.settle(entry_id, cost_micros=10, now=NOW)

        return work

    at_once(*[settle(entry_id) for entry_id in entries])

    assert [alert.percent for alert in alerts] == [50]
