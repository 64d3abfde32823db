"""A TCP port in front of a Unix socket, byte for byte, that can cut a conversation after given words."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Relay:
    """`cut_after`: when a client has sent these bytes they are passed on, and the answer never comes back."""

    port: int = 0
    cut_after: bytes = b""
    sockets: list[socket.socket] = field(default_factory=list)

    def serve(self, listening: socket.socket, path: str) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(path)
            self.sockets += [client, server]
            threading.Thread(target=self._pass_on, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(server, client, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, is_client: bool) -> None:
        try:
            while content := source.recv(65_536):
                is_cut = is_client and self.cut_after and self.cut_after in content
                if is_cut:
                    source.shutdown(socket.SHUT_RDWR)
                target.sendall(content)
                if is_cut:
                    break
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR if end is source else socket.SHUT_WR)
            except OSError:
                pass


@contextmanager
def relaying(path: str) -> Iterator[Relay]:
    relay = Relay()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        relay.port = listening.getsockname()[1]
        accepting = threading.Thread(target=relay.serve, args=(listening, path), daemon=True)
        accepting.start()
        yield relay
        listening.shutdown(socket.SHUT_RDWR)
    accepting.join(10)
    for each in relay.sockets:
        each.close()
