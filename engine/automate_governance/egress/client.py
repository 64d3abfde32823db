"""One outbound HTTP call, whole: checked, connected, sent, read within its deadline and caps. No redirects.

A client belongs to one event loop. `request` finds the running loop's own and closes it with the loop.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypedDict
from weakref import WeakKeyDictionary

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from automate_governance.egress.bound_secrets import refuse_bound
from automate_governance.egress.errors import (
    BadReply,
    ConnectFailed,
    ConnectionLost,
    EgressDenied,
    EgressError,
    EgressTimeout,
    InvalidTarget,
    NameNotResolved,
    ReplyTooLarge,
    TlsFailed,
)
from automate_governance.egress.gate import Resolver, SocketRefused, SystemResolver
from automate_governance.egress.headers import VIA, outgoing
from automate_governance.egress.policy import EgressPolicy
from automate_governance.egress.pools import Pools, Progress
from automate_governance.egress.reply import MAX_BODY_BYTES, MAX_HEAD_BYTES, BodyReader, Reply
from automate_governance.egress.streamed import BROKEN, StreamedReply
from automate_governance.egress.target import Target, parse_target

if TYPE_CHECKING:
    from typing import Unpack  # Python 3.11; only type checkers read it

CONNECT_SECONDS = 5.0  # name look-up, connection and TLS together
TOTAL_SECONDS = 60.0
LONGEST_STREAM_SECONDS = 900.0
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Options(TypedDict, total=False):
    """What a call may say beside its method and URL."""

    headers: Mapping[str, str]
    body: bytes
    timeout_seconds: float  # for everything, from look-up to last byte; 60 where absent, and at most (streams: 900)
    max_body_bytes: int  # of the reply, decoded; 5 MiB where absent, and at most


async def request(
    method: str, url: str, *, policy: EgressPolicy, pool_key: str = "", **options: Unpack[Options]
) -> Reply:
    """Call `url` and read the whole reply, whatever its status. Raises EgressError.

    `pool_key`: who owns the kept connections; a tenant's schema name, so that two tenants never share one.
    """
    return await _client_of_loop().request(method, url, policy=policy, pool_key=pool_key, **options)


async def close() -> None:
    """Close the running loop's client; it happens by itself when the loop ends through `asyncio.run`."""
    client = _clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.close()


class EgressClient:
    """Calls from one event loop. `resolver` and `ssl_context` replace the machine's own."""

    def __init__(self, *, resolver: Resolver | None = None, ssl_context: ssl.SSLContext | None = None):
        self._pools = Pools(resolver or SystemResolver(), ssl_context)

    async def request(
        self, method: str, url: str, *, policy: EgressPolicy, pool_key: str = "", **options: Unpack[Options]
    ) -> Reply:
        """As the module's `request`."""
        target, sent, body = _prepared(method, url, policy, options)
        progress = Progress()
        async with self._pools.session(pool_key, policy) as session:
            try:
                return await _exchange(session, method, target, sent, body, progress, options)
            except BROKEN as error:
                raise _explained(target, progress, error) from None  # the library's own may hold the URL, with secrets

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, *, policy: EgressPolicy, pool_key: str = "", **options: Unpack[Options]
    ) -> AsyncIterator[StreamedReply]:
        """As `request`, but the body comes in pieces, and the whole may take 900 s. Raises EgressError."""
        target, sent, body = _prepared(method, url, policy, options)
        progress = Progress()
        explain = partial(_explained, target, progress)
        total = max(0.001, min(options.get("timeout_seconds", TOTAL_SECONDS), LONGEST_STREAM_SECONDS))
        async with self._pools.session(pool_key, policy) as session:
            try:
                response = await session.request(
                    method,
                    _as_sent(target),
                    headers=sent,
                    data=body or None,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=total, connect=CONNECT_SECONDS, ceil_threshold=1e9),
                    trace_request_ctx=progress,
                )
            except BROKEN as error:
                raise explain(error) from None
            try:
                yield StreamedReply(response, explain)
            finally:
                response.close()  # a reply read to its end has given its connection back already

    async def close(self) -> None:
        await self._pools.close()


class Pace(Protocol):
    """Asked before each call of one caller; returns when the call may be made."""

    async def __call__(self, target: Target) -> None:
        """Wait shortly, or raise EgressPaced: nothing was sent."""


@dataclass(frozen=True)
class Egress:
    """The way out for one caller: its policy and its connections. The engine puts one into a step's context."""

    policy: EgressPolicy
    pool_key: str = ""
    client: EgressClient | None = None  # the running loop's own where None
    pace: Pace | None = None  # outbound rates; None: none

    async def request(self, method: str, url: str, **options: Unpack[Options]) -> Reply:
        """As the module's `request`."""
        await self._keep_pace(url)
        client = self.client or _client_of_loop()
        return await client.request(method, url, policy=self.policy, pool_key=self.pool_key, **options)

    @asynccontextmanager
    async def stream(self, method: str, url: str, **options: Unpack[Options]) -> AsyncIterator[StreamedReply]:
        """As `EgressClient.stream`."""
        await self._keep_pace(url)
        client = self.client or _client_of_loop()
        async with client.stream(method, url, policy=self.policy, pool_key=self.pool_key, **options) as reply:
            yield reply

    async def _keep_pace(self, url: str) -> None:
        if self.pace is not None:
            target = parse_target(url)
            self.policy.check(target)  # what is refused uses up no rate
            await self.pace(target)


