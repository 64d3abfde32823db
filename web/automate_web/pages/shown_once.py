"""Secrets that are shown once: sealed in the session between the POST that made them and the page that shows them."""

from __future__ import annotations

import base64
from hashlib import sha256

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase

from automate_governance.crypto import open_sealed, seal


def put(session: SessionBase, name: str, secret: str) -> None:
    """Keep `secret` for one page view. The session's row in PostgreSQL holds only the sealed bytes."""
    session[f"once:{name}"] = base64.b64encode(seal(_key(), secret.encode(), aad=name.encode())).decode()


def take(session: SessionBase, name: str) -> str | None:
    """The secret, the first time; None after that."""
    sealed = session.pop(f"once:{name}", None)
    if sealed is None:
        return None
    try:
        return open_sealed(_key(), base64.b64decode(sealed), aad=name.encode()).decode()
    except ValueError:  # the installation's secret was changed meanwhile
        return None


def _key() -> bytes:
    return sha256(b"automate_web.shown_once\x1f" + settings.SECRET_KEY.encode()).digest()
