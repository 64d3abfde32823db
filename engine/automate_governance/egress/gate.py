"""The gate at the socket: a connection exists only to an address that was checked a moment before, in the same step.

A name is resolved once; every answer is checked; the connection is made to one of those answers, never to the name. So
a name server that answers differently the next time changes nothing (DNS rebinding), and TLS still sees the name.
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from aiohttp.abc import AbstractResolver, ResolveResult

from automate_governance.egress.addresses import denial
from automate_governance.egress.policy import EgressPolicy

MAX_ADDRESSES = 16
_lookups = ThreadPoolExecutor(max_workers=16, thread_name_prefix="egress-dns")  # slow name servers block nobody else


class Resolver(Protocol):
    """Turns a name into addresses."""

    async def resolve(self, host: str) -> list[str]:
        """The IPv4 and IPv6 addresses of `host`, as text. Raises OSError when there are none."""


class SystemResolver:
    """The machine's own resolver (`getaddrinfo`)."""

    async def resolve(self, host: str) -> list[str]:
        found: list[str] = await asyncio.wrap_future(look_up_in_thread(host))
        return list(dict.fromkeys(found))


def look_up_in_thread(host: str) -> Future[list[str]]:
    """The machine's answer, from a thread of its own kind: a slow name server holds up nothing else."""
    return _lookups.submit(_look_up, host)


def _look_up(host: str) -> list[str]:
    return [str(answer[4][0]) for answer in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


class SocketRefused(PermissionError):
    """The last check before a socket is made said no."""


class Gate(AbstractResolver):
    """aiohttp's resolver and socket factory for one policy."""

    def __init__(self, policy: EgressPolicy, resolver: Resolver):
        self._policy = policy
        self._resolver = resolver
        self._private: set[tuple[str, int]] = set()  # addresses of private targets that are names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Every address of `host`, all checked. Raises EgressDenied, OSError."""
        addresses = (await self._resolver.resolve(host))[:MAX_ADDRESSES]
        if not addresses:
            raise OSError(f"{host} has no address")
        self._policy.check_addresses(host, port, addresses)
        if self._policy.is_private_target(host, port):
            self._private |= {(address, port) for address in addresses}
        return [_result(host, address, port) for address in addresses]

    async def close(self) -> None:
        """Nothing is held."""

    def make_socket(self, address_info: tuple[Any, ...]) -> socket.socket:
        """A socket for exactly this address, or SocketRefused. Literal addresses in URLs come only by here."""
        family, kind, protocol, _, (address, port, *_) = address_info
        if not self._may_connect(str(address), int(port)):
            raise SocketRefused(f"No socket to that address ({denial(str(address))}).")
        return socket.socket(family=family, type=kind, proto=protocol)

    def _may_connect(self, address: str, port: int) -> bool:
        return (
            self._policy.allow_ssrf
            or denial(address) is None
            or self._policy.is_private_target(address, port)
            or (address, port) in self._private
        )


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=family,
        proto=0,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
