"""A PostgreSQL socket in front of the real one that counts what passes: statements, and waits for an answer.

Speaks just enough of the protocol (version 3, without encryption) to know where one message ends and the next begins.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SOCKET = ".s.PGSQL.5432"
STATEMENTS = {b"Q", b"E"}  # a simple query; the execution of a prepared one
WAITS = {b"Q", b"S"}  # the client asks for the end of the answer: a round trip


@dataclass
class Counted:
    statements: int = 0
    round_trips: int = 0


class Wire:
    """Listens in `folder` as PostgreSQL would and passes everything on to the one whose socket is in `target`."""

    def __init__(self, target: Path, folder: Path):
        self.folder = folder
        self._target = target
        self._lock = threading.Lock()
        self._counted = Counted()
        self._open: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / SOCKET))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def take(self) -> Counted:
        """What was counted since the last call."""
        with self._lock:
            counted, self._counted = self._counted, Counted()
        return counted

    def close(self) -> None:
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._target / SOCKET))
                self._open += [client, server]
                threading.Thread(target=self._pass, args=(server, client), daemon=True).start()
                threading.Thread(target=self._pass_and_count, args=(client, server), daemon=True).start()

    @staticmethod
    def _pass(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def _pass_and_count(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            for message in _messages(client):
                kind = message[:1]
                with self._lock:
                    self._counted.statements += kind in STATEMENTS
                    self._counted.round_trips += kind in WAITS
                server.sendall(message)
            server.shutdown(socket.SHUT_WR)


def _messages(client: socket.socket) -> Iterator[bytes]:
    """Whole messages as they come: the first has no type byte, and neither has what asks for encryption."""
    rest, is_first = b"", True
    while data := client.recv(65536):
        rest += data
        while len(rest) >= (head := 4 if is_first else 5):
            size = int.from_bytes(rest[head - 4 : head], "big") + head - 4
            if len(rest) < size:
                break
            message, rest = rest[:size], rest[size:]
            is_first = is_first and message[4:8] in (b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30")  # asks for TLS or GSSAPI
            yield message


@contextmanager
def wire(target: Path, folder: Path) -> Iterator[Wire]:
    opened = Wire(target, folder)
    try:
        yield opened
    finally:
        opened.close()
