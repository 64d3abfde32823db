"""Held events: a paused endpoint and an unconfirmed workspace answer 202, store, and process later. None is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from automate.ingest.ingestor import EventIngestor
from automate.models import OutboxJob, WebhookEndpoint
from automate.outbox.holding import HELD_UNTIL, OVER_PLAN_UNTIL
from automate_tenants.context import tenant_scope
from automate_tenants.endpoints import update_endpoint
from automate_tenants.holding import let_go_of
from automate_tenants.models import Tenant
from tests.web.gateway.conftest import Inside, Sender

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
NOW = datetime.now(UTC)


def set_active(sender: Sender, is_active: bool) -> None:
    with tenant_scope(sender.workspace.ref):
        endpoint = WebhookEndpoint.objects.get(slug="default")
        update_endpoint(endpoint_id=endpoint.pk, actor="user:1", now=NOW, is_active=is_active)


def held(sender: Sender) -> int:
    with tenant_scope(sender.workspace.ref):
        return OutboxJob.objects.filter(available_at=HELD_UNTIL).count()


def test_a_paused_endpoint_stores_what_comes_and_lets_it_go_when_it_is_on_again(alone: Sender) -> None:
    set_active(alone, False)
    before = [alone.post(b'{"n":%d}' % n) for n in range(3)]
    repeat = [alone.post(b'{"n":9}', webhook_id="k") for _ in range(2)]

    assert {reply.status for reply in before + repeat} == {202}
    assert repeat[1].json["duplicate"] is True
    assert held(alone) == 4

    set_active(alone, True)
    assert held(alone) == 0
    assert alone.post().status == 202
    assert held(alone) == 0


def test_only_the_events_of_the_paused_endpoint_are_held(alone: Sender) -> None:
    set_active(alone, False)
    with tenant_scope(alone.workspace.ref):
        EventIngestor().ingest(type="made.here", payload={}, source="api")
    alone.post()

    assert held(alone) == 1


def test_an_endpoint_switched_off_and_on_under_load_leaves_nothing_behind(
    alone: Sender, inside: Callable[[Sender], Inside]
) -> None:
    statuses: list[int] = []

    def send() -> None:
        for n in range(40):
            while (status := alone.post(b'{"n":%d}' % n).status) == 503:
                pass  # a switch that takes longer than an accept waits for: nothing was stored, it says, repeat
            statuses.append(status)

    senders = [threading.Thread(target=send) for _ in range(3)]
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders):
        set_active(alone, False)
        set_active(alone, True)

    assert (set(statuses), inside(alone).count("event"), held(alone)) == ({202}, 120, 0)


def test_what_comes_after_the_first_hundred_waits_for_the_confirmed_address(
    alone: Sender, inside: Callable[[Sender], Inside]
) -> None:
    Tenant.objects.filter(pk=alone.workspace.ref.id).update(hold_after=3)
    assert {alone.post(webhook_id=f"k{n}").status for n in range(5)} == {202}
    with tenant_scope(alone.workspace.ref):
        EventIngestor().ingest(type="order.created", payload={}, source="api")  # the API's way in counts too

    assert (inside(alone).count("event"), held(alone)) == (6, 3)
    set_active(alone, False)
    alone.post()
    set_active(alone, True)  # no way around: the workspace is still full
    assert held(alone) == 4

    assert let_go_of(alone.workspace.owner.pk, NOW) == 4
    assert held(alone) == 0
    assert alone.post().status == 202
    assert held(alone) == 0


def test_over_the_plan_events_are_stored_and_wait_for_it(alone: Sender, inside: Callable[[Sender], Inside]) -> None:
    def over_plan() -> int:
        with tenant_scope(alone.workspace.ref):
            return OutboxJob.objects.filter(available_at=OVER_PLAN_UNTIL).count()

    Tenant.objects.filter(pk=alone.workspace.ref.id).update(plan_room=3)
    assert {alone.post(webhook_id=f"k{n}").status for n in range(5)} == {202}
    assert alone.post(webhook_id="k0").json["duplicate"] is True  # takes no room

    assert (inside(alone).count("event"), held(alone), over_plan()) == (5, 0, 2)
    assert Tenant.objects.get(pk=alone.workspace.ref.id).plan_room == 0

    set_active(alone, False)
    set_active(alone, True)  # no way around
    assert over_plan() == 2
