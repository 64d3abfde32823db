"""Who may send: API keys and Standard Webhooks signatures. Every doubt is a refusal; nothing here raises anything else.

A signature is compared in constant time over the bytes as they arrived, before they are parsed.
Source: Standard Webhooks specification 1.0 (HMAC-SHA256 over `id.timestamp.body`, several signatures, 5 minutes).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterable

from automate.ingest.refusal import (
    InvalidApiKey,
    InvalidSignature,
    MissingApiKey,
    MissingSignature,
    SigningSecretMissing,
    TimestampOutOfTolerance,
)

TOLERANCE_SECONDS = 300
SECRET_PREFIX = "whsec_"  # noqa: S105 - the public prefix, not a secret
_MAX_SIGNATURES = 10
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


def bearer_token(authorization: str | None) -> str:
    """The API key in an Authorization header. Raises MissingApiKey, or InvalidApiKey for another scheme."""
    if not authorization or not authorization.strip():
        raise missing_api_key()
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise invalid_api_key("The Authorization header must be `Bearer <key>`.")
    return token


def missing_api_key() -> MissingApiKey:
    return MissingApiKey(
        "No API key came with the request. Send the header `Authorization: Bearer <key>`.",
        headers={"WWW-Authenticate": "Bearer"},
    )


_UNKNOWN_KEY = "The API key is unknown, expired or revoked. Copy it again or make a new one."


def invalid_api_key(message: str = _UNKNOWN_KEY) -> InvalidApiKey:
    return InvalidApiKey(message, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


def verify_signature(
    *,
    secrets: Iterable[bytes],
    raw: bytes,
    webhook_id: str | None,
    timestamp: str | None,
    signature: str | None,
    now_seconds: float,
) -> None:
    """Accept the request if any of `secrets` (raw key bytes) made any `v1` signature of it; else raise a Refusal."""
    keys = usable_keys(secrets)
    headers = {"webhook-id": webhook_id, "webhook-timestamp": timestamp, "webhook-signature": signature}
    if missing := [name for name, value in headers.items() if not value]:
        raise MissingSignature(f"The request lacks {', '.join(missing)}. Sign it.", details={"missing": missing})
    assert webhook_id and timestamp and signature
    check_clock(timestamp, "webhook-timestamp", now_seconds)
    signed = f"{webhook_id}.{timestamp}.".encode("utf-8", "surrogateescape") + raw
    claimed = list(_v1_signatures(signature))
    expected = [hmac.digest(key, signed, "sha256") for key in keys]
    if not any(hmac.compare_digest(ours, theirs) for ours in expected for theirs in claimed):
        raise InvalidSignature("No signature matches. Check the secret, and sign the exact bytes that are sent.")


def usable_keys(secrets: Iterable[bytes]) -> list[bytes]:
    """Those that are not empty. Raises SigningSecretMissing when none is left: nothing can be verified then."""
    if keys := [secret for secret in secrets if secret]:
        return keys
    raise SigningSecretMissing("This endpoint demands a signature but has no usable secret. Set one in the portal.")


def check_clock(timestamp: str, name: str, now_seconds: float, *, tolerance_seconds: int = TOLERANCE_SECONDS) -> None:
    """Raise InvalidSignature or TimestampOutOfTolerance unless `timestamp` is within the tolerance of now."""
    if not _TIMESTAMP.fullmatch(timestamp):
        raise InvalidSignature(f"{name} must be whole seconds since 1970.")
    skew = int(timestamp) - now_seconds
    if abs(skew) > tolerance_seconds:
        raise TimestampOutOfTolerance(
            f"The signed timestamp is {abs(skew):.0f} s {'ahead' if skew > 0 else 'old'}; at most {tolerance_seconds} "
            "s are accepted. Set the clock and sign each attempt anew.",
            details={"skew_seconds": round(skew), "tolerance_seconds": tolerance_seconds},
        )


def secret_bytes(secret: str | bytes) -> bytes:
    """The key inside `whsec_<base64>`, or the bytes themselves; empty when it cannot be read.

    >>> secret_bytes("whsec_aGVsbG8=")
    b'hello'
    """
    text = secret.decode("utf-8", "replace") if isinstance(secret, bytes) else secret
    if not text.startswith(SECRET_PREFIX):
        return secret if isinstance(secret, bytes) else secret.encode()
    encoded = text[len(SECRET_PREFIX) :]
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _v1_signatures(header: str) -> Iterable[bytes]:
    for item in header.split()[:_MAX_SIGNATURES]:
        version, _, encoded = item.partition(",")
        if version == "v1":
            try:
                yield base64.b64decode(encoded.encode("ascii"), validate=True)
            except (binascii.Error, UnicodeEncodeError, ValueError):
                continue