def _prepared(method: str, url: str, policy: EgressPolicy, options: Options) -> tuple[Target, CIMultiDict[str], bytes]:
    """Target, headers and body as they may be sent. Raises EgressError."""
    if method not in METHODS:
        raise InvalidTarget(f"The method must be one of {', '.join(sorted(METHODS))}.")
    target = parse_target(url)
    policy.check(target)
    sent, body = outgoing(options.get("headers") or {}), options.get("body", b"")
    if policy.is_private_target(target.host, target.port):
        sent["Via"] = VIA
    refuse_bound(target, sent, body)
    return target, sent, body


async def _exchange(
    session: aiohttp.ClientSession,
    method: str,
    target: Target,
    headers: Mapping[str, str],
    body: bytes,
    progress: Progress,
    options: Options,
) -> Reply:
    started = time.perf_counter()
    total = max(0.001, min(options.get("timeout_seconds", TOTAL_SECONDS), TOTAL_SECONDS))
    limit_bytes = max(1, min(options.get("max_body_bytes", MAX_BODY_BYTES), MAX_BODY_BYTES))
    async with session.request(
        method,
        _as_sent(target),
        headers=headers,
        data=body or None,
        allow_redirects=False,
        timeout=aiohttp.ClientTimeout(total=total, connect=CONNECT_SECONDS, ceil_threshold=1e9),
        trace_request_ctx=progress,
    ) as response:
        try:
            content = await _read(response, method, limit_bytes)
        except EgressError as error:
            response.close()  # the rest of the body is not wanted: drop the connection
            error.details.setdefault("status", response.status)
            raise
    pairs = tuple((name.lower(), value) for name, value in response.headers.items())
    return Reply(response.status, pairs, content, (time.perf_counter() - started) * 1000)


async def _read(response: aiohttp.ClientResponse, method: str, limit_bytes: int) -> bytes:
    if sum(len(name) + len(value) for name, value in response.raw_headers) > MAX_HEAD_BYTES:
        raise ReplyTooLarge(f"The reply's headers are larger than {MAX_HEAD_BYTES} bytes.")
    encoding = ", ".join(response.headers.getall("Content-Encoding", ())) if method != "HEAD" else ""
    reader = BodyReader(encoding, limit_bytes=limit_bytes)
    if method != "HEAD" and (response.content_length or 0) > limit_bytes:
        raise ReplyTooLarge(f"The reply is larger than {limit_bytes} bytes.", details={"limit_bytes": limit_bytes})
    async for chunk in response.content.iter_any():
        reader.feed(chunk)
    return reader.finish()


def _as_sent(target: Target) -> URL:
    """The checked target as aiohttp takes it; it must mean the same there."""
    url = URL(target.url, encoded=True)
    if (url.scheme, url.raw_host, url.port, url.user) != (target.scheme, target.host, target.port, None):
        raise InvalidTarget("The URL can be read in two ways.")
    return url


def _explained(target: Target, progress: Progress, error: BaseException) -> EgressError:
    meaning = _meaning(error, target, progress)
    meaning.details["cause"] = type(error).__name__
    return meaning


def _meaning(error: BaseException, target: Target, progress: Progress) -> EgressError:
    """What went wrong, in our words; the library's text may repeat the URL with its secrets."""
    where = f"{target.host}:{target.port}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return NameNotResolved(f"{target.host} has no address, or no name server answered.")
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError)):
        return TlsFailed(f"{where} could not prove its name by TLS.", details={"reason": _tls_reason(error)})
    if isinstance(error, aiohttp.ClientConnectorError):
        if isinstance(error.os_error, SocketRefused):
            return EgressDenied(f"{where} leads to an address that may not be called.", details={"reason": "address"})
        return ConnectFailed(f"No connection to {where}: {error.os_error.strerror or 'it failed'}.")
    if isinstance(error, asyncio.TimeoutError):
        if not progress.is_sent:
            return ConnectFailed(f"No connection to {where} in time.", details={"timeout": True})
        return EgressTimeout(f"{where} did not answer in time.", in_doubt=True)
    if isinstance(error, (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, OSError)):
        return ConnectionLost(f"The connection to {where} broke off.", in_doubt=progress.is_sent)
    if isinstance(error, aiohttp.InvalidURL):
        return InvalidTarget("The URL cannot be sent.")
    return BadReply(f"{where} answered with something that is not HTTP, or too much of it.", in_doubt=progress.is_sent)


def _tls_reason(error: BaseException) -> str:
    cause = error.__cause__ or error
    return str(getattr(cause, "verify_message", "") or getattr(cause, "reason", "") or "tls")


_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, EgressClient] = WeakKeyDictionary()
_guards: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncIterator[None]] = WeakKeyDictionary()


def _client_of_loop() -> EgressClient:
    loop = asyncio.get_running_loop()
    client = _clients.get(loop)
    if client is None:
        client = _clients[loop] = EgressClient()
        _guards[loop] = guard = _close_with_loop(loop, client)
        try:
            guard.__anext__().__await__().send(None)  # up to the yield, which the loop then knows of
        except StopIteration:
            pass
    return client


async def _close_with_loop(loop: asyncio.AbstractEventLoop, client: EgressClient) -> AsyncIterator[None]:
    """Wait suspended until the loop shuts down its generators, which `asyncio.run` does at its end."""
    try:
        yield
    finally:
        _clients.pop(loop, None)
        await client.close()
