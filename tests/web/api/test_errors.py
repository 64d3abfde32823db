"""Everything that goes wrong leaves as `{code, message, details, trace_id}`, with the trace id that the header says."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpResponse

from automate_web.api import events, filters
from tests.web.api.support import Api, Rows

pytestmark = pytest.mark.django_db

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
EVENT = b'{"type": "order.created", "payload": {}}'


def check(answer: HttpResponse, status: int, code: str) -> dict[str, Any]:
    """The one shape, and nothing of the inside."""
    body: dict[str, Any] = answer.json()  # type: ignore[attr-defined]
    assert (answer.status_code, body["code"]) == (status, code), answer.content
    assert set(body) == {"code", "message", "details", "trace_id"}
    assert answer["Content-Type"] == "application/json"
    assert body["trace_id"] == answer["X-Trace-Id"]
    assert len(body["trace_id"]) == 32
    assert isinstance(body["details"], dict)
    assert "Traceback" not in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    return body


@pytest.mark.parametrize(
    "path",
    ["", "/", "/nonsense", "/events/", "/runs/x/y/z", "/Events", "/workflows/a/versions/", "/%2e%2e/admin", "//events"],
)
def test_an_unknown_path_is_404(api: Api, path: str) -> None:
    check(api.get(path), 404, "resource_not_found")


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v2/events", "/api/nonsense"])
def test_all_of_api_answers_in_json(api: Api, path: str) -> None:
    check(api.client.get(path), 404, "resource_not_found")


@pytest.mark.parametrize("path", ["/events/{}", "/runs/{}", "/workflows/{}", "/workflows/{}/versions"])
@pytest.mark.parametrize(
    "key",
    ["nonsense", "7", "019aa900-1c00-7a10-8000-0a1b2c3d4e5f", "x" * 500, "%00", "'", "{payload}", "é", "-1", "..%2f.."],
)
def test_an_object_that_is_not_there_is_404(api: Api, path: str, key: str) -> None:
    check(api.get(path.format(key)), 404, "resource_not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/events"),
        ("PUT", "/events"),
        ("PATCH", "/runs"),
        ("POST", "/runs"),
        ("OPTIONS", "/events"),
        ("TRACE", "/events"),
        ("GET", "/workflow-validations"),
        ("POST", "/workflows/order-flow"),
        ("BREW", "/events"),
    ],
)
def test_a_method_that_is_not_there_is_405(api: Api, method: str, path: str) -> None:
    answer = api.send(method, path)

    check(answer, 405, "method_not_allowed")
    assert "OPTIONS" not in answer["Allow"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid_json"),
        (b"", "invalid"),
        (b"nonsense", "invalid_json"),
        (b'{"type": NaN}', "invalid_json"),
        (b'{"a": 1, "a": 2}', "duplicate_name"),
        (b'{"type": "a", "payload": {"x": "\\u0000"}}', "unstorable_text"),
        (b'{"type": "a", "payload": {"x": "\\ud800"}}', "unstorable_text"),
        (b"\xff\xfe{\x00}\x00", "invalid_encoding"),
        (b'\xef\xbb\xbf{"type": "a"}', "invalid_encoding"),
        (b'{"type": "a", "payload": {"x": 1e999}}', "number_out_of_range"),
        (b"[" * 70 + b"]" * 70, "too_deep"),
        (b'{"a":' * 100_000, None),
        (b"[]", "invalid"),
        (b'"text"', "invalid"),
        (b"null", "invalid"),
        (b"{}", "invalid"),
        (b'{"type": "a"}', "invalid"),
        (b'{"type": "", "payload": {}}', "invalid"),
        (b'{"type": 7, "payload": {}}', None),
        (b'{"type": "a", "payload": []}', "invalid"),
        (b'{"type": "a", "payload": null}', "invalid"),
        (b'{"type": "%s", "payload": {}}' % (b"x" * 201), "invalid"),
        (b'{"type": ["a"], "payload": {}}', "invalid"),
        (b'{"type": "a", "payload": {}, "tenant_id": 1}', "invalid"),
    ],
)
def test_a_body_that_cannot_be_meant_is_refused(api: Api, body: bytes, code: str | None) -> None:
    answer = api.post("/events", body)

    shown = answer.json()
    assert answer.status_code in {400, 422}, answer.content[:300]
    check(answer, answer.status_code, code or shown["code"])


def test_each_problem_of_a_body_is_named_with_its_path(api: Api) -> None:
    body = check(api.post("/events", {"payload": []}), 422, "invalid")

    assert {(error["path"], error["code"]) for error in body["details"]["errors"]} == {
        ("/type", "required"),
        ("/payload", "not_an_object"),
    }


def test_a_body_over_a_mebibyte_is_413(api: Api) -> None:
    body = b'{"type": "a", "payload": {"x": "' + b"x" * (1 << 20) + b'"}}'

    check(api.post("/events", body), 413, "payload_too_large")


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense", ""]
)
def test_another_kind_of_body_is_415(api: Api, media: str) -> None:
    answer = api.client.generic("POST", "/api/v1/events", EVENT, content_type=media, headers=api.headers)

    check(answer, 415, "unsupported_media_type")


def test_a_compressed_body_is_415(api: Api) -> None:
    check(api.post("/events", EVENT, {"Content-Encoding": "gzip"}), 415, "unsupported_media_type")


@pytest.mark.parametrize(("host", "status"), [("evil.example", 400), ("x_y.localhost", 400), ("nobody.localhost", 404)])
def test_a_host_that_is_not_ours_is_refused_in_json(api: Api, host: str, status: int) -> None:
    answer = api.client.get("/api/v1/events", headers={**api.headers, "Host": host})

    check(answer, status, {400: "bad_request", 404: "resource_not_found"}[status])


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense", "*/*", "image/*;q=0.1"])
def test_answers_are_json_whatever_is_asked_for(api: Api, accept: str) -> None:
    assert api.get("/events", headers={"Accept": accept})["Content-Type"] == "application/json"
    check(api.get("/events", headers={"Accept": accept}, format="api"), 422, "unknown_parameter")


def test_a_body_without_a_length_is_411(api: Api) -> None:
    answer = api.client.generic(
        "POST", "/api/v1/events", b"", content_type="application/json",
        headers={**api.headers, "Transfer-Encoding": "chunked"}, CONTENT_LENGTH="",
    )  # fmt: skip

    check(answer, 411, "length_required")


def test_a_traceparent_names_the_answer(api: Api) -> None:
    answer = api.get("/nonsense", headers={"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01"})

    assert check(answer, 404, "resource_not_found")["trace_id"] == TRACE_ID


def test_what_nobody_foresaw_is_logged_under_its_trace_id_and_says_nothing_of_the_inside(
    api: Api, rows: Rows, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("canary: password=hunter2")

    monkeypatch.setattr(filters, "received_between", broken)
    with caplog.at_level(logging.ERROR, "automate_web"):
        body = check(api.get("/events"), 500, "internal_error")

    assert "canary" not in str(body)
    (record,) = [record for record in caplog.records if record.name.startswith("automate_web")]
    assert record.trace_id == body["trace_id"]  # type: ignore[attr-defined]
    assert record.exc_info is not None


def test_a_database_that_is_away_is_503_with_a_time_to_come_back(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("canary: connection to server at 10.0.0.7 failed")

    monkeypatch.setattr(filters, "received_between", away)
    answer = api.get("/events")

    assert "canary" not in str(check(answer, 503, "unavailable"))
    assert answer["Retry-After"] == "1"


def test_an_answer_that_cannot_be_written_is_an_error_like_any_other(
    api: Api, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unwritable:
        def __str__(self) -> str:
            raise RuntimeError("canary")

    monkeypatch.setattr(events.Events, "page", lambda *_: events.Response({"x": Unwritable()}))

    check(api.get("/events"), 500, "internal_error")


def test_a_head_request_has_no_body(api: Api) -> None:
    answer = api.send("HEAD", "/events")

    assert (answer.status_code, answer.content) == (200, b"")
