"""At the plan's limit events are accepted and held, exactly; they run when there is room again. None is dropped."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connection

from automate import ids
from automate.models import Event, ExecutionRun, OutboxJob
from automate.outbox.holding import HELD_UNTIL, OVER_PLAN_UNTIL
from automate.runtime import emit_event
from automate_billing import limits, plans, rounds, subscriptions
from automate_billing.fold import fold
from automate_billing.models import UsageDay
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.endpoints import update_endpoint
from automate_tenants.models import Tenant
from tests.billing.conftest import EVENT_TYPE, publish, shape, used, work
from tests.support.workspaces import Workspace

pytestmark = pytest.mark.django_db(transaction=True)
ACCEPT = """
SELECT verdict FROM public.automate_accept_v4(
  %(tenants)s::bigint[], %(events)s::uuid[], %(events)s::uuid[], %(types)s::text[], %(sources)s::text[],
  %(payloads)s::text[], %(nulls)s::text[], %(received)s::timestamptz[], %(nulls)s::uuid[], %(nulls)s::text[],
  %(nulls)s::text[], %(nulls)s::bytea[], %(zeros)s::int[], %(nulls)s::uuid[])
"""


@pytest.fixture
def small(settings: Any, tmp_path: Any, tenant_a: Workspace) -> Workspace:
    """A workspace on a plan of ten events and five runs; a bigger plan is there too."""
    import json

    file = tmp_path / "plans.json"
    document = {
        "ten": {"name": "Ten", "included": {"events": 10}},
        "twelve": {"name": "Twelve", "included": {"events": 12}},
        "runs": {"name": "Runs", "included": {"runs": 2}},
        "free": {"name": "Free"},
    }
    file.write_text(json.dumps(document))
    settings.DJANGO_AUTOMATE = {
        **settings.DJANGO_AUTOMATE,
        "BILLING": {"plans": str(file), "default_plan": "free"},
    }
    put_on(tenant_a, "ten")
    return tenant_a


def put_on(workspace: Workspace, plan: str) -> None:
    with public_scope():
        subscriptions.change_plan(tenant_id=workspace.ref.id, plan=plan, actor="test", now=datetime.now(UTC))


def go_round(at: datetime | None = None) -> None:
    rounds.go_round(now=at or datetime.now(UTC))


def accept(workspace: Workspace, count: int, *, source: str = "manual", url: str = "") -> None:
    """A flush of the gateway."""
    values = {
        "tenants": [workspace.ref.id] * count,
        "events": [ids.new_id() for _ in range(count)],
        "types": [EVENT_TYPE] * count,
        "sources": [source] * count,
        "payloads": ["{}"] * count,
        "received": [datetime.now(UTC)] * count,
        "zeros": [0] * count,
        "nulls": [None] * count,
    }
    if url:
        with psycopg.connect(url, autocommit=True) as gateway:
            while True:
                try:
                    gateway.execute(ACCEPT, values)
                    break
                except psycopg.errors.LockNotAvailable:
                    continue  # another has held the row for 50 ms: the gateway answers "repeat", and the sender does
    else:
        with connection.cursor() as cursor:
            cursor.execute(ACCEPT, values)
            cursor.execute("SELECT public.automate_ring_v1(%s::bigint[])", [[workspace.ref.id]])


def waiting(workspace: Workspace, until: datetime = OVER_PLAN_UNTIL) -> int:
    with tenant_scope(workspace.ref):
        return OutboxJob.objects.filter(available_at=until).count()


def room(workspace: Workspace) -> int | None:
    with public_scope():
        return Tenant.objects.values_list("plan_room", flat=True).get(pk=workspace.ref.id)


def test_events_over_the_plan_are_held_to_the_event_and_run_when_the_plan_changes(
    small: Workspace, tenant_b: Workspace
) -> None:
    publish(small.ref, [shape("one")])
    accept(small, 7)
    accept(small, 6)
    accept(tenant_b, 3)
    go_round()
    work()

    assert (waiting(small), waiting(tenant_b)) == (3, 0)
    assert used(small.ref) == Counter(events=10, runs=10, steps=10, held=3)

    put_on(small, "free")
    work()

    assert (waiting(small), room(small)) == (0, None)
    counted = used(small.ref)
    assert (counted["events"], counted["runs"], counted["held"]) == (13, 13, 0)


def test_a_bigger_plan_lets_go_only_as_many_as_it_has_room_for_the_oldest_first(small: Workspace) -> None:
    accept(small, 15)
    assert waiting(small) == 5

    put_on(small, "twelve")

    assert (waiting(small), room(small)) == (3, 0)
    with tenant_scope(small.ref):
        held = set(OutboxJob.objects.filter(available_at=OVER_PLAN_UNTIL).values_list("event_id", flat=True))
        assert held == set(Event.objects.order_by("-pk").values_list("pk", flat=True)[:3])


def test_a_new_period_brings_new_room_and_what_runs_then_is_use_of_it(small: Workspace) -> None:
    accept(small, 25)
    fold()
    with public_scope():  # all of it was last month
        for row in UsageDay.objects.filter(tenant_id=small.ref.id):
            row.day -= timedelta(days=31)
            row.save()
    go_round()

    assert waiting(small) == 5
    assert room(small) == 0
    go_round()
    assert used(small.ref)["events"] == 20
    with public_scope():
        this_month = UsageDay.objects.filter(tenant_id=small.ref.id, meter="events", day__gte=datetime.now(UTC).date())
        assert sum(this_month.values_list("amount", flat=True)) == 10


def test_the_api_and_code_hold_at_the_limit_too(small: Workspace) -> None:
    with tenant_scope(small.ref):
        for n in range(12):
            emit_event(EVENT_TYPE, {"n": n})

    assert waiting(small) == 2
    assert used(small.ref) == Counter(events=10, held=2)


def test_gateways_at_once_let_in_what_the_plan_includes_and_no_event_more(small: Workspace, database_urls: Any) -> None:
    go_round()  # the room is known before they begin

    def send() -> None:
        for _ in range(4):
            accept(small, 1, url=database_urls.app)

    senders = [threading.Thread(target=send) for _ in range(5)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()

    with tenant_scope(small.ref):
        stored = Event.objects.count()
    assert stored - waiting(small) == 10
    assert used(small.ref)["events"] == 10


def test_runs_past_their_limit_hold_new_events(small: Workspace) -> None:
    put_on(small, "runs")
    publish(small.ref, [shape("one")])
    accept(small, 3)
    work()
    go_round()
    accept(small, 4)

    assert (waiting(small), room(small)) == (4, 0)
    with tenant_scope(small.ref):
        assert ExecutionRun.objects.count() == 3  # what had begun went on


def test_an_event_of_a_paused_endpoint_waits_for_it_after_the_plan_has_room(small: Workspace) -> None:
    now = datetime.now(UTC)
    accept(small, 11, source="webhook:default")
    with tenant_scope(small.ref):
        endpoint = small.opened.endpoint
        update_endpoint(endpoint_id=endpoint.pk, actor="user:1", now=now, is_active=False)
        assert endpoint.source == "webhook:default"

    put_on(small, "free")
    assert (waiting(small), waiting(small, HELD_UNTIL)) == (0, 1)
    with tenant_scope(small.ref):
        update_endpoint(endpoint_id=endpoint.pk, actor="user:1", now=now, is_active=True)
    assert waiting(small, HELD_UNTIL) == 0


def test_an_endpoint_that_is_on_again_lets_nothing_past_the_plan(small: Workspace) -> None:
    now = datetime.now(UTC)
    accept(small, 12)
    with tenant_scope(small.ref):
        for is_active in (False, True):
            update_endpoint(endpoint_id=small.opened.endpoint.pk, actor="user:1", now=now, is_active=is_active)

    assert waiting(small) == 2


def test_far_from_the_limit_nobody_counts_down(tenant_a: Workspace) -> None:
    put_on(tenant_a, "free")
    accept(tenant_a, 5)
    go_round()

    assert room(tenant_a) is None
    assert plans.get("free").included["events"] > limits.near(plans.get("free").included["events"]) + 5


def test_a_room_that_somebody_lost_is_found_again(small: Workspace) -> None:
    """A process that died between taking room and letting go: what is used says what is left."""
    with public_scope():
        Tenant.objects.filter(pk=small.ref.id).update(plan_room=1)
    go_round()

    assert room(small) == 10


@pytest.mark.parametrize("left", [0, 3])
def test_a_repeat_takes_no_room(small: Workspace, left: int) -> None:
    with public_scope():
        Tenant.objects.filter(pk=small.ref.id).update(plan_room=left)
    with tenant_scope(small.ref):
        first: Callable[..., str] = emit_event
        made = {first(EVENT_TYPE, {}, dedupe_key=str(uuid4().int if n == 9 else "same")) for n in range(2)}

    assert len(made) == 1
    assert room(small) == max(0, left - 1)
