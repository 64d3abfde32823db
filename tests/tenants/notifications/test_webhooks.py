"""Webhooks out against a real server: signed, tried again on schedule, given up, switched off by 410, sent again."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from automate.ingest.verify import secret_bytes, verify_signature
from automate.models import AuditLogEntry
from automate_governance.errors import Conflict, NotFound
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.models import Membership, NotificationTurn
from automate_tenants.notifications import destinations, kinds, rounds, webhooks
from automate_tenants.notifications.destinations import Added, InvalidDestination
from automate_tenants.notifications.making import notify
from automate_tenants.notifications.models import Channel, Delivery
from automate_tenants.notifications.taking import due, take
from tests.isolation.conftest import new_member
from tests.support.sink import Answer, Sink
from tests.support.workspaces import Workspace
from tests.tenants.notifications.conftest import NOW, later

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(tenant_a: Workspace) -> Membership:
    with public_scope():
        return Membership.objects.get(tenant_id=tenant_a.ref.id, user=tenant_a.owner)


@pytest.fixture
def hook(settings: Any, http_sink: Sink) -> str:
    """The sink's address, which this installation allows although it is private."""
    settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "POLICY": {"private_targets": [http_sink.target]}}
    return f"{http_sink.url}/hook"


def add(workspace: Workspace, owner: Membership, url: str) -> Added:
    with tenant_scope(workspace.ref):
        return destinations.add(member=owner, url=url, now=NOW)


def tell(workspace: Workspace, key: str = "one") -> None:
    with tenant_scope(workspace.ref):
        notify(kind=kinds.PAUSED, key=key, title="Paused", text="An incident.", path="/governance/", now=NOW)


def delivery(workspace: Workspace) -> Delivery:
    with tenant_scope(workspace.ref):
        return Delivery.objects.get(channel="webhook")


def run(at: datetime) -> None:
    rounds.go_round(now=at)


