"""Kept connections, apart for each owner: two tenants, or two policies, never share one.

A pooled connection leads to an address that was checked when it was made, and stays there. Idle ones are dropped after
4 s: most servers keep theirs for 5 s or more, so a request seldom meets a connection that is just being closed.
"""

from __future__ import annotations

import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp

from automate_governance.egress.gate import Gate, Resolver
from automate_governance.egress.policy import EgressPolicy

IDLE_SECONDS = 4.0
CONNECTIONS_PER_POOL = 100
MAX_POOLS = 256
_SKIPPED = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class Progress:
    """How far one request came."""

    is_sent = False  # its head was handed to the connection: from here on it may have arrived


@dataclass
class _Pool:
    session: aiohttp.ClientSession
    users: int = 0


class Pools:
    """At most MAX_POOLS of them; the least recently used idle one makes room."""

    def __init__(self, resolver: Resolver, ssl_context: ssl.SSLContext | None):
        self._resolver = resolver
        self._ssl = ssl_context
        self._pools: OrderedDict[tuple[str, EgressPolicy], _Pool] = OrderedDict()

    @asynccontextmanager
    async def session(self, key: str, policy: EgressPolicy) -> AsyncIterator[aiohttp.ClientSession]:
        """The session of this owner and policy, kept open while it is used."""
        pool = self._pools.get((key, policy))
        if pool is None:
            pool = self._pools[key, policy] = _Pool(self._open(policy))
        self._pools.move_to_end((key, policy))
        pool.users += 1
        try:
            if len(self._pools) > MAX_POOLS:
                await self._close_one()
            yield pool.session
        finally:
            pool.users -= 1

    async def close(self) -> None:
        pools, self._pools = list(self._pools.values()), OrderedDict()
        for pool in pools:
            await pool.session.close()

    async def _close_one(self) -> None:
        idle = next((name for name, pool in self._pools.items() if pool.users == 0), None)
        if idle is not None:
            await self._pools.pop(idle).session.close()

    def _open(self, policy: EgressPolicy) -> aiohttp.ClientSession:
        gate = Gate(policy, self._resolver)
        connector = aiohttp.TCPConnector(
            resolver=gate,
            socket_factory=gate.make_socket,
            use_dns_cache=False,
            limit=CONNECTIONS_PER_POOL,
            keepalive_timeout=IDLE_SECONDS,
            ssl=self._ssl or True,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # `BodyReader` counts what it decodes
            trust_env=False,  # no proxies, no .netrc
            requote_redirect_url=False,
            skip_auto_headers=_SKIPPED,
            trace_configs=[_progress_tracing()],
        )


def _progress_tracing() -> aiohttp.TraceConfig:
    tracing = aiohttp.TraceConfig()
    tracing.on_request_headers_sent.append(_note_sent)
    return tracing


async def _note_sent(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: Any) -> None:
    context.trace_request_ctx.is_sent = True
