"""Every refusal there is: made for real at one endpoint, counted and kept there, shown to its owner with a way out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings
from django.test import Client
from standardwebhooks.webhooks import Webhook

from automate.ingest import signing_secret
from automate.ingest.refusal import all_refusals
from automate_governance.keys import FileKeyStore
from automate_tenants.models import RefusalSample
from automate_web.pages.refusals import explain
from tests.support.waiting import Eventually
from tests.support.workspaces import Workspace
from tests.web.gateway.conftest import Sender, token_hash
from tests.web.gateway.rates import set_limit
from tests.web.gateway.test_accept import change_route
from tests.web.portal.conftest import enter

__all__ = ["enter"]  # the fixture

CODES = {kind.code for kind in all_refusals()}
OF_NO_ENDPOINT = {"endpoint_not_found"}
OF_A_BAD_MOMENT = {
    "body_timeout",
    "overloaded",
    "source_limited",
    "storage_unavailable",
}  # each made by a test of its own

BODIES = {
    "invalid_json": b"{",
    "duplicate_name": b'{"a":1,"a":2}',
    "too_deep": b"[" * 65 + b"]" * 65,
    "number_out_of_range": b"1e400",
    "unstorable_text": b'"\\u0000"',
    "invalid_encoding": b'"\xff"',
    "payload_too_large": b'"' + b"x" * 1024 * 1024 + b'"',
}
HEADERS: dict[str, dict[str, str]] = {
    "invalid_form": {"Content-Type": "multipart/form-data; boundary=b"},
    "unsupported_media_type": {"Content-Type": "text/plain"},
    "invalid_dedupe_key": {"Idempotency-Key": "k" * 256},
    "missing_api_key": {"Authorization": ""},
    "invalid_api_key": {"Authorization": "Bearer am_live_nonsense"},
}


@pytest.mark.processes
def test_each_is_counted_and_kept_for_its_endpoint(
    alone: Sender, owner_connection: psycopg.Connection[Any], eventually: Eventually
) -> None:
    tenant_id = alone.workspace.ref.id
    for code, body in BODIES.items():
        assert alone.post(body).code == code
    for code, changed in HEADERS.items():
        assert alone.gateway.send("POST", alone.path, b"{}", {**alone.headers(), **changed}).code == code
    assert alone.gateway.send("GET", alone.path, None, alone.headers()).code == "method_not_allowed"
    at_once = {*BODIES, *HEADERS, "method_not_allowed"}
    assert eventually(lambda: kept(owner_connection, "refusalsample", tenant_id) == at_once)
    for code, reply in signed(alone, owner_connection, eventually).items():
        assert eventually(lambda reply=reply, code=code: reply() == code)
    change_route(owner_connection, alone, "auth = 'api_key'")
    assert eventually(lambda: alone.post().status == 202)
    set_limit(owner_connection, alone, per_window=1)
    assert eventually(lambda: (reply := alone.post()).status == 429 and reply.code == "rate_limited")
    owner_connection.execute("DELETE FROM public.automate_tenants_webhooklimit")
    assert eventually(lambda: alone.post().status == 202)
    owner_connection.execute(
        "UPDATE public.automate_tenants_apikey SET scopes = '[]' WHERE tenant_id = %s", [tenant_id]
    )
    assert eventually(lambda: (reply := alone.post()).status == 403 and reply.code == "forbidden_scope")
    owner_connection.execute(
        "UPDATE public.automate_tenants_tenant SET status = 'suspended' WHERE id = %s", [tenant_id]
    )
    assert eventually(lambda: (reply := alone.post()).status == 403 and reply.code == "workspace_suspended")

    assert eventually(
        lambda: kept(owner_connection, "refusalcount", tenant_id) == CODES - OF_NO_ENDPOINT - OF_A_BAD_MOMENT
    )


def kept(connection: psycopg.Connection[Any], table: str, tenant_id: int) -> set[str]:
    query = f"SELECT DISTINCT code FROM public.automate_tenants_{table} WHERE tenant_id = %s"
    return {code for (code,) in connection.execute(query, [tenant_id])}


def signed(sender: Sender, connection: psycopg.Connection[Any], eventually: Eventually) -> dict[str, Callable[[], str]]:
    """A request for each code that a signature can be refused with; the endpoint demands one afterwards."""
    [(endpoint_id,)] = connection.execute(
        "SELECT endpoint_id FROM public.automate_tenants_webhookroute WHERE token_hash = %s", [token_hash(sender.path)]
    ).fetchall()
    secret, now = signing_secret.make(), datetime.now(UTC)
    sealed = signing_secret.seal(
        FileKeyStore(settings.KEY_STORE_DIR).data_key(sender.workspace.ref.schema_name), endpoint_id, secret
    )
    proof = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp()))}
    proof["webhook-signature"] = Webhook(secret).sign(msg_id="msg_1", timestamp=now, data="{}")
    old = {**proof, "webhook-timestamp": str(int(now.timestamp()) - 1000)}

    def post(body: bytes, headers: dict[str, str]) -> str:
        return sender.gateway.send("POST", sender.path, body, {"Content-Type": "application/json", **headers}).code

    change_route(connection, sender, "auth = 'standard_webhooks'")
    assert eventually(lambda: post(b"{}", proof) == "signing_secret_missing")
    connection.execute(
        "UPDATE public.automate_tenants_webhookroute SET signing_secret = %s WHERE token_hash = %s",
        [sealed, token_hash(sender.path)],
    )
    return {
        "missing_signature": lambda: post(b"{}", {}),
        "invalid_signature": lambda: post(b"[]", proof),
        "timestamp_out_of_tolerance": lambda: post(b"{}", old),
    }


@pytest.mark.django_db
def test_each_is_shown_with_a_way_out(tenant_a: Workspace, enter: Callable[..., Client]) -> None:
    for kind in all_refusals():
        RefusalSample.objects.create(
            tenant_id=tenant_a.ref.id, endpoint_id=uuid4(), code=kind.code, message="It was refused.",
            trace_id=uuid4(), received_at=datetime.now(UTC),
        )  # fmt: skip

    page = enter(tenant_a).get("/events/?status=rejected").content.decode()

    for sample in RefusalSample.objects.filter(tenant_id=tenant_a.ref.id):
        assert sample.code in page
        assert explain(sample).fix.endswith("."), sample.code
