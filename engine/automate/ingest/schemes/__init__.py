"""Signature schemes: how a sender of each kind signs, and what it calls a delivery. Imports no Django.

An endpoint's `auth` names its scheme. GitHub, Slack and Shopify are known settings of one HMAC over the body in one
header (`header`), and `hmac` is the same with settings of its own; Standard Webhooks and Stripe write several
signatures into one header in their own ways. Sources: Standard Webhooks 1.0; GitHub, "Validating webhook deliveries";
Stripe, "Verify webhook signatures manually"; Slack, "Verifying requests from Slack"; Shopify, "Verify webhook
deliveries".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from automate.ingest.schemes.header import HeaderHmac
from automate.ingest.schemes.options import HmacOptions, InvalidOptions, parse_options
from automate.ingest.schemes.scheme import Scheme
from automate.ingest.schemes.standard_webhooks import StandardWebhooks
from automate.ingest.schemes.stripe import Stripe

__all__ = [
    "CUSTOM",
    "MADE_BY_SENDER",
    "SIGNED",
    "HmacOptions",
    "InvalidOptions",
    "Scheme",
    "challenge",
    "delivery_id",
    "parse_options",
    "scheme_of",
]

CUSTOM: Final = "hmac"  # needs options
_KNOWN: Final[Mapping[str, Scheme]] = {
    "standard_webhooks": StandardWebhooks(),
    "stripe": Stripe(),
    "github": HeaderHmac(
        HmacOptions(header="X-Hub-Signature-256", prefix="sha256=", id_header="X-GitHub-Delivery"),
        fix="Set a secret in the webhook's settings on GitHub.",
    ),
    "slack": HeaderHmac(
        HmacOptions(
            header="X-Slack-Signature",
            prefix="v0=",
            timestamp_header="X-Slack-Request-Timestamp",
            signed="v0:{timestamp}:{body}",
        ),
        fix="Does the request come from Slack?",
    ),
    "shopify": HeaderHmac(
        HmacOptions(header="X-Shopify-Hmac-SHA256", encoding="base64", id_header="X-Shopify-Webhook-Id"),
        fix="Does the request come from Shopify?",
        also=("shopify-hmac-sha256", "shopify-webhook-id"),  # the same two, of Shopify's newer Events deliveries
    ),
}
SIGNED: Final = frozenset({*_KNOWN, CUSTOM})
MADE_BY_SENDER: Final = frozenset({"stripe", "slack", "shopify"})  # the sender makes the secret; the others take ours


def scheme_of(auth: str, options: Mapping[str, Any] | None = None) -> Scheme | None:
    """The scheme of an endpoint, None where nothing is signed. Raises InvalidOptions for those of a custom one."""
    if auth == CUSTOM:
        return HeaderHmac(parse_options(options or {}))
    return _KNOWN.get(auth)


def delivery_id(scheme: Scheme | None, headers: Mapping[str, str]) -> str | None:
    """What the sender calls this delivery, the same when it is sent again; a dedupe key.

    >>> delivery_id(scheme_of("github"), {"x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958"})
    '72d3162e-cc78-11e3-81ab-4c9367dc0958'
    """
    names = scheme.delivery_headers if scheme is not None else ("webhook-id",)
    return next((headers[name] for name in names if name in headers), None)


def challenge(auth: str, value: Any) -> str | None:
    """What Slack wants to hear back when an address is entered there; None for every other body.

    Source: Slack, "Events API: url_verification".

    >>> challenge("slack", {"type": "url_verification", "token": "t", "challenge": "3eZbrw1aBm2rZgRNFdxV2595"})
    '3eZbrw1aBm2rZgRNFdxV2595'
    """
    if auth != "slack" or not isinstance(value, dict) or value.get("type") != "url_verification":
        return None
    asked = value.get("challenge")
    return asked if isinstance(asked, str) and len(asked) <= 1000 else None
