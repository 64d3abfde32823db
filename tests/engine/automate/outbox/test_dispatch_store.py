"""The outbox contract, kept by the dispatch over tenants."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from automate_tenants.context import tenant_scope
from automate_tenants.dispatch.store import DispatchStore
from tests.engine.automate.outbox.contract import World
from tests.engine.automate.outbox.contract_waits import WHOLE


@pytest.fixture
def world(transactional_db: None, tenant_a: Any) -> World:
    def ring() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT public.automate_ring_v1(%s::bigint[])", [[tenant_a.ref.id]])
            # what waits for later is promoted when its time comes; here the tests move the time
            cursor.execute("SELECT public.automate_sweep_v1(100)")

    def expire_leases() -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE public.automate_tenants_dispatchlease SET lease_until = now() - interval '1 s'")

    return World(DispatchStore(), lambda: tenant_scope(tenant_a.ref), ring, expire_leases)


@pytest.mark.parametrize("name", WHOLE)
def test_dispatch_store(name: str, world: World) -> None:
    WHOLE[name](world)
