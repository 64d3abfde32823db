"""Dedupe keys: what makes a repeated request the same event.

In this order: the value at the endpoint's own dedupe path, the `webhook-id` header, the `Idempotency-Key` header. A
key is unique per endpoint for 7 days, and longer while a run of its event is unfinished. With no key every request is
an event.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from automate.ingest.path import find
from automate.ingest.refusal import InvalidDedupeKey
from automate_governance.errors import Invalid

MAX_KEY_LENGTH = 255
DEDUPE_DAYS = 7
MAX_TYPE_LENGTH = 200


class IdempotencyKeyReused(Invalid):
    """The key was used for something else, which stays. A new request needs a new key; no webhook is refused so."""

    code = "idempotency_key_reused"


def dedupe_key(
    *, text: str, value: Any, dedupe_path: str = "", webhook_id: str | None = None, idempotency_key: str | None = None
) -> str | None:
    """The request's dedupe key, or None when it has none. `text` is the body that `value` was read from.

    A string or a number at `dedupe_path` counts; anything else there is no key. Raises InvalidDedupeKey.
    """
    if dedupe_path and (found := _scalar(text, value, dedupe_path)) is not None:
        if len(found) > MAX_KEY_LENGTH:
            raise InvalidDedupeKey(
                f"The dedupe key at {dedupe_path} is longer than {MAX_KEY_LENGTH} characters.",
                details={"param": dedupe_path, "limit": MAX_KEY_LENGTH},
            )
        return found
    for header, key in (("webhook-id", webhook_id), ("Idempotency-Key", idempotency_key)):
        if key is not None:
            return _header_key(header, key)
    return None


def body_hash(raw: bytes) -> bytes:
    """SHA-256 of the body as it arrived: tells a repeat from another body under the same key."""
    return hashlib.sha256(raw).digest()


def event_type(value: Any, *, type_path: str, default: str) -> str:
    """The string at `type_path` in the body, else the endpoint's own type: an event is never lost for its name."""
    found = find(value, type_path) if type_path else None
    return found if isinstance(found, str) and 0 < len(found) <= MAX_TYPE_LENGTH else default


def _header_key(header: str, key: str) -> str:
    key = key.strip()
    if not 0 < len(key) <= MAX_KEY_LENGTH or not (key.isascii() and key.isprintable()):
        raise InvalidDedupeKey(
            f"{header} must be 1 to {MAX_KEY_LENGTH} printable ASCII characters.",
            details={"param": header, "limit": MAX_KEY_LENGTH},
        )
    return key


def _scalar(text: str, value: Any, path: str) -> str | None:
    found = find(value, path)
    if isinstance(found, float):  # may have been rounded: two long ids must not become one key
        found = find(json.loads(text, parse_float=str), path)
    if isinstance(found, bool) or not isinstance(found, (str, int)) or found == "":
        return None
    return str(found)
