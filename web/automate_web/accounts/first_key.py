"""The first API key on its way to the one page that shows it.

The key is made at sign-up on the app's host and shown on `/start/` of the workspace. Between the two it exists only
sealed with a key derived from the installation's secret, which is not in PostgreSQL: in the session, and for the length
of one redirect in the hand-over's address, where it opens only for the workspace it belongs to. It is dropped when the
first event was seen, when the member says "I have it", and after an hour.
"""

from __future__ import annotations

import base64
import time
from hashlib import sha256

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase

from automate_governance.crypto import open_sealed, seal

LIFE_SECONDS = 3600
_FIELD = "first_key"


def put(session: SessionBase, tenant_id: int, plain: str) -> None:
    """Keep the key of a workspace just made, sealed."""
    session[_FIELD] = [tenant_id, _seal(tenant_id, plain)]


def get(session: SessionBase, tenant_id: int) -> str | None:
    """The key, while it may still be shown in this workspace."""
    kept = session.get(_FIELD)
    return _open(tenant_id, kept[1]) if kept and kept[0] == tenant_id else None


def drop(session: SessionBase) -> None:
    session.pop(_FIELD, None)


def take_sealed(session: SessionBase, tenant_id: int) -> str | None:
    """The sealed text, for the hand-over to the workspace's host; it leaves this session."""
    kept = session.get(_FIELD)
    if not kept or kept[0] != tenant_id:
        return None
    drop(session)
    return str(kept[1])


def accept_sealed(session: SessionBase, tenant_id: int, sealed: str) -> None:
    """The other end of the hand-over. What does not open here is ignored: the page then offers to make a key."""
    if sealed and _open(tenant_id, sealed):
        session[_FIELD] = [tenant_id, sealed]


def _seal(tenant_id: int, plain: str) -> str:
    message = f"{int(time.time()) + LIFE_SECONDS}:{plain}".encode()
    return base64.urlsafe_b64encode(seal(_key(), message, aad=_aad(tenant_id))).decode()


def _open(tenant_id: int, sealed: str) -> str | None:
    try:
        message = open_sealed(_key(), base64.urlsafe_b64decode(sealed), aad=_aad(tenant_id)).decode()
    except ValueError:
        return None
    expires_at, _, plain = message.partition(":")
    return plain if int(expires_at) > time.time() else None


def _key() -> bytes:
    return sha256(b"automate_web.first_key\x1f" + settings.SECRET_KEY.encode()).digest()


def _aad(tenant_id: int) -> bytes:
    return f"first_key:{tenant_id}".encode()
