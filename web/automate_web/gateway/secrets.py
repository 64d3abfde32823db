"""Signing secrets: opened with the tenant's key from the key store."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from automate.ingest import signing_secret
from automate_governance.crypto import Unsealable
from automate_governance.errors import NormalizedError
from automate_governance.keys import FileKeyStore, UnsafeKeyStore
from automate_web.gateway.routes import Route


class SigningSecrets:
    """Opens what a route's `signing_secret` holds; an unreadable secret is no secret, so the request is refused."""

    def __init__(self, key_store_dir: Path | None):
        self._keys = FileKeyStore(key_store_dir) if key_store_dir is not None else None

    def of(self, route: Route, *, now: datetime) -> list[str]:
        """The secrets that may have signed a request to `route`; empty when there are none."""
        if self._keys is None or route.signing_secret is None:
            return []
        try:
            data_key = self._keys.data_key(route.schema_name)
            return signing_secret.open_all(data_key, route.endpoint_id, route.signing_secret, now=now)
        except (Unsealable, NormalizedError, UnsafeKeyStore, ValueError, OSError):
            return []
