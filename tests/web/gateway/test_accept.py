"""POST /hooks/<token>: what is answered is stored, once; what is refused says why and is remembered."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from standardwebhooks.webhooks import Webhook

from automate_governance.keys import FileKeyStore
from automate_tenants.key_format import key_hash, make_key
from tests.support import server
from tests.support.waiting import Eventually
from tests.web.gateway.conftest import GatewayProcess, Inside, Post, Sender, many, token_hash

pytestmark = pytest.mark.processes
TRACEPARENT = "00-" + "ab" * 16 + "-" + "12" * 8 + "-01"


def test_an_event_and_its_job_are_stored_before_the_answer(alpha: Sender, inside: Callable[[Sender], Inside]) -> None:
    reply = alpha.post(b'{"n": 1.10, "big": 12345678901234567890123}', traceparent=TRACEPARENT, X_Note="n")

    assert reply.status == 202
    assert set(reply.json) == {"event_id", "trace_id"}
    assert reply.json["trace_id"] == "ab" * 16 == reply.headers["x-trace-id"]
    (event,) = inside(alpha).rows("event", "id, type, payload::text, source, headers, trace_id")
    assert str(event[0]) == reply.json["event_id"]
    assert event[1] == "webhook.received"
    assert event[2] == '{"n": 1.10, "big": 12345678901234567890123}'
    assert event[3] == "webhook:default"
    assert event[4]["x-note"] == "n"
    assert "authorization" not in event[4]
    assert event[5].hex == "ab" * 16
    jobs = inside(alpha).rows("outboxjob", "kind, event_id, status, attempts, available_at <= now()")
    assert jobs == [("event", event[0], "PENDING", 0, True)]


def test_the_tenant_is_rung_after_the_commit(
    alpha: Sender, owner_connection: psycopg.Connection[Any], eventually: Eventually
) -> None:
    alpha.post()

    def is_ready() -> bool:
        query = "SELECT ready FROM public.automate_tenants_dispatchtenant WHERE tenant_id = %s"
        return bool(owner_connection.execute(query, [alpha.workspace.ref.id]).fetchone() == (True,))

    assert eventually(is_ready)


@pytest.mark.parametrize("header", ["webhook_id", "Idempotency_Key"])
def test_a_repeat_gets_the_first_ids(alpha: Sender, inside: Callable[[Sender], Inside], header: str) -> None:
    first = alpha.post(b'{"a":1}', **{header: "k-1"}, traceparent=TRACEPARENT)
    again = alpha.post(b'{"a":1}', **{header: "k-1"})
    other = alpha.post(b'{"a":2}', **{header: "k-1"})

    assert "duplicate" not in first.json
    assert again.json == {**first.json, "duplicate": True}
    assert other.json == {**first.json, "duplicate": True, "body_differs": True}
    assert (first.status, again.status, other.status) == (202, 202, 202)
    assert inside(alpha).count("event") == inside(alpha).count("outboxjob") == 1
    assert inside(alpha).rows("dedupe", "key, repeats") == [("k-1", 2)]


def test_the_same_key_in_another_workspace_is_another_event(
    alpha: Sender, beta: Sender, inside: Callable[[Sender], Inside]
) -> None:
    first, second = alpha.post(webhook_id="k"), beta.post(webhook_id="k")

    assert first.json["event_id"] != second.json["event_id"]
    assert inside(alpha).event_ids() == {first.json["event_id"]}
    assert inside(beta).event_ids() == {second.json["event_id"]}


def test_a_thousand_at_once_with_one_key_are_one_event(alpha: Sender, inside: Callable[[Sender], Inside]) -> None:
    async def work(post: Post) -> list[tuple[int, Any]]:
        return await asyncio.gather(*(post(b'{"n":%d}' % n, webhook_id="same") for n in range(1000)))

    replies = many(alpha, work)

    assert {status for status, _ in replies} == {202}
    assert len({body["event_id"] for _, body in replies}) == len({body["trace_id"] for _, body in replies}) == 1
    assert [body.get("duplicate") for _, body in replies].count(None) == 1
    assert sum("body_differs" in body for _, body in replies) == 999
    assert inside(alpha).count("event") == inside(alpha).count("outboxjob") == 1
    assert inside(alpha).rows("dedupe", "repeats") == [(999,)]


def test_an_expired_key_starts_anew_once_nothing_of_its_event_is_unfinished(
    alpha: Sender, inside: Callable[[Sender], Inside]
) -> None:
    held = inside(alpha)
    first = alpha.post(webhook_id="k")
    held.connection.execute(f"UPDATE \"{held.schema}\".automate_dedupe SET expires_at = now() - interval '1 s'")

    assert alpha.post(webhook_id="k").json["event_id"] == first.json["event_id"]  # its job is still waiting

    held.connection.execute(f"UPDATE \"{held.schema}\".automate_outboxjob SET status = 'COMPLETED'")
    anew = alpha.post(webhook_id="k")
    assert anew.json["event_id"] != first.json["event_id"]
    assert "duplicate" not in anew.json
    assert alpha.post(webhook_id="k").json == {**anew.json, "duplicate": True}


def test_a_path_in_the_body_is_the_dedupe_key_and_the_type(
    alone: Sender, inside: Callable[[Sender], Inside], owner_connection: psycopg.Connection[Any], eventually: Eventually
) -> None:
    change_route(owner_connection, alone, "dedupe_path = 'order.id', type_path = 'kind'")
    eventually(lambda: "duplicate" in alone.post(b'{"order":{"id":"probe"}}').json)

    first = alone.post(b'{"kind":"order.paid","order":{"id":7}}')
    assert alone.post(b'{"kind":"order.paid","order":{"id":7}}').json == {**first.json, "duplicate": True}
    types = inside(alone).rows("event", "type")
    assert ("order.paid",) in types


def test_a_form_post_becomes_an_object(alpha: Sender, inside: Callable[[Sender], Inside]) -> None:
    headers = {**alpha.authorization, "Content-Type": "application/x-www-form-urlencoded"}
    assert alpha.gateway.send("POST", alpha.path, b"a=1&b=%C3%A9&a=2", headers).status == 202
    assert inside(alpha).rows("event", "payload") == [({"a": ["1", "2"], "b": "é"},)]


HOSTILE = [
    (b'{"a":"\\u0000"}', "unstorable_text"),
    (b'{"a":"\\ud800"}', "unstorable_text"),
    (b'{"a":NaN}', "invalid_json"),
    (b'{"a":1,"a":2}', "duplicate_name"),
    (b'{"a":1' + b"0" * 400 + b"}", "number_out_of_range"),
    (b'{"a":1e999}', "number_out_of_range"),
    (b"[" * 100_000, "too_deep"),
    (b"", "invalid_json"),
    (b"\xef\xbb\xbf{}", "invalid_encoding"),
    (b'"\xff"', "invalid_encoding"),
]


def test_a_hostile_body_is_refused_and_nothing_stored(alpha: Sender, inside: Callable[[Sender], Inside]) -> None:
    for body, code in HOSTILE:
        reply = alpha.post(body)
        assert (reply.status, reply.code) == (400, code), body[:40]
        assert reply.json["trace_id"] == reply.headers["x-trace-id"]
    assert inside(alpha).count("event") == 0


def test_extreme_but_sound_bodies_are_stored_faithfully(alpha: Sender, inside: Callable[[Sender], Inside]) -> None:
    bodies = [
        b'{"' + b"k" * 500_000 + b'":1}',
        b"[" * 64 + b"]" * 64,
        b'{"n":1e308,"m":5e-324,"i":' + b"9" * 300 + b"}",
        b'"' + b"x" * (1024 * 1024 - 2) + b'"',
        '{"e":"\\ud83d\\ude00 \\\\u0000 \U0001f600"}'.encode(),
        b"null",
    ]
    ids = [alpha.post(body).json["event_id"] for body in bodies]

    stored = {str(id_): text for id_, text in inside(alpha).rows("event", "id, payload::text")}

    def exact(text: str | bytes) -> Any:
        return json.loads(text, parse_int=Decimal, parse_float=Decimal)

    assert [exact(stored[id_]) for id_ in ids] == [exact(body) for body in bodies]


def test_size_is_refused_by_what_is_declared_and_by_what_comes(
    alpha: Sender, inside: Callable[[Sender], Inside]
) -> None:
    reply = alpha.post(b'"' + b"x" * (1024 * 1024) + b'"')
    assert (reply.status, reply.code, reply.json["details"]) == (413, "payload_too_large", {"limit_bytes": 1_048_576})

    head = f"POST {alpha.path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alpha.workspace.api_key}\r\n"
    head += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = (b"10000\r\n" + b"1" * 65536 + b"\r\n") * 17
    assert alpha.gateway.raw(head.encode() + chunks).startswith(b"HTTP/1.1 413")
    assert inside(alpha).count("event") == 0


def test_only_post_sends_events(alpha: Sender) -> None:
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
        reply = alpha.gateway.send(method, alpha.path)
        assert (reply.status, reply.headers["allow"]) == (405, "POST")


def test_an_unknown_token_is_not_found(alpha: Sender) -> None:
    for token in ("", "x", "a" * 32, "a" * 5000, "..%2f", "%00", "%C3%A9", "a/b"):
        reply = alpha.gateway.send("POST", f"/hooks/{token}", b"{}", alpha.headers())
        assert (reply.status, reply.code) == (404, "endpoint_not_found"), token


def test_a_part_of_a_token_or_more_than_it_is_not_found(alpha: Sender) -> None:
    token = alpha.path.removeprefix("/hooks/")
    for path in (alpha.path[:-1], alpha.path + "x", f"/hooks/{token.swapcase()}"):
        assert alpha.gateway.send("POST", path, b"{}", alpha.headers()).status == 404


def test_a_key_must_be_there_be_known_be_of_this_workspace_and_have_the_scope(
    alone: Sender, beta: Sender, owner_connection: psycopg.Connection[Any], eventually: Eventually
) -> None:
    def code(authorization: str | None) -> tuple[int, str]:
        headers = {"Content-Type": "application/json"} | ({"Authorization": authorization} if authorization else {})
        reply = alone.gateway.send("POST", alone.path, b"{}", headers)
        return reply.status, reply.code

    assert code(None) == (401, "missing_api_key")
    assert code("Bearer am_live_nonsense") == (401, "invalid_api_key")
    assert code("Basic " + base64.b64encode(b"a:b").decode()) == (401, "invalid_api_key")
    assert code(f"Bearer {beta.workspace.api_key}") == (401, "invalid_api_key")
    owner_connection.execute("""UPDATE public.automate_tenants_apikey SET scopes = '["runs:read"]'""")
    assert eventually(lambda: alone.post().status == 403)
    assert alone.post().code == "forbidden_scope"


def test_a_revoked_key_stops_working(
    alone: Sender, owner_connection: psycopg.Connection[Any], eventually: Eventually
) -> None:
    assert alone.post().status == 202
    owner_connection.execute("UPDATE public.automate_tenants_apikey SET revoked_at = now()")

    assert eventually(lambda: alone.post().status == 401)


def test_a_test_key_passes_every_check_and_stores_nothing(
    alone: Sender, inside: Callable[[Sender], Inside], owner_connection: psycopg.Connection[Any], eventually: Eventually
) -> None:
    plain, unknown = make_key(is_test=True), make_key(is_test=True)
    owner_connection.execute(
        "INSERT INTO public.automate_tenants_apikey"
        " (tenant_id, name, hash, prefix, last4, scopes, created_by, created_at)"
        " SELECT tenant_id, 'ci', %s, %s, %s, scopes, created_by, created_at FROM public.automate_tenants_apikey"
        " WHERE tenant_id = %s LIMIT 1",
        [key_hash(plain), plain[:12], plain[-4:], alone.workspace.ref.id],
    )
    tables = ("event", "outboxjob", "dedupe")
    before = [inside(alone).count(table) for table in tables]

    def post(body: bytes = b'{"a":1}', key: str = plain, **more: str) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}", **more}
        reply = alone.gateway.send("POST", alone.path, body, headers)
        return reply.status, reply.json.get("code") or reply.json.get("test")

    assert [post(**{"Idempotency-Key": "one"}) for _ in range(2)] == [(202, True)] * 2
    assert post(b"{") == (400, "invalid_json")
    assert post(key=unknown) == (401, "invalid_api_key")
    assert post(**{"Idempotency-Key": "x" * 256}) == (400, "invalid_dedupe_key")
    change_route(owner_connection, alone, "auth = 'none'")
    assert eventually(lambda: alone.gateway.send("POST", alone.path, b"{", {"Content-Type": "text/x"}).status == 415)
    assert post() == (202, True)  # also where a live request would need no key
    assert post(key=unknown) == (401, "invalid_api_key")
    change_route(owner_connection, alone, "auth = 'standard_webhooks'")
    assert eventually(lambda: post() == (401, "signing_secret_missing"))  # a signature is asked for as well

    verdicts = "SELECT DISTINCT verdict FROM public.automate_tenants_requestsample WHERE event_id IS NULL"
    assert eventually(lambda: owner_connection.execute(verdicts).fetchall() == [("test",)])
    assert [inside(alone).count(table) for table in tables] == before


def test_the_address_of_a_deleted_endpoint_is_unknown(
    alone: Sender, owner_connection: psycopg.Connection[Any], eventually: Eventually
) -> None:
    """By the routes that it remembers, too: deleting takes the route away."""
    assert alone.post().status == 202
    owner_connection.execute("DELETE FROM public.automate_tenants_webhookroute")

    assert eventually(lambda: alone.post().status == 404)


def test_a_rolled_key_stops_when_its_overlap_ends(
    alone: Sender, owner_connection: psycopg.Connection[Any], eventually: Eventually
) -> None:
    owner_connection.execute("UPDATE public.automate_tenants_apikey SET expires_at = now() + interval '3 s'")

    assert eventually(lambda: alone.post().status == 401)


def test_a_suspended_workspace_takes_nothing(
    alone: Sender, inside: Callable[[Sender], Inside], owner_connection: psycopg.Connection[Any], eventually: Eventually
) -> None:
    stored = inside(alone).count("event")
    owner_connection.execute("UPDATE public.automate_tenants_tenant SET status = 'suspended'")
    assert eventually(lambda: (reply := alone.post()).status == 403 and reply).code == "workspace_suspended"
    assert inside(alone).count("event") == stored


def test_nobody_is_checked_only_where_that_was_chosen(
    alone: Sender, owner_connection: psycopg.Connection[Any], eventually: Eventually
) -> None:
    change_route(owner_connection, alone, "auth = 'none'")

    def bare() -> int:
        return alone.gateway.send("POST", alone.path, b"{}", {"Content-Type": "application/json"}).status

    assert eventually(lambda: bare() == 202)
    change_route(owner_connection, alone, "auth = 'something new'")
    assert eventually(lambda: bare() == 401)


def test_a_signature_is_demanded_where_that_was_chosen(
    alone: Sender, owner_connection: psycopg.Connection[Any], eventually: Eventually
) -> None:
    from django.conf import settings

    from automate.ingest import signing_secret

    secret = signing_secret.make()
    (endpoint_id,) = owner_connection.execute(
        "SELECT endpoint_id FROM public.automate_tenants_webhookroute WHERE token_hash = %s", [token_hash(alone.path)]
    ).fetchone()  # type: ignore[misc]
    data_key = FileKeyStore(settings.KEY_STORE_DIR).data_key(alone.workspace.ref.schema_name)
    change_route(owner_connection, alone, "auth = 'standard_webhooks'")

    def post(body: bytes, **headers: str) -> tuple[int, str]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        reply = alone.gateway.send("POST", alone.path, body, {"Content-Type": "application/json", **named})
        return reply.status, reply.json.get("code", "")

    assert eventually(lambda: post(b"{}") == (401, "signing_secret_missing"))
    sealed = signing_secret.seal(data_key, endpoint_id, secret)
    owner_connection.execute(
        "UPDATE public.automate_tenants_webhookroute SET signing_secret = %s WHERE token_hash = %s",
        [sealed, token_hash(alone.path)],
    )
    assert eventually(lambda: post(b"{}") == (401, "missing_signature"))
    now = datetime.now(UTC)
    proof = {"webhook_id": "msg_1", "webhook_timestamp": str(int(now.timestamp()))}
    proof["webhook_signature"] = Webhook(secret).sign(msg_id="msg_1", timestamp=now, data='{"a":1}')

    assert post(b'{"a":2}', **proof) == (401, "invalid_signature")
    assert post(b'{"a":1}', **proof) == (202, "")
    old = {**proof, "webhook_timestamp": str(int(now.timestamp()) - 1000)}
    assert post(b'{"a":1}', **old) == (401, "timestamp_out_of_tolerance")


def test_refusals_are_counted_and_sampled_with_their_reason(
    alone: Sender, owner_connection: psycopg.Connection[Any], eventually: Eventually
) -> None:
    for _ in range(120):
        reply = alone.gateway.send("POST", alone.path, b"{", {**alone.headers(), "User-Agent": "Sender/1"})
        assert reply.status == 400, reply
    reply = alone.gateway.send("POST", alone.path, b"{}", {"Content-Type": "application/json"})
    assert reply.status == 401, reply
    counted = (
        "SELECT code, sum(count) FROM public.automate_tenants_refusalcount WHERE tenant_id = %s GROUP BY 1 ORDER BY 1"
    )

    def counts() -> list[Any]:
        return owner_connection.execute(counted, [alone.workspace.ref.id]).fetchall()

    eventually(lambda: sum(count for _, count in counts()) >= 121, seconds=30)
    assert counts() == [("invalid_json", 120), ("missing_api_key", 1)]
    columns = "code, message, details, host(ip)"
    query = f"SELECT {columns} FROM public.automate_tenants_refusalsample WHERE tenant_id = %s ORDER BY id"

    def samples_kept() -> list[Any]:
        return owner_connection.execute(query, [alone.workspace.ref.id]).fetchall()

    assert eventually(lambda: len(samples_kept()) == 100)
    samples = samples_kept()
    assert samples[-1][0] == "missing_api_key"
    code, message, details, ip = samples[0]
    assert (code, ip, details["request"]["user_agent"], details["line"]) == ("invalid_json", "127.0.0.1", "Sender/1", 1)
    assert "line 1" in message


def test_addresses_are_masked_in_headers_and_samples_where_policy_says_so(
    alone: Sender, inside: Callable[[Sender], Inside], eventually: Eventually
) -> None:
    connection = inside(alone).connection
    connection.execute(
        "UPDATE public.automate_tenants_tenant SET masks_emails = true WHERE id = %s", [alone.workspace.ref.id]
    )

    alone.post(X_Customer="Ann <ann@example.com>")
    alone.gateway.send("POST", alone.path, b"{", {**alone.headers(), "User-Agent": "Sender of ann@example.com"})

    ((headers,),) = inside(alone).rows("event", "headers")
    assert headers["x-customer"] == "Ann <********>"
    # of this sender: the gateway that the other tests share may still tell of a refusal of theirs
    samples = "SELECT details::text FROM public.automate_tenants_refusalsample WHERE details::text LIKE '%Sender of%'"
    [(sample,)] = eventually(lambda: connection.execute(samples).fetchall())
    assert "Sender of ********" in sample
    assert "ann@example.com" not in sample


def test_the_latest_use_of_a_key_is_noted_to_the_minute(
    alone: Sender, owner_connection: psycopg.Connection[Any], eventually: Eventually
) -> None:
    minute = datetime.now(UTC).replace(second=0, microsecond=0)
    alone.post()

    def latest() -> datetime | None:
        """Of this use: the gateway is other tests' too, and theirs may be minutes ago."""
        query = "SELECT max(latest_used_at) FROM public.automate_tenants_apikey WHERE tenant_id = %s"
        row = owner_connection.execute(query, [alone.workspace.ref.id]).fetchone()
        return row[0] if row and row[0] and row[0] >= minute else None

    noted = eventually(latest)
    assert noted is not None
    assert (noted.second, noted.microsecond, noted <= datetime.now(UTC)) == (0, 0, True)


def test_echo_answers_with_the_request(gateway: GatewayProcess) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k", "Authorization": "Bearer x"}
    reply = gateway.send("POST", "/echo", b'{"a":[1]}', headers)

    assert reply.status == 200
    assert (reply.json["method"], reply.json["body"]) == ("POST", {"a": [1]})
    assert reply.json["headers"]["idempotency-key"] == "k"
    assert "authorization" not in reply.json["headers"]
    assert gateway.send("POST", "/echo", b"\xff<b>", {}).json["body"] == "�<b>"


def change_route(connection: psycopg.Connection[Any], sender: Sender, assignment: str) -> None:
    connection.execute(
        f"UPDATE public.automate_tenants_webhookroute SET {assignment} WHERE token_hash = %s", [token_hash(sender.path)]
    )


def test_the_database_urls_are_those_of_the_application_role(database_urls: server.DatabaseUrls) -> None:
    assert "automate_app" in database_urls.app
