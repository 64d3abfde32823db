"""Webhook endpoints over the API: their whole life, and secrets that are seen once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from automate.ingest import signing_secret
from automate.models import Event, KeptAnswer, OutboxJob, WebhookEndpoint
from automate.outbox.holding import HELD_UNTIL
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.key_store import data_key
from automate_tenants.models import RefusalCount, RefusalSample, RequestCount, RequestSample
from automate_web.filters import id_at
from tests.support.sink import Answer, Received, Sink
from tests.support.workspaces import Workspace
from tests.web.api.conftest import MakeApi
from tests.web.api.support import Api

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)


def secrets_of(workspace: Workspace, webhook_id: str) -> list[str]:
    with tenant_scope(workspace.ref):
        sealed = bytes(WebhookEndpoint.objects.get(pk=webhook_id).signing_secret or b"")
        return signing_secret.open_all(data_key(workspace.ref), UUID(webhook_id), sealed, now=NOW)


def made(api: Api, **more: Any) -> dict[str, Any]:
    answer = api.post("/webhooks", {"slug": "shop", "auth": "standard_webhooks", **more})
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_a_secret_is_in_the_answer_that_made_it_alone_and_what_is_kept_is_sealed(api: Api, tenant_a: Workspace) -> None:
    body = {"slug": "shop", "auth": "standard_webhooks"}
    first, again = (api.post("/webhooks", body, {"Idempotency-Key": "one"}) for _ in range(2))
    secret, path = first.json()["secret"], f"/webhooks/{first.json()['id']}"

    assert again.json() == first.json()
    assert first["Location"] == f"/api/v1{path}"
    assert secret not in api.get(path).text + api.get("/webhooks").text
    with tenant_scope(tenant_a.ref):
        assert secret not in KeptAnswer.objects.get().body
    assert api.post("/webhooks", body).status_code == 409


def test_a_roll_leaves_both_good_until_it_is_ended(api: Api, tenant_a: Workspace) -> None:
    old = made(api)
    path = f"/webhooks/{old['id']}"
    rolled = api.post(f"{path}/secrets", {"overlap_seconds": 86_400}).json()

    assert secrets_of(tenant_a, old["id"]) == [rolled["secret"], old["secret"]]
    assert datetime.fromisoformat(rolled["previous_secret_until"]) > NOW + timedelta(hours=23)
    ended = api.send("DELETE", f"{path}/secrets/previous")
    assert (ended.status_code, ended.json()["previous_secret_until"]) == (200, None)
    assert secrets_of(tenant_a, old["id"]) == [rolled["secret"]]
    assert api.send("DELETE", f"{path}/secrets/previous").status_code == 409
    assert api.post(f"{path}/secrets", {"overlap_seconds": 5}).status_code == 422


def test_a_custom_hmac_is_completed_and_its_mistakes_are_named(api: Api) -> None:
    webhook = made(api, auth="hmac", auth_options={"header": "X-Sig", "prefix": "v1="})
    assert webhook["auth_options"]["algorithm"] == "sha256"
    assert len(webhook["secret"]) == 64

    path = f"/webhooks/{webhook['id']}"
    wrong = api.send("PATCH", path, {"auth_options": {"header": "X-Sig", "signed": "{timestamp}.{body}"}})
    assert (wrong.status_code, wrong.json()["details"]) == (422, {"param": "signed"})
    changed = api.send("PATCH", path, {"auth": "shopify"}).json()  # another scheme, another secret: Shopify's own
    assert (changed["auth_options"], changed["has_secret"], changed["secret"]) == (None, False, None)
    refused = api.post(f"{path}/secrets", {})
    assert (refused.status_code, refused.json()["details"]) == (422, {"param": "secret"})
    assert api.post(f"{path}/secrets", {"secret": "shpss_0123456789abcdef"}).json()["has_secret"] is True


def test_paused_and_resumed_its_held_events_go_on(api: Api, tenant_a: Workspace) -> None:
    path = f"/webhooks/{made(api)['id']}"
    assert api.send("PATCH", path, {"is_paused": True}).json()["is_paused"] is True
    with tenant_scope(tenant_a.ref):
        event = Event.objects.create(type="x", payload={}, source="webhook:shop", trace_id=uuid4(), received_at=NOW)
        OutboxJob.objects.create(kind="event", event_id=event.pk, status="PENDING", available_at=HELD_UNTIL)
    assert api.get(f"{path}/traffic").json()["held"] == 1

    assert api.send("PATCH", path, {"is_paused": False}).json()["is_paused"] is False
    assert api.get(f"{path}/traffic").json()["held"] == 0
    told = [entry["action"] for entry in api.get("/audit", action="endpoint.").json()["results"]]
    assert told[:3] == ["endpoint.resume", "endpoint.pause", "endpoint.create"]


def test_what_came_is_listed_newest_first_by_pages_and_by_verdict(api: Api, tenant_a: Workspace) -> None:
    webhook = made(api)
    path, of = f"/webhooks/{webhook['id']}", {"tenant_id": tenant_a.ref.id, "endpoint_id": webhook["id"]}

    def at(minutes: int) -> dict[str, Any]:
        return {"trace_id": uuid4(), "received_at": NOW - timedelta(minutes=minutes)}

    with tenant_scope(tenant_a.ref):
        headers = {"user-agent": "curl"}
        event = Event.objects.create(
            id=id_at(NOW - timedelta(minutes=4)),
            type="x",
            payload={"password": "hunter22"},
            source="webhook:shop",
            headers=headers,
            **at(4),
        )
        Event.objects.create(type="x", payload={}, source="webhook:another", **at(4))
    with public_scope():
        RequestSample.objects.create(verdict="duplicate", event_id=event.pk, headers=headers, **of, **at(3))
        RequestSample.objects.create(verdict="challenge", **of, **at(2))
        RefusalSample.objects.create(code="invalid_json", message="No.", headers=headers, body="{", **of, **at(1))
        RefusalCount.objects.create(code="invalid_json", minute=NOW, count=3, **of)
        RequestCount.objects.create(since=NOW, accepted=5, duplicates=2, latest_at=NOW, **of)
        RequestCount.objects.create(
            since=NOW - timedelta(days=2), accepted=9, duplicates=9, latest_at=NOW - timedelta(days=2), **of
        )

    listed = api.get(f"{path}/requests").json()["results"]
    assert [one["verdict"] for one in listed] == ["rejected", "challenge", "duplicate", "accepted"]
    assert (listed[0]["code"], listed[0]["body"], listed[0]["headers"]) == ("invalid_json", "{", headers)
    assert listed[2]["event_id"] == listed[3]["event_id"] == str(event.pk)
    assert "hunter22" not in str(listed) and "********" in listed[3]["body"]

    seen, page = [], api.get(f"{path}/requests", limit="3").json()
    seen += page["results"]
    cursor = page["next"].partition("cursor=")[2]
    rest = api.get(f"{path}/requests", limit="3", cursor=cursor).json()
    assert (seen + rest["results"], rest["next"]) == (listed, None)
    for filters, verdicts in (
        ({"verdict": "duplicate"}, ["duplicate"]), ({"code": "invalid_json"}, ["rejected"]), ({"code": "other"}, []),
    ):  # fmt: skip
        assert [one["verdict"] for one in api.get(f"{path}/requests", **filters).json()["results"]] == verdicts
    assert api.get(f"{path}/requests", cursor="nonsense").json()["code"] == "invalid_cursor"
    traffic = api.get(f"{path}/traffic").json()
    assert (traffic["accepted"], traffic["duplicates"], traffic["rejected"]) == (5, 2, 3)


def test_a_test_is_signed_and_sent_once_for_each_name(api: Api, http_sink: Sink, settings: Any) -> None:
    settings.INTERNAL_URL = http_sink.url
    event_id = str(uuid4())

    def gateway(received: Received) -> Answer:
        return Answer(202, b'{"event_id": "%s", "trace_id": "ab"}' % event_id.encode())

    http_sink.answer = gateway
    webhook = made(api)
    path = f"/webhooks/{webhook['id']}/tests"
    first, again = (api.post(path, {"payload": {"n": 1}}, {"Idempotency-Key": "t"}) for _ in range(2))

    assert first.json() == again.json()
    assert (first.json()["event_id"], first.json()["answer"]["status"]) == (event_id, 202)
    [received] = http_sink.received
    assert received.path == f"/hooks/{webhook['url'].rpartition('/')[2]}"
    assert received.body == b'{"n": 1}' and received.headers["webhook-signature"].startswith("v1,")

    unset = made(api, slug="stripe", auth="stripe")
    refused = api.post(f"/webhooks/{unset['id']}/tests", {"payload": {}})
    assert (refused.status_code, refused.json()["code"]) == (409, "no_signing_secret")


def test_reading_and_changing_are_two_scopes(make_api: MakeApi, api: Api) -> None:
    path = f"/webhooks/{made(api)['id']}"
    reader = make_api("webhooks:read")
    assert reader.get(path).status_code == reader.get(f"{path}/requests").status_code == 200
    for refused in (
        reader.send("PATCH", path, {"is_paused": True}),
        reader.post(f"{path}/secrets", {}),
        reader.post(f"{path}/tests", {"payload": {}}),
    ):
        assert (refused.status_code, refused.json()["details"]["needed"]) == (403, "webhooks:write")


def test_a_deleted_webhook_is_in_no_list_and_can_be_read(api: Api) -> None:
    made = api.post("/webhooks", {"slug": "shop", "auth": "github"}).json()
    path = f"/webhooks/{made['id']}"

    assert api.send("DELETE", path).json() == {"id": made["id"], "deleted": True}

    assert made["id"] not in [each["id"] for each in api.get("/webhooks").json()["results"]]
    read = api.get(path).json()
    assert (read["slug"], read["url"], read["has_secret"]) == ("shop", "", False)
    assert read["deleted_at"] is not None
    assert {api.get(f"{path}/{part}").status_code for part in ("requests", "traffic")} == {200}
    assert api.send("DELETE", path).status_code == 404
    assert api.send("PATCH", path, {"is_paused": True}).status_code == 404
    assert api.post(f"{path}/secrets", {}).status_code == 404
    assert api.post("/webhooks", {"slug": "shop", "auth": "github"}).status_code == 201
