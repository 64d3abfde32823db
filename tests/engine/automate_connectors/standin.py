"""A stand-in for somebody's HTTP API: a real server on this machine that answers what a function says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from automate_governance.egress import EgressPolicy


class QuietServer(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """Silence: tests hang up on purpose."""


@dataclass
class Received:
    method: str
    path: str  # with the query
    headers: dict[str, str]  # lower-case names
    body: bytes

    @property
    def route(self) -> str:
        return f"{self.method} {urlsplit(self.path).path}"

    @property
    def query(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"null")

    @property
    def form(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}


@dataclass
class Answer:
    """`body`: bytes, text, or what is sent as JSON. `hangs_up`: the connection breaks instead."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs_up: bool = False

    def encoded(self) -> tuple[bytes, str]:
        if isinstance(self.body, bytes):
            return self.body, "application/octet-stream"
        if isinstance(self.body, str):
            return self.body.encode(), "text/plain; charset=utf-8"
        return (b"" if self.body is None else json.dumps(self.body).encode()), "application/json"


@dataclass
class StandIn:
    """Where it listens, what came, and what the next requests meet instead of the usual answer (`mishaps`)."""

    url: str = ""
    port: int = 0
    received: list[Received] = field(default_factory=list)
    mishaps: list[Answer] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)  # lets slow requests go on

    @property
    def policy(self) -> EgressPolicy:
        return EgressPolicy(private_targets=(f"127.0.0.1:{self.port}",))

    @property
    def routes(self) -> list[str]:
        return [received.route for received in self.received]


@contextmanager
def standing_in(answer: Callable[[Received], Answer]) -> Iterator[StandIn]:
    """Serve `answer` on a free port; a path with "slow" in it, or a body with it, waits until the test ends."""
    stand_in = StandIn()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            received = Received(self.command, self.path, headers, body)
            stand_in.received.append(received)
            if "slow" in self.path or b"slow" in body:
                stand_in.released.wait(30)
            found = stand_in.mishaps.pop(0) if stand_in.mishaps else answer(received)
            if found.hangs_up:
                self.close_connection = True
                return
            content, content_type = found.encoded()
            self.send_response(found.status)
            for name, value in {"Content-Type": content_type, **found.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = respond

        def log_message(self, *_arguments: Any) -> None:
            """Silence."""

    with QuietServer(("127.0.0.1", 0), Handler) as listening:
        stand_in.port = listening.server_port
        stand_in.url = f"http://127.0.0.1:{stand_in.port}"
        threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield stand_in
        finally:
            stand_in.released.set()
            listening.shutdown()
