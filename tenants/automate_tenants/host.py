"""The engine's questions (`automate.host.Host`), answered for the current tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import F

from automate_tenants.context import current_tenant
from automate_tenants.key_store import data_key
from automate_tenants.models import DispatchTenant

if TYPE_CHECKING:
    from automate.outbox.store import OutboxStore


class TenantHost:
    """Named in `DJANGO_AUTOMATE["HOST"]`. Every answer is about the tenant whose scope the caller is in.

    `ring` runs after the commit, when the caller's scope may have ended; the database backend runs every on_commit hook
    in the scope that registered it.
    """

    def data_key(self) -> bytes:
        return data_key(current_tenant())

    def ring(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT public.automate_ring_v1(%s::bigint[])", [[current_tenant().id]])

    def config_changed(self) -> None:
        DispatchTenant.objects.filter(tenant_id=current_tenant().id).update(config_version=F("config_version") + 1)

    def outbox(self) -> OutboxStore:
        from automate_tenants.dispatch.store import DispatchStore

        return DispatchStore()
