"""Live tokens: who may hear of one workspace's changes, until when. Signed by web, checked here without Django.

A token is `<payload>.<HMAC-SHA256>`, both base64url; the payload is JSON `[tenant id, schema name, expiry in seconds]`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime

_PURPOSE = b"automate.live\x1f"
_MAX_CHARACTERS = 500


@dataclass(frozen=True)
class LiveGrant:
    """What a valid token allows."""

    tenant_id: int
    schema_name: str
    expires_at: datetime


def sign(secret: str, *, tenant_id: int, schema_name: str, expires_at: datetime) -> str:
    """A token for one workspace's live stream.

    >>> until = datetime(2030, 1, 1, tzinfo=UTC)
    >>> token = sign("s" * 32, tenant_id=7, schema_name="t_a", expires_at=until)
    >>> verify("s" * 32, token, now=datetime(2029, 1, 1, tzinfo=UTC)).tenant_id
    7
    """
    payload = json.dumps([tenant_id, schema_name, int(expires_at.timestamp())]).encode()
    return f"{_encode(payload)}.{_encode(_mac(secret, payload))}"


def verify(secret: str, token: str, *, now: datetime) -> LiveGrant | None:
    """What `token` allows at `now`, or None: forged, malformed, expired, or there is no secret to check it with."""
    if not secret or len(token) > _MAX_CHARACTERS:
        return None
    encoded, _, mac = token.partition(".")
    try:
        payload = _decode(encoded)
        if not hmac.compare_digest(_decode(mac), _mac(secret, payload)):
            return None
    except (binascii.Error, ValueError):
        return None
    tenant_id, schema_name, expires_seconds = json.loads(payload)  # ours: the signature holds
    expires_at = datetime.fromtimestamp(expires_seconds, UTC)
    return LiveGrant(tenant_id, schema_name, expires_at) if now < expires_at else None


def _mac(secret: str, payload: bytes) -> bytes:
    return hmac.new(secret.encode(), _PURPOSE + payload, hashlib.sha256).digest()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
