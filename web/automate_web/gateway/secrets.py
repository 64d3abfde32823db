"""Signing secrets: opened with the tenant's key from the key store."""

from __future__ import annotations

import time
from collections import OrderedDict
from pathlib import Path

from automate.ingest import signing_secret
from automate_governance.crypto import Unsealable
from automate_governance.errors import NormalizedError
from automate_governance.keys import FileKeyStore, UnsafeKeyStore
from automate_web.gateway.routes import Route

Sealed = tuple[str, bytes]


class SigningSecrets:
    """Opens what a route's `signing_secret` holds; an unreadable secret is no secret, so the request is refused.

    What was opened is remembered by its sealed bytes, which are another's after every change; the key is asked for each
    time, so that one which is destroyed opens nothing from then on.
    """

    def __init__(self, key_store_dir: Path | None, *, limit: int = 1000):
        self._keys = FileKeyStore(key_store_dir) if key_store_dir is not None else None
        self._opened: OrderedDict[Sealed, signing_secret.Entries] = OrderedDict()
        self._limit = limit

    def of(self, route: Route) -> list[str]:
        """The secrets that may have signed a request to `route` now, newest first; empty when there are none."""
        if self._keys is None or route.signing_secret is None:
            return []
        try:
            key = self._keys.data_key(route.schema_name)
            return signing_secret.good_at(self._entries(key, route, route.signing_secret), time.time())
        except (Unsealable, NormalizedError, UnsafeKeyStore, ValueError, OSError):
            return []

    def _entries(self, key: bytes, route: Route, sealed: bytes) -> signing_secret.Entries:
        name = route.schema_name, sealed
        entries = self._opened.get(name)
        if entries is None:
            entries = self._opened[name] = signing_secret.open_entries(key, route.endpoint_id, sealed)
            while len(self._opened) > self._limit:
                self._opened.popitem(last=False)
        return entries
