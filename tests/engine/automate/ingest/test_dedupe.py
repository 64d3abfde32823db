"""What makes a request a repeat, what it is called, and which headers stay with it."""

from __future__ import annotations

from typing import Any

import pytest

from automate.ingest.body import read_json
from automate.ingest.dedupe import dedupe_key, event_type
from automate.ingest.headers import kept_headers
from automate.ingest.refusal import Refusal, all_refusals
from automate.ingest.trace import make_traceparent, new_trace_id, parse_traceparent


def key_of(text: str, **given: Any) -> str | None:
    return dedupe_key(text=text, value=read_json(text.encode()).value, **given)


def test_the_endpoints_path_comes_first_then_webhook_id_then_idempotency_key() -> None:
    headers = {"webhook_id": "msg_1", "idempotency_key": "key-1"}

    assert key_of('{"order":{"id":"o-1"}}', dedupe_path="order.id", **headers) == "o-1"
    assert key_of('{"order":{}}', dedupe_path="order.id", **headers) == "msg_1"
    assert key_of("{}", **headers) == "msg_1"
    assert key_of("{}", idempotency_key="key-1") == "key-1"
    assert key_of("{}") is None


def test_long_numbers_at_the_path_stay_apart() -> None:
    first = key_of('{"id":12345678901234567890123}', dedupe_path="id")
    second = key_of('{"id":12345678901234567890124}', dedupe_path="id")

    assert (first, second) == ("12345678901234567890123", "12345678901234567890124")
    assert key_of('{"id":1.10}', dedupe_path="id") == "1.10"


@pytest.mark.parametrize("value", ["null", "true", "{}", "[]", '""'])
def test_only_text_and_numbers_are_keys(value: str) -> None:
    assert key_of(f'{{"id":{value}}}', dedupe_path="id") is None


@pytest.mark.parametrize("path", ["id.x", "x", "items.9", "items.x", "items.-1", "items.²", "items.99999999999"])
def test_a_path_that_leads_nowhere_is_no_key(path: str) -> None:
    assert key_of('{"id":1,"items":[1]}', dedupe_path=path) is None


def test_digits_index_an_array() -> None:
    assert key_of('{"items":[{"sku":"s-1"}]}', dedupe_path="items.0.sku") == "s-1"


@pytest.mark.parametrize("key", ["", "   ", "k" * 256, "é", "a\x00b", "a\tb"])
def test_an_odd_header_key_is_refused(key: str) -> None:
    with pytest.raises(Refusal) as refused:
        key_of("{}", idempotency_key=key)
    assert refused.value.code == "invalid_dedupe_key"


def test_a_key_of_255_characters_is_kept_and_a_longer_one_in_the_body_refused() -> None:
    assert key_of("{}", webhook_id="k" * 255) == "k" * 255
    with pytest.raises(Refusal):
        key_of('{"id":"' + "k" * 256 + '"}', dedupe_path="id")


def test_an_events_type_is_the_bodys_or_the_endpoints() -> None:
    assert event_type({"type": "order.paid"}, type_path="type", default="webhook.received") == "order.paid"
    for value in ({}, {"type": 1}, {"type": ""}, {"type": "t" * 201}, [], None):
        assert event_type(value, type_path="type", default="webhook.received") == "webhook.received"


def test_headers_are_kept_without_what_proves_the_sender() -> None:
    kept = kept_headers(
        [
            ("content-type", "application/json"),
            ("user-agent", "Sender/1"),
            ("authorization", "Bearer am_live_x"),
            ("cookie", "a=b"),
            ("x-hub-signature-256", "sha256=00"),
            ("webhook-signature", "v1,00"),
            ("webhook-id", "msg_1"),
            ("x-api-key", "k"),
            ("x-github-event", "push"),
            ("x-note", "key sk_live_" + "a1B2" * 8),
            ("x-forwarded-for", "10.0.0.1"),
            ("host", "example.test"),
        ]
    )

    assert kept == {
        "content-type": "application/json",
        "user-agent": "Sender/1",
        "x-hub-signature-256": "********",
        "webhook-signature": "********",
        "webhook-id": "msg_1",
        "x-api-key": "********",
        "x-github-event": "push",
        "x-note": "key ********",
    }


def test_headers_are_bounded() -> None:
    kept = kept_headers((f"x-h{n}", "v" * 10_000) for n in range(1000))

    assert len(kept) == 40
    assert {len(value) for value in kept.values()} == {500}


@pytest.mark.parametrize(
    "header",
    ["", "00", "00-" + "0" * 32 + "-" + "1" * 16 + "-01", "00-" + "a" * 32 + "-" + "0" * 16 + "-01",
     "ff-" + "a" * 32 + "-" + "1" * 16 + "-01", "00-" + "A" * 32 + "-" + "1" * 16 + "-01",
     "00-" + "a" * 32 + "-" + "1" * 16 + "-01-x", "00-" + "a" * 31 + "-" + "1" * 16 + "-01"],
)  # fmt: skip
def test_an_invalid_traceparent_is_ignored(header: str) -> None:
    assert parse_traceparent(header) is None


def test_a_valid_traceparent_gives_its_trace() -> None:
    trace_id = new_trace_id()
    assert parse_traceparent(make_traceparent(trace_id)) == trace_id
    assert parse_traceparent("01-" + "a" * 32 + "-" + "1" * 16 + "-01-later") == "a" * 32


def test_every_refusal_has_a_code_of_its_own_and_says_what_it_means() -> None:
    refusals = all_refusals()

    assert len({refusal.code for refusal in refusals}) == len(refusals) > 20
    assert all(400 <= refusal.http_status < 600 and refusal.__doc__ for refusal in refusals)
