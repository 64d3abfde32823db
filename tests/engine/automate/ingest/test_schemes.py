"""Signatures of each scheme: what senders send is accepted, anything else is a 401, none a crash.

The GitHub and Slack pairs are those that their documentation gives for checking an implementation; Standard Webhooks'
is of its reference libraries, the custom ones of RFC 4231 and RFC 2202 (test case 2). The Stripe header was computed
with `openssl dgst -sha256 -hmac` over "t.body".
"""

from __future__ import annotations

import base64
from typing import Any

import pytest

from automate.ingest.refusal import Refusal
from automate.ingest.schemes import InvalidOptions, challenge, delivery_id, parse_options, scheme_of

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
    return verdict(auth, None, secrets or (secret,), headers, body if raw is None else raw, now)


def verdict(
    auth: str, options: dict[str, Any] | None, secrets: tuple[str, ...], headers: dict[str, str], raw: bytes, now: float
) -> str:
    scheme = scheme_of(auth, options)
    assert scheme is not None
    try:
        scheme.verify(secrets=secrets, headers=headers, raw=raw, now_seconds=now)
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
        ("shopify", {"x-shopify-webhook-id": "b54557e4"}, "b54557e4"),
        ("shopify", {"shopify-webhook-id": "b54557e4"}, "b54557e4"),
        ("slack", {"webhook-id": "msg_1"}, "msg_1"),
        ("api_key", {"webhook-id": "msg_1"}, "msg_1"),
    ],
)
def test_a_delivery_is_called_what_its_sender_calls_it(
    auth: str, headers: dict[str, Any], expected: str | None
) -> None:
    assert delivery_id(scheme_of(auth), headers) == expected


SLACK_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SLACK_AT = 1_531_420_618
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
    b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121."
    b"803a0bc887a14d10d2c447fce8b6703c"
)
SLACK = {
    "x-slack-request-timestamp": str(SLACK_AT),
    "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
}


def test_slacks_own_example_is_accepted_for_five_minutes() -> None:
    def at(now: float, headers: dict[str, str] = SLACK, raw: bytes = SLACK_BODY) -> str:
        return verdict("slack", None, (SLACK_SECRET,), headers, raw, now)

    assert at(SLACK_AT + 300) == "accepted"
    assert at(SLACK_AT + 301) == "timestamp_out_of_tolerance"
    assert at(SLACK_AT, raw=SLACK_BODY + b"&x=1") == "invalid_signature"
    assert at(SLACK_AT, {**SLACK, "x-slack-request-timestamp": str(SLACK_AT + 1)}) == "invalid_signature"
    assert at(SLACK_AT, {"x-slack-signature": SLACK["x-slack-signature"]}) == "missing_signature"
    assert at(SLACK_AT, {**SLACK, "x-slack-signature": SLACK["x-slack-signature"].removeprefix("v0=")}) == (
        "invalid_signature"
    )


def test_the_reference_example_of_standard_webhooks_is_accepted() -> None:
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    secret = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert verdict("standard_webhooks", None, (secret,), headers, b'{"test": 2432232314}', 1_614_265_330) == "accepted"


RFC_KEY, RFC_DATA = "Jefe", b"what do ya want for nothing?"
RFC_VALUES = {
    "sha1": "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
    "sha256": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    "sha512": "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd"
    "caeab1a34d4a6b4b636e070a38bce737",
}


@pytest.mark.parametrize("algorithm", RFC_VALUES)
def test_a_custom_hmac_is_that_of_the_rfcs_in_hex_and_base64(algorithm: str) -> None:
    value = RFC_VALUES[algorithm]
    in_base64 = base64.b64encode(bytes.fromhex(value)).decode()

    def check_custom(written: str, **options: str) -> str:
        options = {"header": "X-Sig", "algorithm": algorithm, **options}
        return verdict("hmac", options, (RFC_KEY,), {"x-sig": written}, RFC_DATA, NOW)

    assert check_custom(value) == check_custom(value.upper()) == "accepted"
    assert check_custom(f"k={value}", prefix="k=") == "accepted"
    assert check_custom(value, prefix="k=") == "invalid_signature"
    assert check_custom(in_base64, encoding="base64") == "accepted"
    assert check_custom(in_base64.rstrip("=").replace("+", "-").replace("/", "_"), encoding="base64") == "accepted"
    assert check_custom(value, encoding="base64") == "invalid_signature"
    assert check_custom("0" * len(value)) == "invalid_signature"


