"""Real sockets on this machine for the egress tests: servers that answer byte for byte, resolvers with a script, and a
record of every address this process tried to connect to."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from ssl import SSLContext

from automate_governance.egress import EgressClient, EgressPolicy

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Served:
    """One listening server and what reached it."""

    port: int = 0
    connections: int = 0
    heads: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def serving(answer: Answer, *, host: str = "127.0.0.1", ssl: SSLContext | None = None) -> AsyncIterator[Served]:
    """A server that reads one request's head and body after another and lets `answer` write."""
    served = Served()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                served.heads.append(head + await reader.readexactly(_length(head)))
                await answer(served.heads[-1], writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, host, 0, ssl=ssl)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


def replying(body: bytes = b"ok", *, status: str = "200 OK", headers: str = "") -> Answer:
    """Answers every request with this reply and keeps the connection."""

    async def answer(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    return answer


def writing(raw: bytes, *, then_close: bool = False) -> Answer:
    """Answers with these bytes as they are."""

    async def answer(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        if then_close:
            writer.close()

    return answer


@dataclass
class ScriptedResolver:
    """Answers from a script: each look-up of a name takes its next list of addresses, the last one for ever."""

    script: dict[str, list[list[str]]]
    calls: list[str] = field(default_factory=list)

    async def resolve(self, host: str) -> list[str]:
        self.calls.append(host)
        if host not in self.script:
            raise OSError("no such name")
        answers = self.script[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


_recordings: list[list[tuple[str, int]]] = []
_is_hooked = False


@contextmanager
def connects_recorded() -> Iterator[list[tuple[str, int]]]:
    """Every address a socket of this process is told to connect to; those beyond loopback are refused on the spot."""
    global _is_hooked
    if not _is_hooked:
        sys.addaudithook(_note_connect)
        _is_hooked = True
    recording: list[tuple[str, int]] = []
    guarded = socket.socket  # the whole suite's own guard would end a test before it can be recorded
    socket.socket = next(known for known in guarded.__mro__ if known.__module__ == "socket")
    _recordings.append(recording)
    try:
        yield recording
    finally:
        _recordings.remove(recording)
        socket.socket = guarded


def _note_connect(event: str, arguments: tuple[object, ...]) -> None:
    if event != "socket.connect" or not _recordings:
        return
    address = arguments[1]
    if isinstance(address, tuple):
        for recording in _recordings:
            recording.append((str(address[0]), int(address[1])))
        if address[0] not in ("127.0.0.1", "::1"):
            raise ConnectionRefusedError(111, "beyond loopback")


def open_to(*served: Served, names: tuple[str, ...] = ("127.0.0.1",)) -> EgressPolicy:
    return EgressPolicy(private_targets=tuple(f"{name}:{each.port}" for each in served for name in names))


def exchange(answer, *, timeout_seconds=5.0, method="GET", **keywords):
    """One request to a server that answers so; the reply, or the error raised."""

    async def run():
        async with serving(answer) as served:
            client = EgressClient()
            try:
                return await client.request(
                    method,
                    f"http://127.0.0.1:{served.port}/",
                    policy=open_to(served),
                    timeout_seconds=timeout_seconds,
                    **keywords,
                )
            finally:
                await client.close()

    return asyncio.run(run())
