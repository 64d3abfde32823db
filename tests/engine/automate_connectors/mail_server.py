"""A real SMTP server on this machine whose answers are given: a line, "silence", or None to break off."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

USUAL = {
    "EHLO": "250 here",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    ".": "250 kept",
    "QUIT": "221 bye",
}


@contextmanager
def mail_server(answers: Mapping[str, str | None]) -> Iterator[int]:
    """Its port. `answers`: a verb, a whole line, or "." for the end of the letter → what to answer there."""
    released = threading.Event()

    class Conversation(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 here")
            while line := self.rfile.readline().decode("utf-8", "replace").strip():
                verb = line.split()[0].upper()
                if not self.answer(line.upper() if line.upper() in answers else verb):
                    return
                if verb == "DATA" and answers.get("DATA", "354").startswith("354"):
                    while self.rfile.readline() not in (b".\r\n", b""):
                        pass
                    if not self.answer("."):
                        return

        def answer(self, name: str) -> bool:
            said = answers[name] if name in answers else USUAL.get(name, "502 what?")
            if said == "silence":
                released.wait(30)
                return False
            if said is not None:
                self.say(said)
            return said is not None

        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    class Quiet(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, _request: Any, _client_address: Any) -> None:
            """Silence: tests hang up on purpose."""

    with Quiet(("127.0.0.1", 0), Conversation) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield listening.server_address[1]
        finally:
            released.set()
            listening.shutdown()
