"""`/live/?token=...`: what changes in one workspace, as server-sent events.

`event: ready` once every later change will be told (a page reads its list then), and `event: change` with
`{"events": n, "runs": [ids], "refusals": n}`; a comment every 15 s keeps proxies from closing it. It ends when its
token does, when the reader stops reading, and when the gateway stops; a browser then connects again by itself. Nothing
is replayed: a page that reconnects reads its list anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import parse_qs

import orjson

from automate.ingest.refusal import Overloaded, retry_later
from automate_governance.errors import Unauthenticated
from automate_web.gateway import live_token
from automate_web.gateway.changes import Changes, News
from automate_web.gateway.http import Request, Send

T = TypeVar("T")

HEARTBEAT_SECONDS = 15.0
SEND_SECONDS = 10.0  # a reader that takes nothing for so long is dropped
MAX_RUNS_TOLD = 100


class Live:
    """Every stream of this process."""

    def __init__(self, changes: Changes, *, secret: str, max_streams: int):
        self._changes = changes
        self._secret = secret
        self._max_streams = max_streams
        self._streams: set[asyncio.Task[None]] = set()

    async def answer(self, request: Request, send: Send) -> None:
        """Stream until it ends. Raises Unauthenticated, or Overloaded when there are too many streams."""
        token = parse_qs(request.scope["query_string"].decode("latin-1")).get("token", [""])[0]
        grant = live_token.verify(self._secret, token, now=datetime.now(UTC))
        if grant is None:
            raise Unauthenticated("The live token is not valid any more. Load the page again.")
        if len(self._streams) >= self._max_streams:
            raise retry_later(Overloaded, "Too many live pages are open. The page refreshes by itself.", seconds=30)
        seconds = (grant.expires_at - datetime.now(UTC)).total_seconds()
        loop = asyncio.get_running_loop()
        request.is_answering = True
        stream = loop.create_task(self._stream(grant.tenant_id, request.trace_id, send, seconds))
        gone = loop.create_task(_gone(request))
        self._streams.add(stream)
        try:
            await asyncio.wait({stream, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._streams.discard(stream)
            stream.cancel()
            gone.cancel()
            await asyncio.wait({stream, gone})

    async def finish(self) -> None:
        """End every stream."""
        for stream in list(self._streams):
            stream.cancel()

    async def _stream(self, tenant_id: int, trace_id: str, send: Send, seconds: float) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", b"text/event-stream; charset=utf-8"),
                    (b"cache-control", b"no-store"),
                    (b"x-accel-buffering", b"no"),
                    (b"x-trace-id", trace_id.encode()),
                ],
            }
        )
        subscription = self._changes.subscribe(tenant_id)
        try:
            async with asyncio.timeout(seconds):
                await _write(send, b"retry: 2000\n\n")
                await _keeping_alive(subscription.has_begun.wait, send)
                await _write(send, b"event: ready\ndata: {}\n\n")
                while True:
                    await _write(send, _change(await _keeping_alive(subscription.next, send)))
        except (TimeoutError, OSError):
            pass  # the token ran out, or the reader stopped reading
        finally:
            self._changes.unsubscribe(subscription)
        await send({"type": "http.response.body", "body": b""})


async def _write(send: Send, chunk: bytes) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _keeping_alive(wait: Callable[[], Awaitable[T]], send: Send) -> T:
    """What `wait` gives, with a comment sent for every 15 s that it takes."""
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                return await wait()
        except TimeoutError:
            await _write(send, b": still here\n\n")


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _change(news: News) -> bytes:
    data = {"events": news.events, "runs": sorted(news.runs)[-MAX_RUNS_TOLD:], "refusals": news.refusals}
    return b"event: change\ndata: " + orjson.dumps(data) + b"\n\n"
