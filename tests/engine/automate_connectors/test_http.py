"""The HTTP connector: what it sends, what it answers, and which failures it lets be repeated."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
from datetime import datetime, timezone

import pytest

from automate_connectors.http import HttpAdapter, is_repeatable
from automate_connectors.models import ConnectorError
from automate_governance.egress import Egress

from .http_server import Server, running

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=timezone.utc)
KEY = "5d41402abc4b2a76b9719d911017c592"
TRACE = "0af7651916cd43dd8448eb211c80319c"


class FixedClock:
    def now(self) -> datetime:
        return NOW


@pytest.fixture(scope="module")
def running_server():
    with running() as server:
        yield server


@pytest.fixture
def server(running_server: Server) -> Server:
    running_server.received.clear()
    return running_server


@pytest.fixture(params=["execute", "aexecute"])
def request_(request, server):
    """Call `http.request` through either door."""
    adapter = HttpAdapter(FixedClock())

    def call(params, **context):
        context = {
            "egress": server.policy,
            "trace_id": TRACE,
            "traceparent": f"00-{TRACE}-b7ad6b7169203331-01",
            "idempotency_key": KEY,
            "timeout_seconds": 20.0,
            "secrets": {},
        } | context
        if request.param == "execute":
            return adapter.execute("request", params, context)
        return asyncio.run(adapter.aexecute("request", params, context))

    return call


def test_a_reply_becomes_status_headers_and_body(request_, server):
    output = request_({"url": f"{server.url}/x"})

    assert output["status"] == 200
    assert output["headers"]["content-type"] == "application/json; charset=utf-8"
    assert output["body"]["method"] == "GET"
    assert 0 < output["elapsed_ms"] < 20_000


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/json", {"id": 1234567890123456789012, "ok": True}),
        ("/bad-json", '{"a": NaN'),
        ("/latin", "käse"),
        ("/empty", None),
        ("/latin?type=text/plain;charset=no-such-charset", "k\ufffdse"),
        ("/latin?type=text/plain;charset=base64", "k\ufffdse"),
    ],
)
def test_bodies(request_, server, path, body):
    assert request_({"url": server.url + path})["body"] == body


def test_vendor_json_is_json(request_, server):
    assert request_({"url": f"{server.url}/x?type=application/problem%2Bjson"})["body"]["method"] == "GET"


@pytest.mark.parametrize(
    ("params", "body", "content_type"),
    [
        ({"json": {"a": [1, "ä"]}}, '{"a": [1, "ä"]}', "application/json"),
        ({"json": []}, "[]", "application/json"),
        (
            {"form": {"a": "b c", "n": [1, 2], "t": True, "no": None}},
            "a=b+c&n=1&n=2&t=true",
            "application/x-www-form-urlencoded",
        ),
        ({"body": "plain ä"}, "plain ä", "text/plain; charset=utf-8"),
        ({"body": "<x/>", "headers": {"content-type": "text/xml"}}, "<x/>", "text/xml"),
        ({}, "", None),
    ],
)
def test_what_is_sent(request_, server, params, body, content_type):
    request_({"method": "post", "url": f"{server.url}/x", **params})

    sent = server.received[0]
    assert sent.method == "POST"
    assert sent.body.decode() == body
    assert sent.headers.get("content-type") == content_type


@pytest.mark.parametrize(
    ("url", "query", "path"),
    [
        ("/p", {"a": "b c", "l": [1, 2]}, "/p?a=b+c&l=1&l=2"),
        ("/p?x=1", {"a": 1}, "/p?x=1&a=1"),
        ("/p?", {"a": 1}, "/p?a=1"),
        ("/p#frag", {"a": "#&="}, "/p?a=%23%26%3D"),
    ],
)
def test_the_query_is_joined_to_the_url(request_, server, url, query, path):
    request_({"url": server.url + url, "query": query})

    assert server.received[0].path == path


def test_the_trace_goes_along_and_the_steps_own_headers_win(request_, server):
    request_({"url": f"{server.url}/x", "headers": {"X-Trace-Id": "mine", "X-Number": 7}})

    headers = server.received[0].headers
    assert headers["traceparent"] == f"00-{TRACE}-b7ad6b7169203331-01"
    assert headers["x-trace-id"] == "mine"
    assert headers["x-number"] == "7"
    assert headers["user-agent"].startswith("django-automate/")


@pytest.mark.parametrize(
    ("method", "idempotent", "is_sent"),
    [("GET", False, True), ("PUT", False, True), ("POST", False, False), ("PATCH", False, False), ("POST", True, True)],
)
def test_the_idempotency_key_goes_with_what_may_be_repeated(request_, server, method, idempotent, is_sent):
    request_({"method": method, "url": f"{server.url}/x"}, idempotent=idempotent)

    assert server.received[0].headers.get("idempotency-key") == (KEY if is_sent else None)
    assert is_repeatable({"method": method}, {"idempotent": idempotent}) is is_sent


@pytest.mark.parametrize(
    ("method", "idempotent", "status", "retryable", "in_doubt"),
    [
        ("GET", False, 500, True, False),
        ("GET", False, 503, True, False),
        ("GET", False, 404, False, False),
        ("GET", False, 301, False, False),
        ("GET", False, 501, False, False),
        ("POST", False, 400, False, False),
        ("POST", False, 408, True, False),
        ("POST", False, 425, True, False),
        ("POST", False, 429, True, False),
        ("POST", False, 503, True, False),
        ("POST", False, 500, False, True),
        ("POST", False, 502, False, True),
        ("POST", False, 504, False, True),
        ("POST", True, 500, True, False),
        ("POST", True, 504, True, False),
        ("DELETE", False, 502, True, False),
    ],
)
def test_what_a_status_means(request_, server, method, idempotent, status, retryable, in_doubt):
    with pytest.raises(ConnectorError) as raised:
        request_({"method": method, "url": f"{server.url}/x?status={status}"}, idempotent=idempotent)

    error = raised.value
    assert (error.retryable, error.in_doubt, error.code) == (retryable, in_doubt, f"http_{status}")
    assert error.details["status"] == status
    assert error.details["body"]["method"] == method


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("999999999999", 86_400.0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_heard(request_, server, header, seconds):
    with pytest.raises(ConnectorError) as raised:
        request_({"url": f"{server.url}/x", "query": {"status": 429, "header": f"Retry-After:{header}"}})

    assert raised.value.retry_after == seconds


def test_named_statuses_count_as_success_and_others_do_not(request_, server):
    assert request_({"url": f"{server.url}/x?status=404", "ok_statuses": [200, 404]})["status"] == 404
    with pytest.raises(ConnectorError):
        request_({"url": f"{server.url}/x?status=204", "ok_statuses": [200, 404]})


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"url": ""},
        {"url": 5},
        {"method": "BREW"},
        {"json": 1, "body": "x"},
        {"json": float("nan")},
        {"form": "a=b"},
        {"form": {"a": {"b": 1}}},
        {"query": "a=b"},
        {"query": {"a": "\ud800"}},
        {"body": "\ud800"},
        {"headers": ["a"]},
        {"headers": {"a": {}}},
        {"timeout": 0},
        {"timeout": "5"},
        {"timeout": float("nan")},
        {"timeout": True},
        {"max_response_bytes": 0},
        {"max_response_bytes": True},
        {"max_response_bytes": 6_000_000},
        {"multipart": "a=b"},
        {"multipart": {"a": {"content": "x"}}},
        {"multipart": {"a": {"filename": "x", "content_base64": "?"}}},
        {"multipart": {"a": {"filename": "x", "content_type": "text/plain\r\nX: y"}}},
        {"multipart": {"a": [["x"]]}},
    ],
)
def test_parameters_that_make_no_request_are_refused_before_sending(request_, server, params):
    with pytest.raises(ConnectorError) as raised:
        request_({"url": f"{server.url}/x", **params} if params and "url" not in params else params)

    assert raised.value.code == "invalid_params"
    assert not raised.value.retryable
    assert server.received == []


@pytest.mark.parametrize(
    ("method", "idempotent", "retryable", "in_doubt"),
    [("GET", False, True, False), ("POST", False, False, True), ("POST", True, True, False)],
)
def test_a_timeout_is_in_doubt_only_where_a_repeat_is_not_safe(
    request_, server, method, idempotent, retryable, in_doubt
):
    with pytest.raises(ConnectorError) as raised:
        request_({"method": method, "url": f"{server.url}/slow", "timeout": 0.2}, idempotent=idempotent)

    assert (raised.value.code, raised.value.retryable, raised.value.in_doubt) == ("timeout", retryable, in_doubt)


def test_the_steps_limit_holds_where_it_is_shorter(request_, server):
    with pytest.raises(ConnectorError, match="in time"):
        request_({"url": f"{server.url}/slow", "timeout": 30}, timeout_seconds=0.2)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://10.0.0.1/", "egress_denied"),
        ("http://localhost/", "egress_denied"),
        ("http://u:p@x.example/", "invalid_target"),
        ("ftp://x.example/", "invalid_target"),
    ],
)
def test_denied_targets_are_connector_errors(request_, url, code):
    with pytest.raises(ConnectorError) as raised:
        request_({"url": url})

    assert (raised.value.code, raised.value.retryable, raised.value.in_doubt) == (code, False, False)


def test_without_an_egress_the_strict_policy_holds(server):
    with pytest.raises(ConnectorError) as raised:
        HttpAdapter().execute("request", {"url": f"{server.url}/x"}, {})

    assert raised.value.code == "egress_denied"
    assert server.received == []


def test_an_egress_object_of_the_caller_is_used(request_, server):
    assert request_({"url": f"{server.url}/x"}, egress=Egress(server.policy, pool_key="t_a"))["status"] == 200


def test_a_secret_that_comes_back_in_an_error_is_masked_also_at_the_cut(request_, server):
    secret = "canary-7f3e9a1c-do-not-show"  # stands across the place where the body is cut
    with pytest.raises(ConnectorError) as raised:
        request_(
            {"url": f"{server.url}/long?status=400", "headers": {"X-Api-Key": secret}}, secrets={"API_KEY": secret}
        )

    assert "canary" not in json.dumps(raised.value.details)
    assert len(raised.value.details["body"]) < 2100


def test_an_unknown_action_is_refused():
    with pytest.raises(ConnectorError, match="no action 'send'"):
        HttpAdapter().execute("send", {}, {})


def test_a_multipart_form_carries_fields_and_files_as_a_server_reads_them(request_, server):
    params = {
        "name": "Änn",
        "tags": ["a", 2, True],
        'qu"ote\n': "x",
        "file": {"filename": "a.txt", "content": "hello", "content_type": "text/plain"},
        "raw": {"filename": 'b".bin', "content_base64": "AP8="},
        "no": None,
    }
    request_({"method": "PUT", "url": f"{server.url}/x", "multipart": params})
    request_({"method": "PUT", "url": f"{server.url}/x", "multipart": params})

    first, second = server.received
    assert first.body == second.body  # a retry sends the same bytes
    head = f"Content-Type: {first.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + first.body, policy=email.policy.HTTP)
    parts = [(part.get_param("name", header="content-disposition"), part.get_filename(), part.get_content_type(),
              part.get_payload(decode=True)) for part in message.iter_parts()]  # fmt: skip
    assert parts == [
        ("name", None, "text/plain", "Änn".encode()),
        ("tags", None, "text/plain", b"a"),
        ("tags", None, "text/plain", b"2"),
        ("tags", None, "text/plain", b"true"),
        ("qu%22ote%0A", None, "text/plain", b"x"),
        ("file", "a.txt", "text/plain", b"hello"),
        ("raw", "b%22.bin", "application/octet-stream", b"\x00\xff"),
    ]


def test_a_reply_above_the_steps_cap_fails_the_step(request_, server):
    with pytest.raises(ConnectorError) as raised:
        request_({"url": f"{server.url}/long", "max_response_bytes": 100})

    assert raised.value.code == "reply_too_large"
    assert not raised.value.retryable
