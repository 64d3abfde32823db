"""A name server on localhost that answers as told, also differently each time: UDP, and TCP for what does not fit."""

from __future__ import annotations

import ipaddress
import socketserver
import struct
import threading
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

A, AAAA = 1, 28


class NameServer:
    """`says[name]` is a list of answers, each a list of addresses: the first query gets the first, the last stays."""

    def __init__(self) -> None:
        self.says: dict[str, list[Sequence[str]]] = {}
        self.asked: Counter[tuple[str, int]] = Counter()
        self.by_tcp = 0
        self._lock = threading.Lock()
        self._udp = socketserver.ThreadingUDPServer(("127.0.0.1", 0), self._handler(is_tcp=False))
        self.port = int(self._udp.server_address[1])
        self._tcp = socketserver.ThreadingTCPServer(("127.0.0.1", self.port), self._handler(is_tcp=True))
        self._threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
            for server in (self._udp, self._tcp)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        for server in (self._udp, self._tcp):
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()

    def answer(self, query: bytes, *, is_tcp: bool) -> bytes:
        name, end = _name(query)
        (kind,) = struct.unpack_from(">H", query, end)
        question = query[12 : end + 4]
        with self._lock:
            turn = self.asked[name, kind]
            self.asked[name, kind] += 1
            self.by_tcp += is_tcp
        answers = self.says.get(name)
        if answers is None:
            return query[:2] + struct.pack(">HHHHH", 0x8183, 1, 0, 0, 0) + question  # no such name
        addresses = [ipaddress.ip_address(text) for text in answers[min(turn, len(answers) - 1)]]
        wanted = [address for address in addresses if (address.version == 4) == (kind == A)]
        records = b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(address.packed)) + address.packed for address in wanted
        )
        is_cut = not is_tcp and len(records) > 450
        flags = 0x8380 if is_cut else 0x8180
        count = 0 if is_cut else len(wanted)
        return query[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0) + question + (b"" if is_cut else records)

    def _handler(server, *, is_tcp: bool) -> type[socketserver.BaseRequestHandler]:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                if is_tcp:
                    (length,) = struct.unpack(">H", self.request.recv(2))
                    reply = server.answer(self.request.recv(length), is_tcp=True)
                    self.request.sendall(struct.pack(">H", len(reply)) + reply)
                else:
                    data, channel = self.request
                    channel.sendto(server.answer(data, is_tcp=False), self.client_address)

        return Handler


def _name(query: bytes) -> tuple[str, int]:
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode())
        at += length + 1
    return ".".join(labels).lower(), at + 1


@pytest.fixture(scope="module")
def nameserver() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.close()
