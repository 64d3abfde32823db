"""A sink: answers every POST at once and remembers when each sequence number came first, and how often.

usage: python -m loadtests.sink PORT. GET /reset forgets; GET /arrivals is {"seq": [first arrival in seconds, count]}.
POST /slow/400 is answered after 400 ms.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from typing import cast

import uvloop

_SEQ = re.compile(rb'"seq"\s*:\s*"?(\d+)')
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_SLOW = re.compile(rb"POST /slow/(\d{1,5}) ")
_OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"ok":true}'


class Sink(asyncio.Protocol):
    """One connection; HTTP/1.1 with a Content-Length or chunks, as much of it as our own clients speak."""

    arrivals: dict[int, list[float]] = {}

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (request := self._next_request()) is not None:
            self._answer(*request)

    def _next_request(self) -> tuple[bytes, bytes] | None:
        head, gap, rest = self._buffer.partition(b"\r\n\r\n")
        if not gap:
            return None
        if b"transfer-encoding: chunked" in head.lower():
            content, end, rest = rest.partition(b"0\r\n\r\n")
            if not end:
                return None
        else:
            found = _LENGTH.search(head)
            size = int(found[1]) if found else 0
            if len(rest) < size:
                return None
            content, rest = rest[:size], rest[size:]
        self._buffer = rest
        return head, content

    def _answer(self, head: bytes, content: bytes) -> None:
        if head.startswith(b"POST"):
            if found := _SEQ.search(content):
                entry = self.arrivals.setdefault(int(found[1]), [time.time(), 0])
                entry[1] += 1
            slow = _SLOW.match(head)
            if slow is None:
                self._transport.write(_OK)
            else:
                asyncio.get_running_loop().call_later(int(slow[1]) / 1000, self._transport.write, _OK)
            return
        if head.startswith(b"GET /reset"):
            self.arrivals.clear()
        text = json.dumps(self.arrivals).encode()
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
