"""Which connections are kept, for whom, and when they are closed."""

from __future__ import annotations

import asyncio

import pytest

from automate_governance import egress
from automate_governance.egress import (
    EgressClient,
    EgressDenied,
    EgressPolicy,
)
from automate_governance.egress import client as client_module

from .loopback import ScriptedResolver, connects_recorded, open_to, replying, serving


def test_connections_are_kept_within_one_owner_and_policy_only():
    async def run():
        async with serving(replying()) as served:
            client, url, policy = EgressClient(), f"http://127.0.0.1:{served.port}/", open_to(served)
            counts = []
            for keywords in (
                {"pool_key": "a", "policy": policy},
                {"pool_key": "a", "policy": policy},
                {"pool_key": "b", "policy": policy},
                {"pool_key": "b", "policy": EgressPolicy(allow_ssrf=True)},
                {"pool_key": "a", "policy": open_to(served)},
            ):
                await client.request("GET", url, **keywords)
                counts.append(served.connections)
            with pytest.raises(EgressDenied):
                await client.request("GET", url, policy=EgressPolicy(), pool_key="a")
            await client.close()
            return counts

    assert asyncio.run(run()) == [1, 1, 2, 3, 3]


def test_a_kept_connection_stays_where_it_was_checked():
    """The name leads elsewhere now; the pooled connection is still the one to the checked address."""

    async def run():
        async with serving(replying(b"first")) as served:
            resolver = ScriptedResolver({"api.example": [["127.0.0.1"], ["10.0.0.9"]]})
            client = EgressClient(resolver=resolver)
            url, policy = f"http://api.example:{served.port}/", open_to(served, names=("api.example",))
            with connects_recorded() as connects:
                bodies = [(await client.request("GET", url, policy=policy)).body for _ in range(3)]
            await client.close()
            return bodies, connects == [("127.0.0.1", served.port)], resolver.calls

    assert asyncio.run(run()) == ([b"first"] * 3, True, ["api.example"])


def test_many_owners_leave_a_bounded_number_of_pools(monkeypatch):
    monkeypatch.setattr("automate_governance.egress.pools.MAX_POOLS", 3)

    async def run():
        async with serving(replying()) as served:
            client, policy = EgressClient(), open_to(served)
            for number in range(10):
                await client.request("GET", f"http://127.0.0.1:{served.port}/", policy=policy, pool_key=str(number))
            kept = len(client._pools._pools)
            await client.close()
            return kept

    assert asyncio.run(run()) == 3


def test_the_loops_own_client_is_closed_with_the_loop():
    async def run():
        async with serving(replying()) as served:
            await egress.request("GET", f"http://127.0.0.1:{served.port}/", policy=open_to(served))
        (pool,) = client_module._clients[asyncio.get_running_loop()]._pools._pools.values()
        return pool.session, asyncio.get_running_loop()

    for _ in range(2):
        session, loop = asyncio.run(run())
        assert session.closed
        assert loop not in client_module._clients