def test_a_message_is_signed_and_what_it_tells_of_is_in_it(
    tenant_a: Workspace, owner: Membership, hook: str, http_sink: Sink
) -> None:
    added = add(tenant_a, owner, hook)
    tell(tenant_a)
    run(NOW)

    [got] = http_sink.received
    headers = {name: got.headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature")}
    verify_signature(
        secrets=[secret_bytes(added.secret)],
        raw=got.body,
        webhook_id=headers["id"],
        timestamp=headers["timestamp"],
        signature=headers["signature"],
        now_seconds=NOW.timestamp(),
    )
    message = json.loads(got.body)
    assert (got.method, got.path, message["type"]) == ("POST", "/hook", "notification.engine_paused")
    assert message["data"]["title"] == "Paused"
    assert message["data"]["url"].endswith("/enter/alpha/?next=%2Fgovernance%2F")
    sent = delivery(tenant_a)
    assert (sent.status, sent.http_status, str(sent.pk)) == ("sent", 200, headers["id"])
    with tenant_scope(tenant_a.ref):
        entries = AuditLogEntry.objects.filter(action__startswith="notifications.").values_list("action", "details")
        assert list(entries) == [
            ("notifications.add_webhook", {"host": "127.0.0.1", "member": f"user:{owner.user_id}"})
        ]


def test_it_is_tried_on_schedule_with_the_same_id_and_then_given_up(
    tenant_a: Workspace, owner: Membership, hook: str, http_sink: Sink
) -> None:
    http_sink.answer = Answer(503, b"busy")
    add(tenant_a, owner, hook)
    tell(tenant_a)
    at, waits = NOW, []
    run(at)
    while (row := delivery(tenant_a)).status == "pending":
        waits.append((row.due_at - at).total_seconds())
        run(row.due_at - timedelta(seconds=1))
        at = row.due_at
        run(at)

    schedule = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
    assert all(plan <= wait <= plan * 1.1 for plan, wait in zip(schedule, waits, strict=True))
    assert (row.status, row.attempts, row.error) == ("failed", 10, "It answered 503: busy")
    assert len({got.headers["webhook-id"] for got in http_sink.received}) == 1
    assert len(http_sink.received) == 10

    http_sink.answer = Answer()
    with tenant_scope(tenant_a.ref):
        destinations.redeliver(member=owner, delivery_id=row.pk, now=at)
    run(at)
    assert delivery(tenant_a).status == "sent"


def test_410_switches_it_off_and_nothing_more_is_sent_until_it_is_on_again(
    tenant_a: Workspace, owner: Membership, hook: str, http_sink: Sink
) -> None:
    http_sink.answer = Answer(410)
    added = add(tenant_a, owner, hook)
    tell(tenant_a)
    run(NOW)
    tell(tenant_a, "two")
    run(later(hours=1))
    gone = delivery(tenant_a)

    assert (gone.status, len(http_sink.received)) == ("failed", 1)
    with tenant_scope(tenant_a.ref):
        assert destinations.find(owner, added.destination.pk).disabled_because == "It answered 410 Gone."
        with pytest.raises(Conflict):
            destinations.redeliver(member=owner, delivery_id=gone.pk, now=NOW)
        destinations.enable(member=owner, destination_id=added.destination.pk, is_on=True, now=NOW)
    http_sink.answer = Answer()
    tell(tenant_a, "three")
    run(later(hours=2))
    assert len(http_sink.received) == 2


def test_after_a_roll_both_secrets_sign_for_a_day(
    tenant_a: Workspace, owner: Membership, hook: str, http_sink: Sink
) -> None:
    added = add(tenant_a, owner, hook)
    with tenant_scope(tenant_a.ref):
        rolled = destinations.roll(member=owner, destination_id=added.destination.pk, now=NOW)
        for at in (later(hours=23), later(hours=25)):
            assert webhooks.ping(destinations.find(owner, added.destination.pk), now=at).is_ok

    first, second = (got.headers["webhook-signature"].split() for got in http_sink.received)
    assert (len(first), len(second)) == (2, 1)
    assert rolled.secret != added.secret


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://10.0.0.8/x", "ftp://example.com/", "http://localhost/"])
def test_what_may_not_be_called_is_refused(tenant_a: Workspace, owner: Membership, url: str) -> None:
    with pytest.raises(InvalidDestination):
        add(tenant_a, owner, url)


def test_a_name_that_leads_inside_later_is_refused_when_it_is_called(
    tenant_a: Workspace, owner: Membership, hook: str, http_sink: Sink, settings: Any
) -> None:
    add(tenant_a, owner, hook)
    settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "POLICY": {}}
    tell(tenant_a)
    run(NOW)

    refused = delivery(tenant_a)
    assert (refused.status, refused.attempts, http_sink.received) == ("failed", 1, [])
    assert "may not be called" in refused.error


def test_another_member_neither_sees_nor_changes_it_and_gets_nothing_of_it(
    tenant_a: Workspace, owner: Membership, hook: str
) -> None:
    added = add(tenant_a, owner, hook)
    tell(tenant_a)
    run(NOW)
    with public_scope():
        other = Membership.objects.get(tenant_id=tenant_a.ref.id, user=new_member(tenant_a, "admin"))
    row = delivery(tenant_a)

    with tenant_scope(tenant_a.ref):
        assert list(destinations.log(other)) == []
        for call in (destinations.roll, destinations.remove):
            with pytest.raises(NotFound):
                call(member=other, destination_id=added.destination.pk, now=NOW)
        with pytest.raises(NotFound):
            destinations.redeliver(member=other, delivery_id=row.pk, now=NOW)


def test_a_sender_that_died_is_followed_by_another(
    tenant_a: Workspace, owner: Membership, hook: str, http_sink: Sink, letters: list[Any]
) -> None:
    """Its turn and its deliveries were moved two minutes ahead before anything was sent; then they come due."""
    add(tenant_a, owner, hook)
    tell(tenant_a)
    taken = rounds._take(NOW)
    assert taken is not None
    with tenant_scope(tenant_a.ref):
        for channel in (Channel.WEBHOOK, Channel.EMAIL):
            assert len(take(due(channel, NOW), most=20, now=NOW)) == 1
            assert take(due(channel, NOW), most=20, now=NOW) == []
    run(later(seconds=60))
    assert (http_sink.received, letters) == ([], [])

    run(later(minutes=3))

    assert (len(http_sink.received), len(letters)) == (1, 1)
    with public_scope():
        assert NotificationTurn.objects.get(pk=tenant_a.ref.id).send_at is None
