"""A reply whose body is read while it comes: the same caps, no waiting for the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import aiohttp

from automate_governance.egress.errors import EgressError, ReplyTooLarge
from automate_governance.egress.reply import MAX_HEAD_BYTES, BodyReader

Explain = Callable[[BaseException], EgressError]
BROKEN = (aiohttp.ClientError, asyncio.TimeoutError, OSError)  # what the library raises


class StreamedReply:
    """`explain` turns what the library raises into our words."""

    def __init__(self, response: aiohttp.ClientResponse, explain: Explain):
        self.status = response.status
        self._response = response
        self._explain = explain

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Lower-case names in order."""
        return tuple((name.lower(), value) for name, value in self._response.headers.items())

    def header(self, name: str, default: str = "") -> str:
        """The first header called `name`."""
        return str(self._response.headers.get(name, default))

    async def chunks(self) -> AsyncIterator[bytes]:
        """The decoded body, as it comes; no more than 5 MiB of it. Raises EgressError."""
        if sum(len(name) + len(value) for name, value in self._response.raw_headers) > MAX_HEAD_BYTES:
            raise ReplyTooLarge(f"The reply's headers are larger than {MAX_HEAD_BYTES} bytes.")
        reader, given = BodyReader(self.header("Content-Encoding")), 0
        try:
            async for chunk in self._response.content.iter_any():
                reader.feed(chunk)
                so_far = reader.so_far()
                if len(so_far) > given:
                    yield bytes(so_far[given:])
                    given = len(so_far)
        except BROKEN as error:
            raise self._explain(error) from None
        reader.finish()

    async def read(self) -> bytes:
        """The whole body. Raises EgressError."""
        return b"".join([chunk async for chunk in self.chunks()])
