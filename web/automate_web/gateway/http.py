"""Requests and answers, as thin as ASGI allows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from automate.ingest.body import MAX_BODY_BYTES
from automate.ingest.refusal import BodyTimeout, payload_too_large
from automate.ingest.trace import new_trace_id, parse_traceparent
from automate_governance.errors import NormalizedError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Disconnected(Exception):
    """The sender went away before its request was whole; nobody is left to answer."""


@dataclass
class Request:
    """One HTTP request; `headers` are the raw pairs, names in lower case."""

    scope: Scope
    receive: Receive
    trusted_proxies: int = 0
    headers: list[tuple[bytes, bytes]] = field(init=False)
    read: bytes | None = None  # the body, once it was received whole
    body_read: asyncio.Event = field(default_factory=asyncio.Event)  # set by whoever has read the whole body
    is_whole: bool = False  # the last of the body has been received
    is_answering: bool = False  # the head of a streamed answer is out: no other answer can follow

    def __post_init__(self) -> None:
        self.headers = self.scope["headers"]

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @property
    def path(self) -> str:
        return str(self.scope["path"])

    @cached_property
    def fields(self) -> dict[str, str]:
        """Header by lower-case name, the first of equal names."""
        fields: dict[str, str] = {}
        for name, value in self.headers:
            fields.setdefault(name.decode("latin-1"), value.decode("latin-1"))
        return fields

    @cached_property
    def trace_id(self) -> str:
        return parse_traceparent(self.fields.get("traceparent")) or new_trace_id()

    @property
    def ip(self) -> str | None:
        """The sender's address: the peer, or what the outermost trusted proxy saw."""
        client = self.scope.get("client")
        peer = str(client[0]) if client else None
        if self.trusted_proxies:
            chain = [hop.strip() for hop in self.fields.get("x-forwarded-for", "").split(",") if hop.strip()]
            if len(chain) >= self.trusted_proxies:
                return chain[-self.trusted_proxies]
        return peer

    def declared_length(self) -> int | None:
        text = self.fields.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() else None

    async def body(self, *, limit_bytes: int = MAX_BODY_BYTES, seconds: float = 30.0) -> bytes:
        """The whole body. Raises PayloadTooLarge, BodyTimeout or Disconnected."""
        if (self.declared_length() or 0) > limit_bytes:
            raise payload_too_large(limit_bytes)
        message = await self._next(seconds)
        if not message.get("more_body"):  # the common case: one message
            body: bytes = message.get("body", b"")
            if len(body) > limit_bytes:
                raise payload_too_large(limit_bytes)
            self.read = body
            return body
        chunks = [message.get("body", b"")]
        size = len(chunks[0])
        deadline = asyncio.get_running_loop().time() + seconds
        while message.get("more_body"):
            message = await self._next(deadline - asyncio.get_running_loop().time())
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > limit_bytes:
                raise payload_too_large(limit_bytes)
        self.read = b"".join(chunks)
        return self.read

    async def read_away(self, *, limit_bytes: int = 2 * MAX_BODY_BYTES, seconds: float = 2.0) -> None:
        """Receive what is still coming, within limits: a sender cut off while it sends may never see its answer."""
        deadline = asyncio.get_running_loop().time() + seconds
        with suppress(BodyTimeout, Disconnected):
            while not self.is_whole and limit_bytes > 0:
                message = await self._next(deadline - asyncio.get_running_loop().time())
                limit_bytes -= len(message.get("body", b""))

    async def _next(self, seconds: float) -> MutableMapping[str, Any]:
        try:
            async with asyncio.timeout(max(seconds, 0.001)):
                message = await self.receive()
        except TimeoutError:
            raise BodyTimeout("The body did not arrive in time.", headers={"Connection": "close"}) from None
        if message["type"] == "http.disconnect":
            raise Disconnected
        self.is_whole = not message.get("more_body")
        return message


@dataclass
class Response:
    """A whole answer."""

    status: int
    body: bytes
    content_type: bytes = b"application/json"
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    async def send(self, send: Send, *, trace_id: str, head_only: bool = False) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": [
                    (b"content-type", self.content_type),
                    (b"content-length", b"%d" % len(self.body)),
                    (b"x-trace-id", trace_id.encode()),
                    *self.headers,
                ],
            }
        )
        await send({"type": "http.response.body", "body": b"" if head_only else self.body})


def error_response(error: NormalizedError, trace_id: str) -> Response:
    """The contract's JSON object with the error's status and headers."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in error.headers.items()]
    body = json.dumps(error.as_dict(trace_id), ensure_ascii=False).encode("utf-8", "replace")
    return Response(error.http_status, body, headers=headers)
