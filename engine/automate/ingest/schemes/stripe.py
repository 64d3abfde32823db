"""Stripe: `Stripe-Signature: t=<seconds>,v1=<HMAC-SHA256 of "t.body" in hex>`, two `v1` while a secret is rolled."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping

from automate.ingest.schemes.scheme import MAX_SIGNATURES, demand_match, missing
from automate.ingest.verify import check_clock, usable_keys


class Stripe:
    """A delivery is named by the body's `id`, which an endpoint of this scheme has as its dedupe path."""

    delivery_headers = ("webhook-id",)

    def verify(self, *, secrets: Iterable[str], headers: Mapping[str, str], raw: bytes, now_seconds: float) -> None:
        keys = usable_keys(map(str.encode, secrets))
        header = headers.get("stripe-signature")
        if not header:
            raise missing(["Stripe-Signature"], "Does the request come from Stripe?")
        parts = [part.strip().partition("=") for part in header.split(",")]
        timestamp = next((value for name, _, value in parts if name == "t"), "")
        check_clock(timestamp, "t in Stripe-Signature", now_seconds)
        theirs = [value.encode("utf-8", "surrogateescape") for name, _, value in parts if name == "v1"]
        demand_match([_v1(key, timestamp, raw) for key in keys], theirs[:MAX_SIGNATURES])

    def sign(self, *, secret: str, raw: bytes, delivery: str, now_seconds: float) -> dict[str, str]:
        timestamp = str(int(now_seconds))
        return {"Stripe-Signature": f"t={timestamp},v1={_v1(secret.encode(), timestamp, raw).decode()}"}


def _v1(key: bytes, timestamp: str, raw: bytes) -> bytes:
    return hmac.digest(key, timestamp.encode() + b"." + raw, "sha256").hex().encode()
