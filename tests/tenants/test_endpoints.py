"""Endpoints and their routes: always written together, never more told than once."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from automate.ingest import signing_secret
from automate.ingest.ingestor import EventIngestor
from automate.models import AuditLogEntry, OutboxJob, WebhookEndpoint, Workflow, WorkflowVersion
from automate.outbox.holding import HELD_UNTIL
from automate_governance.crypto import Unsealable
from automate_governance.errors import NotFound
from automate_tenants.context import tenant_scope
from automate_tenants.endpoints import (
    EndpointExists,
    EndpointInUse,
    InvalidEndpoint,
    create_endpoint,
    remove_endpoint,
    roll_secret,
    set_paused,
    token_hash,
    update_endpoint,
)
from automate_tenants.key_store import data_key
from automate_tenants.models import WebhookRoute
from tests.support.workspaces import Workspace

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def inside(tenant_a: Workspace, db: None) -> Any:
    with tenant_scope(tenant_a.ref):
        yield


def route_of(endpoint: WebhookEndpoint) -> WebhookRoute:
    return WebhookRoute.objects.get(token_hash=token_hash(endpoint.token))


def agree(endpoint: WebhookEndpoint) -> bool:
    endpoint.refresh_from_db()
    route = route_of(endpoint)
    names = ("auth", "event_type", "type_path", "dedupe_path", "is_active", "source")
    secrets = [bytes(each.signing_secret or b"") for each in (route, endpoint)]
    return all(getattr(route, name) == getattr(endpoint, name) for name in names) and secrets[0] == secrets[1]


def start_by(workflow: Workflow, slug: str) -> None:
    """Publish a version of `workflow` that the endpoint of this name starts."""
    trigger = {"type": "webhook", "endpoint": slug}
    workflow.active_version = WorkflowVersion.objects.create(
        workflow=workflow, version_num=9, trigger_spec=trigger, steps=[], published_by="user:1",
        published_at=workflow.created_at,
    )  # fmt: skip
    workflow.save()


def test_an_endpoint_has_a_route_to_its_own_tenant(tenant_a: Workspace) -> None:
    created = create_endpoint(slug="shop", actor="user:1", now=NOW)
    route = route_of(created.endpoint)
    assert (route.tenant_id, route.schema_name) == (tenant_a.ref.id, tenant_a.ref.schema_name)
    assert (route.endpoint_id, route.source, route.auth) == (created.endpoint.id, "webhook:shop", "api_key")
    assert created.secret is None
    assert agree(created.endpoint)
    assert AuditLogEntry.objects.filter(action="endpoint.create", resource=f"endpoint:{created.endpoint.id}").exists()


def test_tokens_cannot_be_guessed_and_routes_do_not_hold_them() -> None:
    tokens = {create_endpoint(slug=f"e{n}", actor="user:1", now=NOW).endpoint.token for n in range(20)}
    assert len(tokens) == 20
    assert all(len(token) == 32 and token.isalnum() for token in tokens)  # 62**32 > 2**190
    stored = {bytes(value) for value in WebhookRoute.objects.values_list("token_hash", flat=True)}
    assert not stored & {token.encode() for token in tokens}


def test_route_and_endpoint_roll_back_together() -> None:
    before = WebhookRoute.objects.count()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        create_endpoint(slug="shop", actor="user:1", now=NOW)
        raise ZeroDivisionError
    assert WebhookRoute.objects.count() == before
    assert not WebhookEndpoint.objects.filter(slug="shop").exists()


def test_every_change_reaches_the_route() -> None:
    endpoint = create_endpoint(slug="shop", actor="user:1", now=NOW).endpoint
    update_endpoint(endpoint_id=endpoint.id, actor="user:1", now=NOW, type_path="type", dedupe_path="order.id")
    assert agree(endpoint)
    update_endpoint(endpoint_id=endpoint.id, actor="user:1", now=NOW, is_active=False)
    assert agree(endpoint)
    assert not route_of(endpoint).is_active


def test_demanding_signatures_makes_a_secret_that_is_told_once(tenant_a: Workspace) -> None:
    endpoint = create_endpoint(slug="shop", actor="user:1", now=NOW).endpoint
    told = update_endpoint(endpoint_id=endpoint.id, actor="user:1", now=NOW, auth="standard_webhooks").secret
    assert told is not None
    assert len(base64.b64decode(told.removeprefix("whsec_"), validate=True)) == 32
    assert agree(endpoint)
    sealed = bytes(route_of(endpoint).signing_secret or b"")
    assert told.encode() not in sealed
    assert signing_secret.open_all(data_key(tenant_a.ref), endpoint.id, sealed, now=NOW) == [told]
    again = update_endpoint(endpoint_id=endpoint.id, actor="user:1", now=NOW, event_type="order.created")
    assert again.secret is None


def test_a_rotated_secret_overlaps_as_long_as_asked(tenant_a: Workspace) -> None:
    created = create_endpoint(slug="shop", actor="user:1", now=NOW, auth="standard_webhooks")
    endpoint, hour = created.endpoint, timedelta(hours=1)
    fresh = roll_secret(endpoint_id=endpoint.id, overlap=hour, actor="user:1", now=NOW).secret
    assert agree(endpoint)

    def good_at(now: datetime) -> list[str]:
        sealed = bytes(route_of(endpoint).signing_secret or b"")
        return signing_secret.open_all(data_key(tenant_a.ref), endpoint.id, sealed, now=now)

    assert good_at(NOW) == [fresh, created.secret]
    assert good_at(NOW + hour) == [fresh]
    newest = roll_secret(endpoint_id=endpoint.id, overlap=timedelta(0), actor="user:1", now=NOW).secret
    assert good_at(NOW) == [newest]


def test_a_secret_opens_for_its_own_tenant_and_endpoint_alone(tenant_a: Workspace, tenant_b: Workspace) -> None:
    created = create_endpoint(slug="shop", actor="user:1", now=NOW, auth="standard_webhooks")
    sealed = bytes(created.endpoint.signing_secret or b"")
    with pytest.raises(Unsealable):
        signing_secret.open_all(data_key(tenant_b.ref), created.endpoint.id, sealed, now=NOW)
    with pytest.raises(Unsealable):
        signing_secret.open_all(data_key(tenant_a.ref), uuid4(), sealed, now=NOW)


def test_the_audit_log_holds_neither_token_nor_secret() -> None:
    created = create_endpoint(slug="shop", actor="user:1", now=NOW, auth="standard_webhooks")
    fresh = roll_secret(endpoint_id=created.endpoint.id, overlap=timedelta(0), actor="user:1", now=NOW).secret
    told = str(list(AuditLogEntry.objects.values_list("details", flat=True)))
    assert created.endpoint.token not in told
    assert (created.secret or "") not in told
    assert (fresh or "") not in told


def test_another_workspaces_endpoint_is_not_found(tenant_b: Workspace) -> None:
    endpoint = create_endpoint(slug="shop", actor="user:1", now=NOW).endpoint
    with tenant_scope(tenant_b.ref):
        with pytest.raises(NotFound):
            update_endpoint(endpoint_id=endpoint.id, actor="user:2", now=NOW, is_active=False)
        with pytest.raises(NotFound):
            roll_secret(endpoint_id=endpoint.id, overlap=timedelta(0), actor="user:2", now=NOW)
    assert route_of(endpoint).is_active


def test_two_workspaces_may_use_one_name(tenant_b: Workspace) -> None:
    create_endpoint(slug="shop", actor="user:1", now=NOW)
    with pytest.raises(EndpointExists):
        create_endpoint(slug="shop", actor="user:1", now=NOW)
    with tenant_scope(tenant_b.ref):
        create_endpoint(slug="shop", actor="user:2", now=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"slug": ""},
        {"slug": "Shop"},
        {"slug": "shop\n"},
        {"slug": "a" * 61},
        {"auth": "maybe"},
        {"event_type": ""},
        {"event_type": "a b"},
        {"event_type": "x" * 201},
        {"type_path": "a..b"},
        {"dedupe_path": ".a"},
        {"dedupe_path": "a b"},
        {"dedupe_path": "x" * 201},
    ],
    ids=str,
)
def test_an_endpoint_that_makes_no_sense_is_refused(changes: dict[str, str]) -> None:
    before = WebhookRoute.objects.count()
    with pytest.raises(InvalidEndpoint):
        create_endpoint(**{"slug": "shop", "actor": "user:1", "now": NOW, **changes})
    assert WebhookRoute.objects.count() == before


def test_only_what_may_change_changes() -> None:
    endpoint = create_endpoint(slug="shop", actor="user:1", now=NOW).endpoint
    with pytest.raises(InvalidEndpoint):
        update_endpoint(endpoint_id=endpoint.id, actor="user:1", now=NOW, token="mine")


def test_a_removed_endpoint_leaves_no_way_in_and_no_secret(tenant_a: Workspace) -> None:
    made = create_endpoint(slug="shop", auth="github", actor="user:1", now=NOW).endpoint
    token = made.token

    gone = remove_endpoint(endpoint_id=made.pk, actor="user:1", now=NOW)

    gone.refresh_from_db()
    assert not WebhookRoute.objects.filter(endpoint_id=made.pk).exists()
    assert (gone.signing_secret, gone.previous_secret_until, gone.token != token) == (None, None, True)
    assert not WebhookEndpoint.objects.filter(pk=made.pk).exists()
    assert (gone.name, gone.source) == ("shop", "webhook:shop")  # its events are found by it
    assert AuditLogEntry.objects.filter(action="endpoint.delete", resource=f"endpoint:{made.pk}").count() == 1
    with pytest.raises(NotFound):
        remove_endpoint(endpoint_id=made.pk, actor="user:1", now=NOW)
    with pytest.raises(NotFound):
        roll_secret(endpoint_id=made.pk, overlap=timedelta(0), actor="user:1", now=NOW)
    assert create_endpoint(slug="shop", actor="user:1", now=NOW).endpoint.pk != made.pk


@pytest.mark.parametrize("is_enabled", [True, False])
def test_an_endpoint_that_starts_a_workflow_stays(tenant_a: Workspace, is_enabled: bool) -> None:
    sample = tenant_a.opened.workflow
    start_by(sample, "default")
    Workflow.objects.filter(pk=sample.pk).update(is_enabled=is_enabled)

    with pytest.raises(EndpointInUse) as refused:
        remove_endpoint(endpoint_id=tenant_a.opened.endpoint.pk, actor="user:1", now=NOW)

    assert refused.value.details == {"workflows": [sample.slug]}
    assert agree(tenant_a.opened.endpoint)
    Workflow.objects.filter(pk=sample.pk).update(removed_at=NOW)  # what lies in the trash is started by nothing
    remove_endpoint(endpoint_id=tenant_a.opened.endpoint.pk, actor="user:1", now=NOW)


def test_what_a_paused_endpoint_held_goes_on_when_it_is_removed(tenant_a: Workspace) -> None:
    made = create_endpoint(slug="shop", actor="user:1", now=NOW).endpoint
    set_paused(endpoint_id=made.pk, is_paused=True, actor="user:1", now=NOW)
    held = EventIngestor().ingest(type="x", payload={}, source="webhook:shop", is_held=True)
    assert OutboxJob.objects.get(event_id=held.event_id).available_at == HELD_UNTIL

    remove_endpoint(endpoint_id=made.pk, actor="user:1", now=NOW)

    assert OutboxJob.objects.get(event_id=held.event_id).available_at != HELD_UNTIL
