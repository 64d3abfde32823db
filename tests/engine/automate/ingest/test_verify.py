"""Who may send: every malformed or wrong proof is a 401, none a crash."""

from __future__ import annotations

import base64
from datetime import datetime, timezone
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from automate.ingest.refusal import Refusal
from automate.ingest.verify import bearer_token, secret_bytes, verify_signature

SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 24).decode()
NOW = 1_790_000_000
RAW = '{"a":"é"}'.encode()


def signed(secret: str = SECRET, *, at: int = NOW, raw: bytes = RAW) -> dict[str, str]:
    """Headers as a sender's own library makes them."""
    moment = datetime.fromtimestamp(at, timezone.utc)
    signature = Webhook(secret).sign(msg_id="msg_1", timestamp=moment, data=raw.decode())
    return {"webhook_id": "msg_1", "timestamp": str(at), "signature": signature}


def check(headers: dict[str, Any], *secrets: str, raw: bytes = RAW) -> str:
    try:
        verify_signature(secrets=[secret_bytes(s) for s in secrets or (SECRET,)], raw=raw, now_seconds=NOW, **headers)
    except Refusal as refusal:
        assert refusal.http_status == 401
        return refusal.code
    return "accepted"


def test_what_the_senders_library_signs_is_accepted() -> None:
    assert check(signed()) == "accepted"


def test_either_secret_of_a_rotation_verifies() -> None:
    assert check(signed(OTHER), SECRET, OTHER) == "accepted"


def test_one_good_signature_among_several_is_enough() -> None:
    good = signed()["signature"]
    assert check({**signed(), "signature": f"v1a,abc v2,{good[3:]} v1,AAAA {good}"}) == "accepted"


def test_other_bytes_another_secret_or_another_id_are_refused() -> None:
    assert check(signed(), raw=RAW + b" ") == "invalid_signature"
    assert check(signed(OTHER)) == "invalid_signature"
    assert check({**signed(), "webhook_id": "msg_2"}) == "invalid_signature"


@pytest.mark.parametrize("skew", [-301, 301, -86_400 * 365, 10**10])
def test_a_wrong_clock_is_told_by_how_much(skew: int) -> None:
    with pytest.raises(Refusal) as refused:
        verify_signature(
            secrets=[b"k"], raw=RAW, webhook_id="m", timestamp=str(NOW + skew), signature="v1,AA", now_seconds=NOW
        )
    assert (refused.value.code, refused.value.details["skew_seconds"]) == ("timestamp_out_of_tolerance", skew)


@pytest.mark.parametrize("skew", [-300, 0, 300])
def test_five_minutes_are_tolerated(skew: int) -> None:
    assert check(signed(at=NOW + skew)) == "accepted"


@pytest.mark.parametrize("missing", ["webhook_id", "timestamp", "signature"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_header_is_named(missing: str, value: str | None) -> None:
    assert check({**signed(), missing: value}) == "missing_signature"


@pytest.mark.parametrize(
    "signature", ["v1", "v1,", ",", " ", "v1,é", "v1,%%%", "v1,A", "v1 " * 1000, "v2,AAAA", "\x00", "v1,AAAA," * 9]
)
def test_a_malformed_signature_is_refused_not_a_crash(signature: str) -> None:
    assert check({**signed(), "signature": signature}) == "invalid_signature"


@pytest.mark.parametrize("timestamp", ["now", "-1", "1e9", "1790000000.5", "٣", "9" * 40, " 1790000000", "nan"])
def test_a_malformed_timestamp_is_refused_not_a_crash(timestamp: str) -> None:
    assert check({**signed(), "timestamp": timestamp}) == "invalid_signature"


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_%%%", "whsec_A"])
def test_without_a_usable_secret_everything_is_refused(secret: str) -> None:
    assert check(signed(), secret) == "signing_secret_missing"


def test_an_empty_key_signs_nothing() -> None:
    with pytest.raises(Refusal):
        verify_signature(secrets=[], raw=RAW, now_seconds=NOW, **signed())


@pytest.mark.parametrize(
    ("header", "code"),
    [(None, "missing_api_key"), ("", "missing_api_key"), ("  ", "missing_api_key"), ("Basic abc", "invalid_api_key"),
     ("Bearer", "invalid_api_key"), ("Bearer ", "invalid_api_key"), ("am_live_x", "invalid_api_key")],
)  # fmt: skip
def test_a_key_comes_as_a_bearer_token(header: str | None, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        bearer_token(header)
    assert (refused.value.code, refused.value.http_status) == (code, 401)
    assert refused.value.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_bearer_token_is_found() -> None:
    assert bearer_token("bearer  am_live_1 ") == "am_live_1"
