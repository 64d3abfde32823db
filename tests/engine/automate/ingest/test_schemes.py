"""GitHub's and Stripe's signatures: what they send is accepted, anything else is a 401, none a crash.

The GitHub pair is the one that GitHub's documentation gives for checking an implementation. The Stripe header was
computed with `openssl dgst -sha256 -hmac` over "t.body".
"""

from __future__ import annotations

from typing import Any

import pytest

from automate.ingest.refusal import Refusal
from automate.ingest.schemes import delivery_id, verify_sender

NOW = 1_790_000_000
GITHUB_SECRET = "It's a Secret to Everybody"
GITHUB_BODY = b"Hello, World!"
GITHUB = {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}
STRIPE_SECRET = "whsec_f00dfeed5ca1ab1e0ddba11"
STRIPE_BODY = (
    b'{"id":"evt_1OaBcD2eZvKYlo2C","object":"event","type":"invoice.paid",'
    b'"data":{"object":{"id":"in_1","amount_paid":1200}}}'
)
V1 = "4d783ff8299e139a1be9bb5f787f88724ce5b069c198117a4cf623b349ca602c"
STRIPE = {"stripe-signature": f"t={NOW},v1={V1},v0={'0' * 64}"}


def check(auth: str, headers: dict[str, str], *secrets: str, raw: bytes | None = None, now: float = NOW) -> str:
    known = {"github": (GITHUB_SECRET, GITHUB_BODY), "stripe": (STRIPE_SECRET, STRIPE_BODY)}
    secret, body = known[auth]
    try:
        verify_sender(
            auth, secrets=secrets or (secret,), headers=headers, raw=body if raw is None else raw, now_seconds=now
        )
    except Refusal as refusal:
        assert refusal.http_status == 401
        return refusal.code
    return "accepted"


def test_what_they_send_is_accepted() -> None:
    assert check("github", GITHUB) == "accepted"
    assert check("stripe", STRIPE) == "accepted"


def test_either_secret_of_a_roll_verifies_and_so_does_either_signature() -> None:
    assert check("github", GITHUB, "another one", GITHUB_SECRET) == "accepted"
    assert check("stripe", STRIPE, "whsec_new", STRIPE_SECRET) == "accepted"
    assert check("stripe", {"stripe-signature": f"t={NOW}, v1={'a' * 64}, v1={V1}"}) == "accepted"


@pytest.mark.parametrize(
    ("auth", "headers", "body"), [("github", GITHUB, GITHUB_BODY), ("stripe", STRIPE, STRIPE_BODY)]
)
def test_other_bytes_or_another_secret_are_refused(auth: str, headers: dict[str, str], body: bytes) -> None:
    assert check(auth, headers, raw=body + b" ") == "invalid_signature"
    assert check(auth, headers, "whsec_somebody_elses") == "invalid_signature"
    assert check(auth, headers, "") == "signing_secret_missing"


@pytest.mark.parametrize("auth", ["github", "stripe"])
def test_a_missing_header_is_named(auth: str) -> None:
    assert check(auth, {}) == "missing_signature"
    other = STRIPE if auth == "github" else GITHUB
    assert check(auth, other) == "missing_signature"


@pytest.mark.parametrize("skew", [-301, 301])
def test_a_stripe_signature_is_good_for_five_minutes_either_way(skew: int) -> None:
    assert check("stripe", STRIPE, now=NOW + skew) == "timestamp_out_of_tolerance"
    assert check("stripe", STRIPE, now=NOW + skew - skew // abs(skew)) == "accepted"


def test_the_signed_time_cannot_be_exchanged() -> None:
    assert check("stripe", {"stripe-signature": f"t={NOW + 1},v1={V1}"}) == "invalid_signature"


@pytest.mark.parametrize(
    "value",
    ["sha256=", "sha1=" + "a" * 40, "757107", "sha256=é", "sha256=" + "A" * 64, "=", "\x00", "sha256=" + "0" * 10_000],
)
def test_a_malformed_github_header_is_refused_not_a_crash(value: str) -> None:
    assert check("github", {"x-hub-signature-256": value}) == "invalid_signature"


@pytest.mark.parametrize(
    "value",
    ["t=,v1=" + V1, "v1=" + V1, f"t={NOW}", f"t={NOW},v1=é", "t=١٧٩,v1=x", "t=1e9,v1=x", ",,,", f"t={NOW},v0={V1}"],
)
def test_a_malformed_stripe_header_is_refused_not_a_crash(value: str) -> None:
    assert check("stripe", {"stripe-signature": value}) == "invalid_signature"


def test_only_so_many_signatures_are_looked_at() -> None:
    crowd = ",".join(["v1=" + "a" * 64] * 10)
    assert check("stripe", {"stripe-signature": f"t={NOW},{crowd},v1={V1}"}) == "invalid_signature"


@pytest.mark.parametrize(
    ("auth", "headers", "expected"),
    [
        ("github", {"x-github-delivery": "72d3162e"}, "72d3162e"),
        ("github", {"webhook-id": "msg_1"}, None),
        ("stripe", {"webhook-id": "msg_1"}, "msg_1"),
        ("standard_webhooks", {"webhook-id": "msg_1"}, "msg_1"),
    ],
)
def test_a_delivery_is_called_what_its_sender_calls_it(
    auth: str, headers: dict[str, Any], expected: str | None
) -> None:
    assert delivery_id(auth, headers) == expected
