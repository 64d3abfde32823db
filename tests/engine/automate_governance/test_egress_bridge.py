"""Egress from code without an event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from automate_governance.egress import (
    Egress,
    EgressDenied,
    EgressPolicy,
    request_sync,
)

from .loopback import open_to, replying, serving


def test_the_bridge_serves_several_threads_at_once():
    async def run():
        async with serving(replying(b"bridged")) as served:
            bodies: list[bytes] = []

            def call() -> None:
                url = f"http://127.0.0.1:{served.port}/"
                bodies.append(request_sync("GET", url, policy=open_to(served)).body)

            threads = [threading.Thread(target=call) for _ in range(8)]
            for thread in threads:
                thread.start()
            await asyncio.to_thread(lambda: [thread.join() for thread in threads])
            return bodies

    assert asyncio.run(run()) == [b"bridged"] * 8


def test_the_bridge_raises_what_the_call_raises():
    with pytest.raises(EgressDenied):
        request_sync("GET", "http://127.0.0.1:9999/", policy=EgressPolicy())


def test_an_egress_carries_its_policy():
    async def run():
        async with serving(replying(b"mine")) as served:
            return (await Egress(open_to(served)).request("GET", f"http://127.0.0.1:{served.port}/")).body

    assert asyncio.run(run()) == b"mine"
