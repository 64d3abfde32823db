"""Each tenant's data key, from the key store outside PostgreSQL. A key's name is the tenant's schema name."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from automate_governance.keys import FileKeyStore
from automate_tenants.context import TenantRef


def key_store() -> FileKeyStore:
    """The store of this installation."""
    return _file_store(Path(settings.KEY_STORE_DIR))


def data_key(tenant: TenantRef) -> bytes:
    """The 32 bytes that seal this tenant's secrets and step state. Raises KeyNotFound, KeyDestroyed."""
    return key_store().data_key(tenant.schema_name)


@lru_cache(maxsize=8)  # by folder, not by tenant: the store's own cache is keyed by schema name
def _file_store(root: Path) -> FileKeyStore:
    return FileKeyStore(root)
