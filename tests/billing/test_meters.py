"""What counts and what does not: one row beside the work, in its transaction, whichever way the work came in."""

from __future__ import annotations

import contextlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from automate.ids import new_id
from automate.models import Event, ExecutionRun, StepRun
from automate.runtime import emit_event
from automate.services.retries import retry_run
from automate_billing.fold import fold
from automate_billing.models import UsageDay, UsageDelta
from automate_llm.budgets import ledger
from automate_llm.budgets.caps import Caps
from automate_tenants.context import public_scope, tenant_scope
from tests.billing.conftest import EVENT_TYPE, publish, shape, used, work
from tests.support.workspaces import Workspace

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_event_its_run_and_each_step_count_once(tenant_a: Workspace, tenant_b: Workspace) -> None:
    workflow = publish(tenant_a.ref, [shape("one"), shape("two")])
    with tenant_scope(tenant_a.ref):
        for n in range(3):
            emit_event(EVENT_TYPE, {"n": n}, dedupe_key=str(n))
        emit_event(EVENT_TYPE, {"n": 0}, dedupe_key="0")  # a repeat
    work()

    assert used(tenant_a.ref) == Counter(events=3, runs=3, steps=6)
    assert used(tenant_b.ref) == Counter()
    with public_scope():
        subjects = dict(UsageDay.objects.values_list("meter", "subject"))
    assert subjects == {"events": "emit_event", "runs": workflow, "steps": workflow}


def test_a_skipped_step_is_free_and_each_item_counts(tenant_a: Workspace) -> None:
    items = shape("many", foreach={"items": [1, 2, 3]})
    publish(tenant_a.ref, [shape("not", when={"==": [1, 2]}), items])
    with tenant_scope(tenant_a.ref):
        emit_event(EVENT_TYPE, {})
    work()

    assert used(tenant_a.ref)["steps"] == 4  # the fan-out and its three items


def test_a_repeated_attempt_is_free(tenant_a: Workspace) -> None:
    publish(tenant_a.ref, [shape("one")])
    with tenant_scope(tenant_a.ref):
        emit_event(EVENT_TYPE, {})
        work()
        again = StepRun.objects.defer(None).get()
        again.pk, again.attempt = new_id(), 2
        again.save(force_insert=True)

    assert used(tenant_a.ref)["steps"] == 1


def test_what_a_retry_takes_over_is_free(tenant_a: Workspace) -> None:
    fail = {"id": "stop", "connector": "core", "action": "fail", "params": {"message": "no"}}
    publish(tenant_a.ref, [shape("kept"), fail])
    with tenant_scope(tenant_a.ref):
        emit_event(EVENT_TYPE, {})
    work()
    before = used(tenant_a.ref)
    with tenant_scope(tenant_a.ref):
        run = ExecutionRun.objects.get()
        retry_run(run_id=run.pk, from_step="failed", version="same", actor="test", now=datetime.now(UTC))
    work()

    with tenant_scope(tenant_a.ref):
        assert StepRun.objects.filter(step_id="kept").count() == 2  # one of them is the copy
    assert used(tenant_a.ref) - before == Counter(runs=1, steps=1)


def test_what_is_rolled_back_was_never_used(tenant_a: Workspace) -> None:
    with tenant_scope(tenant_a.ref), contextlib.suppress(ZeroDivisionError), transaction.atomic():
        emit_event(EVENT_TYPE, {})
        raise ZeroDivisionError

    assert used(tenant_a.ref) == Counter()


def test_a_call_of_a_model_counts_what_it_cost_on_the_day_it_was_made(tenant_a: Workspace) -> None:
    at = datetime(2026, 3, 31, 23, 59, tzinfo=UTC)
    intent = ledger.Intent("chat", "stub", "stub-1", amount_micros=900, timeout_seconds=5)
    with tenant_scope(tenant_a.ref):
        settled, doubted = (ledger.reserve(ledger.Caller(), intent, caps=Caps(10**9), zone="UTC", now=at) for _ in "12")
        ledger.settle(settled.pk, cost_micros=250, now=at + timedelta(minutes=2))
        ledger.doubt(doubted.pk, now=at)
        ledger.settle(doubted.pk, cost_micros=100, now=at + timedelta(days=1))

    assert used(tenant_a.ref) == Counter(llm=350)
    with public_scope():
        assert str(UsageDay.objects.get().day) == "2026-03-31"


def test_the_day_is_the_workspaces_own(tenant_a: Workspace) -> None:
    from automate_tenants.models import Tenant

    with public_scope():
        Tenant.objects.filter(pk=tenant_a.ref.id).update(timezone="Pacific/Kiritimati")  # UTC+14
        for hour in (9, 10):
            at = datetime(2026, 5, 1, hour, tzinfo=UTC)
            UsageDelta.objects.create(schema_name=tenant_a.ref.schema_name, at=at, meter="runs", subject="", amount=1)
        fold()

        assert [str(row.day) for row in UsageDay.objects.order_by("day")] == ["2026-05-01", "2026-05-02"]


def test_partitioned_events_are_counted_too(tenant_a: Workspace) -> None:
    from django.utils import timezone

    from automate.retention.partitions import partition_events
    from tests.support.database import owner_role

    with owner_role(), tenant_scope(tenant_a.ref):
        partition_events(now=timezone.now(), ahead=1, cutoff=None)
    with tenant_scope(tenant_a.ref):
        emit_event(EVENT_TYPE, {})
        assert Event.objects.count() == 1

    assert used(tenant_a.ref) == Counter(events=1)


def test_every_counted_table_has_its_triggers(tenant_a: Workspace) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND t.tgname LIKE 'meter%%'"
            " ORDER BY 1, 2",
            [tenant_a.ref.schema_name],
        )
        found: list[Any] = cursor.fetchall()

    assert found == [
        ("automate_event", "meter_events"),
        ("automate_executionrun", "meter_runs"),
        ("automate_llm_ledgerentry", "meter_llm"),
        ("automate_llm_ledgerentry", "meter_llm_change"),
        ("automate_steprun", "meter_steps"),
    ]
