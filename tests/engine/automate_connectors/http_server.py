"""A real HTTP server on this machine whose paths say how it answers; it keeps what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from automate_governance.egress import EgressPolicy

from .standin import QuietServer, Received


@dataclass
class Server:
    url: str = ""
    port: int = 0
    received: list[Received] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)  # lets /slow answer

    @property
    def policy(self) -> EgressPolicy:
        return EgressPolicy(private_targets=(f"127.0.0.1:{self.port}",))


@contextmanager
def running() -> Iterator[Server]:
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.received.append(Received(self.command, self.path, headers, body))
            path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
            if path == "/slow":
                server.release.wait(30)
            status = int(query.get("status", ["200"])[0])
            reply, content_type = _reply(path, server.received[-1])
            self.send_response(status)
            for pair in query.get("header", []):
                self.send_header(*pair.split(":", 1))
            self.send_header("Content-Type", query.get("type", [content_type])[0])
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer

        def log_message(self, *_arguments: Any) -> None:
            """Silence."""

    with QuietServer(("127.0.0.1", 0), Handler) as listening:
        server.port = listening.server_port
        server.url = f"http://127.0.0.1:{server.port}"
        threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server
        finally:
            server.release.set()
            listening.shutdown()


def _reply(path: str, received: Received) -> tuple[bytes, str]:
    if path == "/json":
        return b'{"id": 1234567890123456789012, "ok": true}', "application/json"
    if path == "/bad-json":
        return b'{"a": NaN', "application/json"
    if path == "/latin":
        return "käse".encode("latin-1"), "text/plain; charset=ISO-8859-1"
    if path == "/long":
        return b"x" * 1990 + received.headers.get("x-api-key", "").encode() + b"y" * 5000, "text/plain"
    if path == "/empty":
        return b"", "text/plain"
    shown = {"method": received.method, "headers": received.headers, "body": received.body.decode("utf-8", "replace")}
    return json.dumps(shown).encode(), "application/json; charset=utf-8"
