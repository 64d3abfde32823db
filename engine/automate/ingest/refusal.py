"""Refusals: every way a request can fail to become an event, each with a stable code and a message that says the fix.

A message names what was wrong, never the value that would have been right. Refused requests are not events.
"""

from __future__ import annotations

from math import ceil
from typing import Any

from automate_governance.errors import NormalizedError


class Refusal(NormalizedError):
    """Base of every refusal: nothing was stored."""


class PayloadTooLarge(Refusal):
    """The body is larger than 1 MiB. Send a reference to the data instead of the data."""

    code, http_status = "payload_too_large", 413


class UnsupportedMediaType(Refusal):
    """The Content-Type or Content-Encoding is not one that events come in. Send JSON or a form post, uncompressed."""

    code, http_status = "unsupported_media_type", 415


class InvalidEncoding(Refusal):
    """The body is not UTF-8, or starts with a byte order mark. Encode it as UTF-8 without a mark."""

    code, http_status = "invalid_encoding", 400


class InvalidJson(Refusal):
    """The body is not one JSON document as RFC 8259 defines it. Mend it at the line and column named."""

    code, http_status = "invalid_json", 400


class DuplicateMember(Refusal):
    """An object of the body has one name twice, so its meaning is unclear. `details.name` says which."""

    code, http_status = "duplicate_name", 400


class TooDeep(Refusal):
    """Arrays and objects are nested more than 64 deep. Flatten the body."""

    code, http_status = "too_deep", 400


class NumberOutOfRange(Refusal):
    """A number cannot be stored exactly or read back by most programs. Send it as a string."""

    code, http_status = "number_out_of_range", 400


class UnstorableText(Refusal):
    """A string holds U+0000 or half of a surrogate pair. Remove it."""

    code, http_status = "unstorable_text", 400


class InvalidForm(Refusal):
    """The form post is malformed, has more than 1,000 fields or carries a file. Send text fields only."""

    code, http_status = "invalid_form", 400


class InvalidDedupeKey(Refusal):
    """The dedupe key is empty, longer than 255 characters or not printable ASCII. Send a shorter, plain one."""

    code, http_status = "invalid_dedupe_key", 400


class MissingApiKey(Refusal):
    """No API key came with the request. Send `Authorization: Bearer <key>`."""

    code, http_status = "missing_api_key", 401


class InvalidApiKey(Refusal):
    """The API key is unknown, expired, revoked or of another workspace. Copy it again or make a new one."""

    code, http_status = "invalid_api_key", 401


class MissingSignature(Refusal):
    """A header of the signature is missing; `details.missing` names it. Sign the request as the endpoint demands."""

    code, http_status = "missing_signature", 401


class InvalidSignature(Refusal):
    """No signature matches the body as it arrived. Check the secret, and sign the exact bytes that you send."""

    code, http_status = "invalid_signature", 401


class TimestampOutOfTolerance(Refusal):
    """The signed timestamp is more than 5 minutes off. `details.skew_seconds` says by how much; set the clock."""

    code, http_status = "timestamp_out_of_tolerance", 401


class SigningSecretMissing(Refusal):
    """The endpoint demands a signature but has no usable secret, so nothing can be verified. Set one in the portal."""

    code, http_status = "signing_secret_missing", 401


class ForbiddenScope(Refusal):
    """The API key is valid but lacks `events:write`. Use a key that has it."""

    code, http_status = "forbidden_scope", 403


class WorkspaceSuspended(Refusal):
    """The workspace is suspended and takes no events. Its owner can contact support."""

    code, http_status = "workspace_suspended", 403


class EndpointNotFound(Refusal):
    """No endpoint has this URL. Copy it again from the portal."""

    code, http_status = "endpoint_not_found", 404


class MethodNotAllowed(Refusal):
    """Events are sent with POST."""

    code, http_status = "method_not_allowed", 405


class BodyTimeout(Refusal):
    """The body did not arrive within 30 seconds. Send it faster or smaller."""

    code, http_status = "body_timeout", 408


class RateLimited(Refusal):
    """The rate of the endpoint or of the workspace is used up. Repeat after `Retry-After` seconds."""

    code, http_status = "rate_limited", 429


class SourceLimited(Refusal):
    """Too many requests from this address were refused in the last minute. Mend them, then repeat after a minute."""

    code, http_status = "source_limited", 429


class Overloaded(Refusal):
    """More events are waiting than can be stored now. Repeat the request after `Retry-After` seconds."""

    code, http_status = "overloaded", 503


class StorageUnavailable(Refusal):
    """The event could not be stored for certain. Repeat it with the same dedupe key: it is stored at most once."""

    code, http_status = "storage_unavailable", 503


def all_refusals() -> list[type[Refusal]]:
    """Every refusal, by status and code: what the documentation lists."""
    return sorted(Refusal.__subclasses__(), key=lambda kind: (kind.http_status, kind.code))


def payload_too_large(limit_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"The body is larger than {limit_bytes:,} bytes. Send a link to the data instead.",
        details={"limit_bytes": limit_bytes},
        headers={"Connection": "close"},  # the rest of the body is not read
    )


def rate_limited(*, per_minute: int, window_seconds: float, retry_seconds: float, whose: str) -> RateLimited:
    """A 429 with Retry-After and the RateLimit fields. `whose`: "endpoint", "workspace" or "test key"."""
    wait = max(1, ceil(retry_seconds))
    return RateLimited(
        f"This {whose} accepts {per_minute:,} requests in {window_seconds:g} s, and they are used up. "
        f"Repeat the request after {wait} s.",
        details={"limit": per_minute, "window_seconds": window_seconds, "retry_after": wait, "whose": whose},
        headers=rate_headers(limit=per_minute, window_seconds=window_seconds, remaining=0, reset_seconds=wait)
        | {"Retry-After": str(wait)},
    )


def rate_headers(*, limit: int, window_seconds: float, remaining: int, reset_seconds: int) -> dict[str, str]:
    """The fields of draft-ietf-httpapi-ratelimit-headers, and the older ones many clients read.

    `reset_seconds`: until at least one more request fits.
    """
    window = max(1, round(window_seconds))
    return {
        "RateLimit-Policy": f'"default";q={limit};w={window}',
        "RateLimit": f'"default";r={remaining};t={reset_seconds}',
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(reset_seconds),
    }


def retry_later(kind: type[Refusal], message: str, *, seconds: int, details: dict[str, Any] | None = None) -> Refusal:
    """A 503 with Retry-After; the sender repeats and nothing is lost."""
    return kind(message, details={**(details or {}), "retry_after": seconds}, headers={"Retry-After": str(seconds)})
