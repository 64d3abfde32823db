"""Proxy: everything that is not the gateway's own goes to the web process, both ways streamed.

Web listens on a private socket of this machine or, where each is a container of its own, in a private network.

Only the gateway says who is calling and how: `X-Forwarded-*` of the outside are replaced unless trusted proxies stand
in front. When web is away the answer is 503 with Retry-After, as JSON or as a small page that tries again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from automate.ingest.trace import make_traceparent, parse_traceparent
from automate_governance.errors import Unavailable
from automate_web.gateway.http import Disconnected, Request, Response, Send, error_response

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 120.0  # web said nothing for so long
KEEP_ALIVE_SECONDS = 4.0
MAX_CONNECTIONS = 128
SMALL_FILE = "/static/automate_web/icon.svg"

_HOP_BY_HOP = frozenset(
    [
        "connection",
        "keep-alive",
        "proxy-connection",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
_OURS = frozenset(
    {"forwarded", "x-real-ip", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"}
)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_NOT_ADDED = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


class Proxy:
    """Connections to the web process. A kept one may close just as it is used: only safe methods use those."""

    def __init__(self, web: Path | str, *, trusted_proxies: int):
        """`web`: its Unix socket, or `http://host:port`."""
        self._socket = web if isinstance(web, Path) else None
        self._base = "http://web" if isinstance(web, Path) else web.rstrip("/")
        self._trusted_proxies = trusted_proxies
        self._kept = self._session(keepalive_timeout=KEEP_ALIVE_SECONDS)
        self._fresh = self._session(force_close=True)

    async def answer(self, request: Request, send: Send) -> None:
        """Pass the request on and its answer back."""
        relay = asyncio.ensure_future(self._relay(request, send))
        body_read = request.body_read
        gone = asyncio.ensure_future(_gone(request, body_read))
        try:
            await asyncio.wait({relay, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not relay.done():
                relay.cancel()
                await asyncio.wait({relay})
                return
            relay.result()
        finally:
            gone.cancel()
            await asyncio.wait({gone})

    async def is_up(self) -> bool:
        """Whether web answers at all: a file that it serves without the database."""
        try:
            async with self._fresh.head(f"{self._base}{SMALL_FILE}") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def close(self) -> None:
        await self._kept.close()
        await self._fresh.close()

    async def _relay(self, request: Request, send: Send) -> None:
        session = self._kept if request.method in _SAFE_METHODS else self._fresh
        path = request.scope.get("raw_path") or request.path.encode()
        query = request.scope["query_string"]
        url = self._base + path.decode("latin-1") + ("?" + query.decode("latin-1") if query else "")
        has_body = "transfer-encoding" in request.fields or bool(request.declared_length())
        if not has_body:
            request.body_read.set()
        try:
            answer = await session.request(
                request.method,
                URL(url, encoded=True),
                headers=self._headers(request),
                data=_upload(request) if has_body else None,
                allow_redirects=False,
            )
        except Disconnected:
            return
        except (aiohttp.ClientError, OSError, TimeoutError):
            request.body_read.set()
            await away(request).send(send, trace_id=request.trace_id, head_only=request.method == "HEAD")
            return
        async with answer:
            request.body_read.set()
            request.is_answering = True
            headers = _answer_headers(answer, request)
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            try:
                async for chunk in answer.content.iter_any():
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            except (aiohttp.ClientError, OSError, TimeoutError):
                return  # web broke off: the server closes the connection, so that a cut answer does not look whole
            await send({"type": "http.response.body", "body": b""})

    def _headers(self, request: Request) -> CIMultiDict[str]:
        dropped = _HOP_BY_HOP | _named_by_connection(request) | {"expect"}
        if not self._trusted_proxies:
            dropped |= _OURS
        headers: CIMultiDict[str] = CIMultiDict()
        for name, value in request.headers:
            text = name.decode("latin-1")
            if text not in dropped:
                headers.add(text, value.decode("latin-1"))
        peer = request.scope.get("client")
        if peer:
            chain = [*headers.popall("x-forwarded-for", []), str(peer[0])]
            headers["X-Forwarded-For"] = ", ".join(chain)
        headers.setdefault("X-Forwarded-Proto", request.scope.get("scheme", "http"))
        if "host" in headers:
            headers.setdefault("X-Forwarded-Host", headers["host"])
        if parse_traceparent(request.fields.get("traceparent")) is None:
            headers["traceparent"] = make_traceparent(request.trace_id)
        return headers

    def _session(self, **options: object) -> aiohttp.ClientSession:
        connector: aiohttp.BaseConnector
        if self._socket is None:
            connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS, **options)  # type: ignore[arg-type]
        else:
            connector = aiohttp.UnixConnector(str(self._socket), limit=MAX_CONNECTIONS, **options)  # type: ignore[arg-type]
        return aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_NOT_ADDED,
            auto_decompress=False,
            trust_env=False,
        )


async def _upload(request: Request) -> AsyncIterator[bytes]:
    """The request's body, chunk by chunk as it comes in."""
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        if body := message.get("body"):
            yield body
        if not message.get("more_body"):
            request.body_read.set()
            return


async def _gone(request: Request, body_read: asyncio.Event) -> None:
    """Ends when the caller has gone; looks only once the whole body was read."""
    await body_read.wait()
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _named_by_connection(request: Request) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in request.fields.get("connection", "").split(",") if name.strip())


def _answer_headers(answer: aiohttp.ClientResponse, request: Request) -> list[tuple[bytes, bytes]]:
    headers = [(name.lower(), value) for name, value in answer.raw_headers]
    named = {token.strip().lower() for name, value in headers if name == b"connection" for token in value.split(b",")}
    dropped = {name.encode() for name in _HOP_BY_HOP} | named | {b"date", b"server"}
    kept = [(name, value) for name, value in headers if name not in dropped]
    if not any(name == b"x-trace-id" for name, _ in kept):
        kept.append((b"x-trace-id", request.trace_id.encode()))
    return kept


_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width"><title>Back in a moment</title>
<style>body{{font:1rem/1.5 system-ui;margin:15vh auto;max-width:32rem;padding:0 1rem;color-scheme:light dark}}</style>
</head><body><h1>Back in a moment</h1><p>The portal is starting or restarting. This page tries again by itself.
Events sent to webhooks are being accepted meanwhile.</p><p><small>Trace id {trace_id}</small></p></body></html>"""


def away(request: Request) -> Response:
    """What is said while the web process is not there."""
    headers = [(b"cache-control", b"no-store")]
    if "text/html" in request.fields.get("accept", ""):
        page = _PAGE.format(trace_id=request.trace_id).encode()
        return Response(503, page, b"text/html; charset=utf-8", [(b"retry-after", b"2"), *headers])
    message = "The portal and the API are starting or restarting. Repeat the request."
    error = Unavailable(message, headers={"Retry-After": "2"})
    response = error_response(error, request.trace_id)
    response.headers += headers
    return response
