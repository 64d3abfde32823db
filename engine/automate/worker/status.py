"""What a worker answers over HTTP, to whoever runs and watches it: `/healthz`, `/readyz`, `/metrics`.

From threads of its own, so that a loop that stands still is told of and not waited for. Nothing of a tenant is said.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.db import DatabaseError, connections

from automate import configuration, metrics
from automate.worker.pulse import Pulse

SILENCE_SECONDS = 5  # a caller that says nothing for so long is let go


def serving(pulse: Pulse, address: tuple[str, int]) -> AbstractContextManager[int]:
    """Answer at `address` while the context is open, which gives the port: with 0 it is a free one.

    Raises OSError at once when it cannot be listened on.
    """
    kind = _ServerV6 if ":" in address[0] else ThreadingHTTPServer
    return _serving(kind(address, _handler(pulse)))


class _ServerV6(ThreadingHTTPServer):
    address_family = socket.AF_INET6


@contextmanager
def _serving(server: ThreadingHTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, name="automate-status", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(pulse: Pulse) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = SILENCE_SECONDS

        def do_GET(self) -> None:
            status, content_type, body = _answer(self.path.partition("?")[0], pulse)
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Probes are no news."""

    return Handler


def _answer(path: str, pulse: Pulse) -> tuple[int, str, bytes]:
    """Status, content type and body."""
    if path == "/healthz":
        return _standing(pulse.is_alive(), "ok", "stuck")
    if path == "/readyz":
        return _standing(pulse.is_ready(), "ready", "not_ready")
    if path == "/metrics" and configuration.are_metrics_exported():
        try:
            return 200, metrics.CONTENT_TYPE, metrics.exposition()
        except DatabaseError:
            return 503, "text/plain; charset=utf-8", b"The database does not answer.\n"
        finally:
            connections.close_all()  # this thread's
    return 404, "text/plain; charset=utf-8", b"Nothing is here.\n"


def _standing(is_well: bool, good: str, bad: str) -> tuple[int, str, bytes]:
    body = json.dumps({"status": good if is_well else bad}).encode()
    return (200 if is_well else 503), "application/json", body
