"""A TCP port in front of PostgreSQL's Unix socket that can fail: resets, silence in both directions, nobody may listen.

Byte for byte otherwise. A reset ends with its call, silence with its block.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

CHUNK_BYTES = 65_536
NO_LINGER = struct.pack("ii", 1, 0)  # closing says RST


class Proxy:
    """`path()` names the socket at each connection: the server may not be there yet."""

    def __init__(self, path: Callable[[], str]) -> None:
        self._path = path
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.is_deaf = False  # a connection that says LISTEN is ended
        self.unheard = 0  # of those, so far
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = int(self._listening.getsockname()[1])
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), name="chaos-proxy", daemon=True)
        self._thread.start()
        started.wait(10)

    def reset(self) -> int:
        """End every connection with a reset; how many."""
        return asyncio.run_coroutine_threadsafe(self._reset(), self._loop).result(10)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Nothing passes and nothing is refused; afterwards what was held back goes on."""
        self._loop.call_soon_threadsafe(self._flowing.clear)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._flowing.set)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._listening.close()

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._listening))
        started.set()
        self._loop.run_forever()
        server.close()
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.transport.abort()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _reset(self) -> int:
        count = len(self._writers)
        for writer in self._writers:
            raw = writer.get_extra_info("socket")
            if raw.family == socket.AF_INET:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            writer.transport.abort()
        return count

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flowing.wait()
        try:
            server_reader, server_writer = await asyncio.open_unix_connection(self._path())
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, server_writer}
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await asyncio.gather(self._pump(reader, server_writer), self._pump(server_reader, writer))
        finally:
            self._writers -= {writer, server_writer}
            self._tasks.discard(task)
            for each in (writer, server_writer):
                each.transport.abort() if each.transport.is_closing() else each.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await self._flowing.wait()
                if self.is_deaf and b"LISTEN " in data:
                    self.unheard += 1
                    break
                writer.write(data)
                await writer.drain()
        with suppress(OSError, RuntimeError):
            writer.close()
