"""Scopes: the one source of the current tenant, and what refuses to work without it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.db import ProgrammingError, connection, connections

from automate_tenants.context import (
    NoTenant,
    TenantRef,
    cache_key,
    current_tenant,
    in_current_scope,
    public_scope,
    tenant_or_none,
    tenant_scope,
)
from tests.tenants.conftest import marks

ALPHA, BETA = TenantRef(1, "t_aaaaaaaaaaaaaaaa", "alpha"), TenantRef(2, "t_bbbbbbbbbbbbbbbb", "beta")


def test_scopes_nest_and_are_restored_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), tenant_scope(ALPHA):
        with tenant_scope(BETA):
            assert current_tenant() == BETA
        with public_scope():
            assert tenant_or_none() is None
        assert current_tenant() == ALPHA
        raise ZeroDivisionError
    assert tenant_or_none() is None
    assert connection.schema_name == "public"


def test_there_is_no_default_tenant() -> None:
    with pytest.raises(NoTenant):
        current_tenant()
    with public_scope(), pytest.raises(NoTenant):
        current_tenant()


def test_the_cache_keeps_tenants_apart_and_refuses_to_guess() -> None:
    with tenant_scope(ALPHA):
        cache.set("greeting", "hello alpha")
    with tenant_scope(BETA):
        assert cache.get("greeting") is None
    with public_scope():
        assert cache.get("greeting") is None
    with tenant_scope(ALPHA):
        assert cache.get("greeting") == "hello alpha"
    with pytest.raises(NoTenant):
        cache.get("greeting")


def test_a_key_cannot_reach_into_another_scope() -> None:
    """Schema names hold no colon, so the owner's part of a key ends at the first one."""
    with tenant_scope(ALPHA):
        mine = cache_key("x:1:y", "", 1)
    with public_scope():
        theirs = cache_key(mine, "", 1)
    assert mine.startswith("t_aaaaaaaaaaaaaaaa:")
    assert theirs.startswith("public:")


def test_a_call_for_later_takes_its_scope_along() -> None:
    with tenant_scope(ALPHA):
        later = in_current_scope(current_tenant)
    assert later() == ALPHA
    with tenant_scope(BETA):
        assert later() == ALPHA
    with pytest.raises(NoTenant):
        in_current_scope(current_tenant)()


@pytest.mark.django_db(transaction=True)
def test_async_code_carries_the_context_but_a_database_thread_starts_without_a_tenant(
    marked: tuple[TenantRef, TenantRef],
) -> None:
    """The ContextVar follows into the thread, the connection does not: asking there fails instead of mixing tenants."""
    alpha, beta = marked

    async def ask(tenant: TenantRef) -> tuple[str, str, list[str]]:
        with tenant_scope(tenant):
            await asyncio.sleep(0)
            key = cache_key("k", "", 1)
            try:
                await sync_to_async(marks)()
                outcome = "rows"
            except ProgrammingError:
                outcome = "refused"

        def inside() -> list[str]:
            with tenant_scope(tenant):
                return marks()

        return key.partition(":")[0], outcome, await sync_to_async(inside)()

    async def both() -> list[Any]:
        answers = await asyncio.gather(*[ask(tenant) for tenant in (alpha, beta) * 5])
        await sync_to_async(connections.close_all)()
        return answers

    answers = asyncio.run(both())
    expected = [(tenant.schema_name, "refused", [f"of.{tenant.slug}"]) for tenant in (alpha, beta)]
    assert answers == expected * 5


@pytest.mark.parametrize(
    "module", ["context", "key_format", "hosts", "slugs"], ids=lambda name: f"automate_tenants.{name}"
)
def test_the_gateways_part_needs_no_django(module: str) -> None:
    root = Path(__file__).parents[2]
    code = f"import sys, automate_tenants.{module}; assert 'django' not in sys.modules, 'Django was imported'"
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={"PYTHONPATH": f"{root}/tenants:{root}/engine"}, timeout=30
    )
