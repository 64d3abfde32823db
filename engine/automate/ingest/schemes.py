"""Signature schemes: how a sender of each kind signs, and what it calls a delivery. Imports no Django.

`standard_webhooks`, `github` and `stripe` are values of an endpoint's `auth`. Sources: Standard Webhooks 1.0; GitHub,
"Validating webhook deliveries"; Stripe, "Verify webhook signatures manually".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping

from automate.ingest.refusal import InvalidSignature, MissingSignature
from automate.ingest.verify import check_clock, secret_bytes, usable_keys, verify_signature

SIGNED = frozenset({"standard_webhooks", "github", "stripe"})
MADE_BY_SENDER = frozenset({"stripe"})  # the sender makes the secret; the others take ours

_MAX_SIGNATURES = 10
_HEX = re.compile(r"[0-9a-f]{64}")
_MISMATCH = "No signature matches. Check that both sides have the same secret, and that nothing changed the body."


def verify_sender(
    auth: str, *, secrets: Iterable[str], headers: Mapping[str, str], raw: bytes, now_seconds: float
) -> None:
    """Accept the request if any of `secrets` signed it in the scheme `auth`, one of SIGNED; else raise a Refusal.

    `headers` finds a lower-case name, whatever case it came in.
    """
    if auth == "github":
        _verify_github(usable_keys(map(str.encode, secrets)), headers.get("x-hub-signature-256"), raw)
    elif auth == "stripe":
        _verify_stripe(usable_keys(map(str.encode, secrets)), headers.get("stripe-signature"), raw, now_seconds)
    else:
        verify_signature(
            secrets=map(secret_bytes, secrets),
            raw=raw,
            webhook_id=headers.get("webhook-id"),
            timestamp=headers.get("webhook-timestamp"),
            signature=headers.get("webhook-signature"),
            now_seconds=now_seconds,
        )


def delivery_id(auth: str, headers: Mapping[str, str]) -> str | None:
    """What the sender calls this delivery, the same when it is sent again; a dedupe key.

    >>> delivery_id("github", {"x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958"})
    '72d3162e-cc78-11e3-81ab-4c9367dc0958'
    """
    return headers.get("x-github-delivery" if auth == "github" else "webhook-id")


def _verify_github(keys: list[bytes], header: str | None, raw: bytes) -> None:
    """`sha256=<HMAC-SHA256 of the body in hex>`. GitHub signs no time: a repeat is told by its delivery id."""
    if not header:
        raise _missing("X-Hub-Signature-256", "Set a secret in the webhook's settings on GitHub.")
    scheme, _, claimed = header.strip().partition("=")
    if scheme != "sha256":
        raise InvalidSignature("X-Hub-Signature-256 must be `sha256=<64 hex digits>`.")
    _demand_match(keys, raw, [claimed])


def _verify_stripe(keys: list[bytes], header: str | None, raw: bytes, now_seconds: float) -> None:
    """`t=<seconds>,v1=<HMAC-SHA256 of "t.body" in hex>`, with several `v1` while a secret is rolled."""
    if not header:
        raise _missing("Stripe-Signature", "Does the request come from Stripe?")
    parts = [part.strip().partition("=") for part in header.split(",")]
    timestamp = next((value for name, _, value in parts if name == "t"), "")
    check_clock(timestamp, "t in Stripe-Signature", now_seconds)
    _demand_match(keys, f"{timestamp}.".encode() + raw, [value for name, _, value in parts if name == "v1"])


def _demand_match(keys: list[bytes], signed: bytes, claimed: list[str]) -> None:
    theirs = [text for text in claimed[:_MAX_SIGNATURES] if _HEX.fullmatch(text)]
    ours = [hmac.new(key, signed, hashlib.sha256).hexdigest() for key in keys]
    if not any(hmac.compare_digest(one, other) for one in ours for other in theirs):
        raise InvalidSignature(_MISMATCH)


def _missing(header: str, fix: str) -> MissingSignature:
    return MissingSignature(f"The request lacks {header}. {fix}", details={"missing": [header.lower()]})