TIMED = {
    "header": "X-Sig",
    "timestamp_header": "X-Time",
    "id_header": "X-Delivery",
    "tolerance_seconds": 60,
    "signed": "{id}:{timestamp}\n{body}!",
    "algorithm": "sha512",
    "encoding": "base64",
    "prefix": "v2=",
}


def test_what_a_scheme_signs_it_accepts_and_nothing_else() -> None:
    for auth, options, secret in (
        ("github", None, "s" * 20),
        ("stripe", None, "whsec_x"),
        ("slack", None, "s" * 32),
        ("shopify", None, "shpss_1"),
        ("standard_webhooks", None, "whsec_aGVsbG8="),
        ("hmac", TIMED, "my secret"),
    ):
        scheme = scheme_of(auth, options)
        assert scheme is not None
        signed = scheme.sign(secret=secret, raw=b"{}", delivery="d-1", now_seconds=NOW)
        headers = {name.lower(): value for name, value in signed.items()}
        assert verdict(auth, options, ("other", secret), headers, b"{}", NOW) == "accepted", auth
        assert verdict(auth, options, (secret,), headers, b"{ }", NOW) == "invalid_signature", auth
        assert verdict(auth, options, ("another",), headers, b"{}", NOW) == "invalid_signature", auth
        assert verdict(auth, options, (secret,), {}, b"{}", NOW) == "missing_signature", auth
        for name in headers:
            assert verdict(auth, options, (secret,), {**headers, name: "é\x00"}, b"{}", NOW) != "accepted" or (
                name == "x-github-delivery" or name == "x-shopify-webhook-id"
            ), (auth, name)


def test_a_custom_time_and_delivery_are_part_of_what_is_signed() -> None:
    scheme = scheme_of("hmac", TIMED)
    assert scheme is not None
    made = scheme.sign(secret="k", raw=b"{}", delivery="d-1", now_seconds=NOW)
    headers = {name.lower(): value for name, value in made.items()}

    def check_timed(changed: dict[str, str], now: float = NOW) -> str:
        return verdict("hmac", TIMED, ("k",), {**headers, **changed}, b"{}", now)

    assert made["X-Sig"].startswith("v2=") and made["X-Time"] == str(NOW)
    assert delivery_id(scheme, headers) == "d-1"
    assert check_timed({}, NOW + 60) == "accepted"
    assert check_timed({}, NOW + 61) == "timestamp_out_of_tolerance"
    assert check_timed({"x-time": f"{NOW}000"}) == "invalid_signature"  # milliseconds are a time, but were not signed
    assert check_timed({"x-time": "soon"}) == "invalid_signature"
    assert check_timed({"x-delivery": "d-2"}) == "invalid_signature"
    assert check_timed({"x-delivery": ""}) == "missing_signature"


@pytest.mark.parametrize(
    ("param", "changed"),
    [
        ("header", {"header": ""}),
        ("header", {"header": "X Sig"}),
        ("header", {"header": "Authorization"}),
        ("algorithm", {"algorithm": "md5"}),
        ("encoding", {"encoding": "rot13"}),
        ("prefix", {"prefix": "a,b"}),
        ("prefix", {"prefix": 7}),
        ("timestamp_header", {"timestamp_header": "X-Sig"}),
        ("tolerance_seconds", {"tolerance_seconds": 0}),
        ("tolerance_seconds", {"tolerance_seconds": True}),
        ("signed", {"signed": "{timestamp}"}),
        ("signed", {"signed": "{body}{body}"}),
        ("signed", {"signed": "{timestamp}.{body}"}),  # no header names the time
        ("signed", {"signed": "{id}.{body}"}),
        ("signed", {"signed": "{url}{body}"}),
        ("signed", {"timestamp_header": "X-Time"}),  # a time that is not signed
        ("secret", {"secret": "x"}),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused_by_name(param: str, changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidOptions) as refused:
        parse_options({"header": "X-Sig", **changed})
    assert refused.value.param == param


@pytest.mark.parametrize(
    "value", [{"type": "url_verification"}, {"challenge": "x"}, {"type": "url_verification", "challenge": 1}, [], "x"]
)
def test_only_slack_is_answered_its_challenge(value: Any) -> None:
    asked = {"type": "url_verification", "challenge": "x"}
    assert challenge("slack", asked) == "x"
    assert challenge("stripe", asked) is None
    assert challenge("slack", value) is None
    assert challenge("slack", {**asked, "challenge": "x" * 1001}) is None
