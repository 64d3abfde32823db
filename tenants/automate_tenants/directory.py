"""Which workspace is meant: from a slug or an id to its TenantRef, through a short in-process cache.

A renamed or suspended workspace is noticed by every process within CACHE_SECONDS. Unknown slugs are not cached, so a
new workspace is reachable at once.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime

from automate_governance.errors import NotFound
from automate_tenants.context import TenantRef
from automate_tenants.models import Tenant
from automate_tenants.provisioning import ref
from automate_tenants.slugs import find_slug_problem

CACHE_SECONDS = 3.0
_MAX_ENTRIES = 5_000  # a cell's hard cap of tenants


@dataclass(frozen=True)
class Workspace:
    """What a request needs to know of a workspace before any page runs."""

    tenant: TenantRef
    name: str
    is_stopped: bool  # suspended, or being deleted
    requires_second_factor: bool = False  # of its members, before they see any page of it
    delete_at: datetime | None = None


_lock = threading.Lock()
_by_slug: dict[str, tuple[float, Workspace]] = {}  # slug -> (monotonic time it expires, workspace)


def find_workspace(slug: str) -> Workspace | None:
    """The workspace at this address, at most CACHE_SECONDS old; None when there is none."""
    if find_slug_problem(slug):
        return None
    cached = _by_slug.get(slug)
    if cached and cached[0] > time.monotonic():
        return cached[1]
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        forget(slug)
        return None
    workspace = Workspace(
        ref(tenant), tenant.name, tenant.is_stopped, bool(tenant.requires_second_factor), delete_at=tenant.delete_at
    )
    with _lock:
        if len(_by_slug) >= _MAX_ENTRIES:
            _by_slug.clear()
        _by_slug[slug] = (time.monotonic() + CACHE_SECONDS, workspace)
    return workspace


def tenant_by_id(tenant_id: int) -> TenantRef:
    """The tenant with this id, read afresh. Raises NotFound."""
    tenant = Tenant.objects.filter(pk=tenant_id).first()
    if tenant is None:
        raise NotFound("There is no such workspace.")
    return ref(tenant)


def forget(slug: str) -> None:
    """Drop what this process remembers, after a change it made itself."""
    with _lock:
        _by_slug.pop(slug, None)
