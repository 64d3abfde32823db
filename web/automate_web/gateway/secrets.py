"""Signing secrets: opened with the tenant's key from the key store, kept in memory while their route is."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from uuid import UUID

from automate.ingest.verify import secret_bytes, signing_secret_aad
from automate_governance.crypto import Unsealable, open_sealed
from automate_governance.errors import NormalizedError
from automate_governance.keys import FileKeyStore, UnsafeKeyStore
from automate_web.gateway.routes import Route


class SigningSecrets:
    """Opens what `WebhookRoute.signing_secret` holds; an unreadable secret is no secret, so the request is refused."""

    def __init__(self, key_store_dir: Path | None):
        self._keys = FileKeyStore(key_store_dir) if key_store_dir is not None else None
        self._open = lru_cache(maxsize=4096)(self._unseal)

    def of(self, route: Route) -> list[bytes]:
        """The key bytes that may have signed a request to `route`; empty when there are none."""
        if self._keys is None or route.signing_secret is None:
            return []
        try:
            data_key = self._keys.data_key(key_name(route.tenant_id))
            return self._open(data_key, route.signing_secret, route.endpoint_id)
        except (Unsealable, NormalizedError, UnsafeKeyStore, ValueError, OSError):
            return []

    @staticmethod
    def _unseal(data_key: bytes, sealed: bytes, endpoint_id: UUID) -> list[bytes]:
        opened = open_sealed(data_key, sealed, aad=signing_secret_aad(endpoint_id))
        return [key for line in opened.splitlines() if (key := secret_bytes(line))]


def key_name(tenant_id: int) -> str:
    """The name of a tenant's data key in the key store."""
    return f"tenant-{tenant_id}"
