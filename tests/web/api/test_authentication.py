"""Who may call: keys, scopes, and whose workspace a key opens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from automate.models import Event
from automate_tenants.context import public_scope, tenant_or_none, tenant_scope
from automate_tenants.key_format import key_hash, make_key
from automate_tenants.keys import SCOPES, revoke_key, roll_key
from automate_tenants.models import ApiKey, Tenant
from tests.support.workspaces import Workspace
from tests.web.api.conftest import MakeApi, new_key
from tests.web.api.support import DEFINITION, Api, Rows

pytestmark = pytest.mark.django_db

EVENT = {"type": "order.created", "payload": {"id": 7}}
OPERATIONS = [  # method, path, body, headers, the scope it needs, the answer to a key that has it
    ("GET", "/events", None, {}, "events:read", 200),
    ("POST", "/events", EVENT, {}, "events:write", 202),
    ("GET", "/events/{event}", None, {}, "events:read", 200),
    ("GET", "/runs", None, {}, "runs:read", 200),
    ("GET", "/runs/{run}", None, {}, "runs:read", 200),
    ("GET", "/workflows", None, {}, "workflows:read", 200),
    ("POST", "/workflows", {**DEFINITION, "slug": "another"}, {}, "workflows:write", 201),
    ("GET", "/workflows/order-flow", None, {}, "workflows:read", 200),
    ("PUT", "/workflows/order-flow", DEFINITION, {"If-Match": "*"}, "workflows:write", 200),
    ("GET", "/workflows/order-flow/versions", None, {}, "workflows:read", 200),
    ("POST", "/workflows/order-flow/versions", {}, {"If-Match": "*"}, "workflows:publish", 200),
    ("POST", "/workflows/order-flow/runs", {}, {}, "runs:write", 201),
    ("GET", "/schedules", None, {}, "workflows:read", 200),
    ("GET", "/schedules/{schedule}", None, {}, "workflows:read", 200),
    ("PATCH", "/schedules/{schedule}", {"is_paused": True}, {}, "workflows:publish", 200),
    ("GET", "/schedules/{schedule}/ticks", None, {}, "workflows:read", 200),
    ("POST", "/schedules/{schedule}/ticks", {}, {}, "runs:write", 201),
    ("POST", "/workflow-validations", DEFINITION, {}, "workflows:read", 200),
]


@pytest.fixture
def ids(rows: Rows) -> dict[str, str]:
    workflow = rows.workflow()
    event = rows.event()
    return {
        "event": str(event.pk),
        "run": str(rows.run(event, workflow).pk),
        "schedule": str(rows.schedule(workflow).pk),
    }


@pytest.mark.parametrize(("method", "path", "body", "headers", "scope", "status"), OPERATIONS)
def test_each_operation_needs_exactly_its_scope(
    make_api: MakeApi,
    ids: dict[str, str],
    method: str,
    path: str,
    body: Any,
    headers: dict[str, str],
    scope: str,
    status: int,
) -> None:
    path = path.format(**ids)
    others = [other for other in SCOPES if other != scope]

    refused = make_api(*others).send(method, path, body, headers)
    accepted = make_api(scope).send(method, path, body, headers)

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden_scope")
    assert refused.json()["details"]["needed"] == scope
    assert accepted.status_code == status, accepted.content


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "missing_api_key"),
        ("", "missing_api_key"),
        ("Basic dXNlcjpwYXNz", "missing_api_key"),
        ("Bearer", "invalid_api_key"),
        ("Bearer ", "invalid_api_key"),
        ("Bearer am_live_", "invalid_api_key"),
        ("Bearer am_live_" + "x" * 38, "invalid_api_key"),
        ("Bearer " + "k" * 10_000, "invalid_api_key"),
        ("Bearer schlüssel", "invalid_api_key"),
        ("Bearer am_live_\x00", "invalid_api_key"),
        ("Bearer ' OR 1=1 --", "invalid_api_key"),
    ],
)
def test_no_key_and_nonsense_for_a_key_are_401(db: None, header: str | None, code: str) -> None:
    headers = {} if header is None else {"Authorization": header}

    answer = Api().get("/events", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_wellformed_key_that_nobody_made_is_401(db: None) -> None:
    assert Api(make_key()).get("/events").json()["code"] == "invalid_api_key"


def test_a_revoked_key_is_refused_by_the_next_request(tenant_a: Workspace) -> None:
    plain = new_key(tenant_a, ["events:read"])
    api = Api(plain)
    assert api.get("/events").status_code == 200

    with public_scope():
        key = ApiKey.objects.get(hash=key_hash(plain))
        revoke_key(tenant_id=tenant_a.ref.id, key_id=key.pk, actor="user:1", now=timezone.now())

    assert (api.get("/events").status_code, api.get("/events").json()["code"]) == (401, "invalid_api_key")


def test_a_rolled_key_works_until_its_overlap_ends(tenant_a: Workspace) -> None:
    plain = new_key(tenant_a, ["events:read"])
    with public_scope():
        key = ApiKey.objects.get(hash=key_hash(plain))
        _, successor = roll_key(
            tenant_id=tenant_a.ref.id, key_id=key.pk, overlap=timedelta(hours=1), actor="user:1", now=timezone.now()
        )
    assert Api(plain).get("/events").status_code == 200

    with public_scope():
        ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now())

    assert Api(plain).get("/events").json()["code"] == "invalid_api_key"
    assert Api(successor).get("/events").status_code == 200


def test_a_suspended_workspace_is_closed_to_its_keys(tenant_a: Workspace, tenant_b: Workspace) -> None:
    api, neighbour = Api(new_key(tenant_a, SCOPES)), Api(new_key(tenant_b, SCOPES))

    with public_scope():
        Tenant.objects.filter(pk=tenant_a.ref.id).update(status=Tenant.Status.SUSPENDED)

    assert (api.get("/events").status_code, api.get("/events").json()["code"]) == (403, "workspace_suspended")
    assert api.post("/events", EVENT).status_code == 403
    assert neighbour.get("/events").status_code == 200


def test_the_use_of_a_key_is_noted_to_the_minute(tenant_a: Workspace, django_assert_num_queries: Any) -> None:
    plain = new_key(tenant_a, ["events:read"])
    Api(plain).get("/events")
    with public_scope():
        first = ApiKey.objects.get(hash=key_hash(plain)).latest_used_at

    Api(plain).get("/events")

    with public_scope():
        assert first is not None
        assert ApiKey.objects.get(hash=key_hash(plain)).latest_used_at == first


def test_nothing_but_the_key_chooses_the_workspace(rows: Rows, tenant_b: Workspace) -> None:
    event = rows.event()
    key = new_key(tenant_b, SCOPES)
    attempts = [
        Api(key, HTTP_X_FORWARDED_HOST="alpha.localhost"),
        Api(key, HTTP_X_TENANT="alpha", HTTP_X_WORKSPACE="alpha"),
        Api(key, HTTP_X_FORWARDED_PREFIX="/w/alpha", HTTP_X_SCRIPT_NAME="/w/alpha"),
        Api(key, HTTP_HOST="app.localhost"),
    ]

    for api in attempts:
        assert api.get(f"/events/{event.pk}").status_code == 404
        assert api.get("/events").json()["results"] == []


def test_on_a_workspaces_host_a_neighbours_key_is_not_known(
    rows: Rows, tenant_a: Workspace, tenant_b: Workspace
) -> None:
    rows.event()

    own = Api(new_key(tenant_a, SCOPES), HTTP_HOST="alpha.localhost").get("/events")
    foreign = Api(new_key(tenant_b, SCOPES), HTTP_HOST="alpha.localhost").get("/events")

    assert foreign.status_code in {401, 404}
    assert own.status_code in {200, 404}  # served there or only on the app's host, never with another's rows


def test_a_session_is_no_key(rows: Rows, tenant_a: Workspace) -> None:
    api = Api()
    api.client.force_login(tenant_a.owner, backend="allauth.account.auth_backends.AuthenticationBackend")

    assert api.get("/events").json()["code"] == "missing_api_key"
    assert api.post("/events", EVENT).status_code == 401


def test_the_workspace_is_left_after_every_answer(api: Api, rows: Rows) -> None:
    rows.event()
    before = connection.schema_name  # type: ignore[attr-defined]

    for answer in (api.get("/events"), api.get("/events/nonsense"), api.get("/events", limit="nonsense")):
        assert answer.status_code in {200, 404, 422}
        assert tenant_or_none() is None
        assert connection.schema_name == before  # type: ignore[attr-defined]


def test_a_senders_row_lands_in_the_keys_workspace_only(api: Api, tenant_a: Workspace, tenant_b: Workspace) -> None:
    body = {"type": "order.created", "payload": {"tenant_id": tenant_b.ref.id, "schema_name": tenant_b.ref.schema_name}}

    event_id = api.post("/events", body).json()["event_id"]

    with tenant_scope(tenant_a.ref):
        assert Event.objects.filter(pk=event_id).exists()
    with tenant_scope(tenant_b.ref):
        assert not Event.objects.filter(pk=event_id).exists()
