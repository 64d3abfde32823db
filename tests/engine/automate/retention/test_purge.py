"""What retention deletes, and what it must keep."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from automate import ids
from automate.models import (
    BufferedEvent,
    Dedupe,
    Event,
    EventBuffer,
    ExecutionRun,
    FailureMark,
    MatchDecision,
    OutboundPace,
    OutboxJob,
    PolicyBlock,
    RunState,
    ScheduleTick,
    StepRun,
)
from automate.retention import Purged, Retention, configured, purge
from automate_llm.budgets import reconcile
from automate_llm.models import LedgerEntry, LedgerMonth
from automate_tenants.context import tenant_scope
from automate_tenants.housekeeping import keep, keep_next
from automate_tenants.models import HandoverTicket, RefusalCount, Tenant
from tests.engine.automate.retention.conftest import NOW, Attic


def run_purge(attic: Attic, **options: Any) -> Purged[str]:
    with tenant_scope(attic.ref):
        return purge(now=NOW, retention=Retention(**{"days": 30, "batch_size": 2, **options}))


def test_an_old_event_goes_with_everything_that_hangs_on_it_and_a_young_one_stays(attic: Attic) -> None:
    old, young = [attic.event(days=40 + n) for n in range(5)], attic.event(days=2)
    for event in (*old, young):
        attic.run(event)

    purged = run_purge(attic)

    assert attic.left(Event) == {young}
    assert {table: purged[table] for table in ("event", "executionrun", "steprun", "runstate", "matchdecision")} == {
        "event": 5, "executionrun": 5, "steprun": 5, "runstate": 5, "matchdecision": 5,
    }  # fmt: skip
    assert purged["outboxjob"] == 10
    assert purged["dedupe"] == 5
    assert [len(attic.left(model)) for model in (ExecutionRun, StepRun, RunState, MatchDecision, Dedupe)] == [1] * 5


@pytest.mark.parametrize("status", ["queued", "running", "waiting", "held"])
def test_what_an_unfinished_run_needs_is_kept_however_old(attic: Attic, status: str) -> None:
    event = attic.event(days=400)
    attic.run(event)
    run = attic.run(event, status=status)

    run_purge(attic)

    assert attic.left(Event) == {event}
    assert run in attic.left(ExecutionRun)
    assert run in attic.left(RunState)
    assert attic.left(Dedupe) != set()


def test_the_parent_and_the_children_of_an_unfinished_run_are_kept(attic: Attic) -> None:
    parent = attic.run(attic.event(days=90), status="waiting")
    child = attic.run(attic.event(days=89), parent=parent)
    ended = attic.run(attic.event(days=88))
    grandchild = attic.run(attic.event(days=87), status="running", parent=ended)

    run_purge(attic)

    assert attic.left(ExecutionRun) == {parent, child, ended, grandchild}


@pytest.mark.parametrize("status", ["PENDING", "CLAIMED"])
def test_an_event_still_to_be_matched_is_kept(attic: Attic, status: str) -> None:
    waiting, done = attic.event(days=60, job=status), attic.event(days=60)

    run_purge(attic)

    assert attic.left(Event) == {waiting}
    assert done not in attic.left(Event)


def test_a_run_is_kept_until_its_own_end_is_old_enough(attic: Attic) -> None:
    event = attic.event(days=60)
    run = attic.run(event, days=3)

    run_purge(attic)

    assert attic.left(ExecutionRun) == {run}
    assert attic.left(Event) == {event}


def test_an_expired_key_goes_before_its_event(attic: Attic) -> None:
    attic.event(days=10)
    attic.event(days=1)

    purged = run_purge(attic)

    assert purged == {"dedupe": 1}


def test_rows_whose_event_went_with_its_partition_go_too(attic: Attic) -> None:
    event = attic.event(days=90)
    with tenant_scope(attic.ref):
        Event.objects.filter(pk=event).delete()

    run_purge(attic)

    assert attic.left(MatchDecision) == set()
    assert attic.left(OutboxJob) == set()


def test_it_stops_between_two_batches_when_told_to(attic: Attic) -> None:
    for n in range(6):
        attic.run(attic.event(days=40 + n))

    with tenant_scope(attic.ref):
        purged = purge(now=NOW, retention=Retention(batch_size=2), go_on=lambda: False)

    assert purged["executionrun"] == 2
    assert len(attic.left(ExecutionRun)) == 4


def test_a_neighbour_keeps_its_rows(attic: Attic, tenant_b: Any) -> None:
    attic.event(days=90)
    other = Attic(tenant_b.ref)
    theirs = other.event(days=90)

    run_purge(attic)

    assert attic.left(Event) == set()
    assert other.left(Event) == {theirs}


def test_public_rows_about_a_tenant_go_with_their_age_and_spent_tickets_at_once(attic: Attic, tenant_a: Any) -> None:
    tenant = Tenant.objects.get(pk=attic.ref.id)
    for days in (40, 2):
        RefusalCount.objects.create(
            tenant_id=tenant.pk, endpoint_id=ids.new_id(), code="x", minute=NOW - timedelta(days=days), count=1
        )
    for minutes in (-1, 1):
        HandoverTicket.objects.create(
            nonce=bytes([minutes + 1]) * 32,
            user=tenant_a.owner,
            tenant=tenant,
            expires_at=NOW + timedelta(minutes=minutes),
        )

    purged = keep(tenant, now=NOW)

    assert (purged["refusalcount"], purged["handoverticket"]) == (1, 1)
    assert RefusalCount.objects.count() == HandoverTicket.objects.count() == 1


def test_a_plan_may_keep_less_than_the_installation(attic: Attic) -> None:
    attic.event(days=10)
    tenant = Tenant.objects.get(pk=attic.ref.id)
    tenant.retention_days = 7

    keep(tenant, now=NOW)

    assert attic.left(Event) == set()


def test_each_tenant_has_its_turn_once_an_hour(attic: Attic, tenant_b: Any) -> None:
    now = timezone.now()

    turns = [keep_next(now=now, go_on=lambda: True) for _ in range(3)]

    assert turns == [True, True, False]
    assert keep_next(now=now + timedelta(minutes=61), go_on=lambda: True)


def test_a_tenant_whose_turn_was_cut_short_is_next_again(attic: Attic, tenant_b: Any) -> None:
    now = timezone.now()

    assert keep_next(now=now, go_on=lambda: False)

    waiting = Tenant.objects.filter(kept_house_at__gt=now - timedelta(minutes=59))
    assert not waiting.exists()


@pytest.mark.parametrize("options", [{"days": 0}, {"days": 4000}, {"batch_size": 0}, {"weeks": 2}])
def test_a_setting_out_of_bounds_is_refused(options: dict[str, int], settings: Any) -> None:
    settings.DJANGO_AUTOMATE = {"RETENTION": options}

    with pytest.raises(ImproperlyConfigured):
        configured()


def test_due_times_counts_and_buffers_go_and_what_waits_in_a_young_buffer_stays(attic: Attic) -> None:
    old, young = NOW - timedelta(days=31), NOW - timedelta(days=1)
    kept, gone = attic.event(days=40), attic.event(days=41)
    with tenant_scope(attic.ref):
        for at in (old, young):
            for outcome in ("fired", "queued"):
                due = at + timedelta(seconds=outcome == "queued")
                ScheduleTick.objects.create(
                    schedule_id=ids.new_id(), due_at=due, outcome=outcome, reason="", decided_at=at
                )
            PolicyBlock.objects.create(
                hour=at, rule="host_allowlist", layer="tenant", subject="a", outcome="denied", latest_at=at
            )
            OutboundPace.objects.create(key=f"tenant::{at:%d}", updated_at=at)
            buffer = EventBuffer.objects.create(
                workflow_id=ids.new_id(),
                version_id=ids.new_id(),
                key="k",
                kind="batch",
                count=1,
                opened_at=at,
                due_at=at,
            )
            event = gone if at == old else kept
            BufferedEvent.objects.create(buffer_id=buffer.pk, event_id=event)
        BufferedEvent.objects.create(buffer_id=ids.new_id(), event_id=gone)

    run_purge(attic)

    left = (ScheduleTick, PolicyBlock, OutboundPace, EventBuffer, BufferedEvent)
    assert [len(attic.left(model)) for model in left] == [3, 1, 1, 1, 1]
    assert attic.left(Event) == {kept}


def test_calls_of_models_are_kept_for_400_days_then_by_month_and_what_is_in_doubt_for_ever(attic: Attic) -> None:
    flow = ids.new_id()
    with tenant_scope(attic.ref):
        made = {
            (status, days, cost): LedgerEntry.objects.create(
                at=NOW - timedelta(days=days),
                day=f"{NOW - timedelta(days=days):%Y-%m-%d}",
                expires_at=NOW,
                status=status,
                reserved_micros=0,
                cost_micros=cost,
                input_tokens=cost or None,
                provider="openai",
                model="m",
                workflow_id=flow,
            ).pk
            for status, cost in (("settled", 5), ("settled", 7), ("released", 0), ("unreconciled", 9))
            for days in (399, 401)
        }
        stopped = reconcile.forget_calls(now=NOW, batch_size=1, go_on=lambda: False)
        rest = reconcile.forget_calls(now=NOW, batch_size=1)
        left = set(LedgerEntry.objects.values_list("pk", flat=True))
        [month] = LedgerMonth.objects.all()

    assert (stopped, rest) == (1, 2)
    assert left == {pk for (status, days, _), pk in made.items() if days == 399 or status == "unreconciled"}
    assert month.month == f"{NOW - timedelta(days=401):%Y-%m}"
    assert (month.workflow, month.provider, month.model) == (str(flow), "openai", "m")
    assert (month.calls, month.cost_micros, month.input_tokens, month.output_tokens) == (2, 12, 12, 0)


def test_a_mark_stays_while_it_is_in_force_or_something_fails_that_way(attic: Attic) -> None:
    failing = attic.run(attic.event(days=1), status="failed")
    with tenant_scope(attic.ref):
        run = ExecutionRun.objects.get(pk=failing)
        ExecutionRun.objects.filter(pk=failing).update(error_fingerprint="seen")
        old, later = NOW - timedelta(days=40), NOW + timedelta(days=1)
        for fingerprint, touched, muted in (
            ("seen", old, None), ("muted", old, later), ("touched", NOW, None), ("forgotten", old, old),
        ):  # fmt: skip
            FailureMark.objects.create(
                workflow_id=run.workflow_id, fingerprint=fingerprint, muted_until=muted, updated_by="user:1",
                updated_at=touched,
            )  # fmt: skip

    assert run_purge(attic)["failuremark"] == 1
    with tenant_scope(attic.ref):
        assert set(FailureMark.objects.values_list("fingerprint", flat=True)) == {"seen", "muted", "touched"}
