"""Signing secrets of webhook endpoints: `whsec_` and base64 (Standard Webhooks), stored sealed with the tenant's key.

What is sealed is a short list, newest first: after a rotation with overlap the old secret verifies until its time is
up. Sealed text is bound to its endpoint, so a row copied to another endpoint opens nothing. Imports no Django.
"""

from __future__ import annotations

import base64
import json
import secrets
from datetime import datetime
from math import inf
from uuid import UUID

from automate_governance import crypto

PREFIX = "whsec_"
SECRET_BYTES = 32
Entries = list[tuple[str, float]]


def make_plain() -> str:
    """A fresh secret for a sender of another kind: 64 hex digits, used as the text that it is."""
    return secrets.token_hex(SECRET_BYTES)


def make() -> str:
    """A fresh secret as senders are given it: `whsec_` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def seal(key: bytes, endpoint_id: UUID, secret: str, *, previous: str = "", until: datetime | None = None) -> bytes:
    """`secret`, and `previous` as well `until` then, sealed under the tenant's `key` for this endpoint."""
    entries: list[list[str | float]] = [[secret]]
    if previous and until is not None:
        entries.append([previous, until.timestamp()])
    return crypto.seal(key, json.dumps(entries).encode(), aad=_aad(endpoint_id))


def open_all(key: bytes, endpoint_id: UUID, sealed: bytes, *, now: datetime) -> list[str]:
    """Every secret that is good at `now`, newest first. Raises crypto.Unsealable.

    >>> from datetime import timezone
    >>> endpoint, now = UUID(int=1), datetime(2026, 1, 1, tzinfo=timezone.utc)
    >>> open_all(b"k" * 32, endpoint, seal(b"k" * 32, endpoint, "whsec_new", previous="whsec_old", until=now), now=now)
    ['whsec_new']
    """
    return good_at(open_entries(key, endpoint_id, sealed), now.timestamp())


def open_entries(key: bytes, endpoint_id: UUID, sealed: bytes) -> Entries:
    """Each secret with the end of its time (seconds since 1970), newest first. Raises crypto.Unsealable."""
    entries = json.loads(crypto.open_sealed(key, sealed, aad=_aad(endpoint_id)))
    return [(entry[0], entry[1] if len(entry) > 1 else inf) for entry in entries]


def good_at(entries: Entries, seconds: float) -> list[str]:
    """Those whose time is not over at `seconds`.

    >>> good_at([("new", inf), ("old", 100.0)], 100.0)
    ['new']
    """
    return [secret for secret, until in entries if until > seconds]


def _aad(endpoint_id: UUID) -> bytes:
    return b"automate.signing_secret\x1f" + endpoint_id.bytes
