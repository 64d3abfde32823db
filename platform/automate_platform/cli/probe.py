"""`automate probe`: ask a process of this machine over HTTP whether it lives, or can work now."""

from __future__ import annotations

import argparse
import http.client

from automate_platform import environment as env
from automate_platform.cli import CommandFailed, say

SECONDS = 5.0
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where one listens, not where one asks
LISTENS_AT = {
    "web": "DJANGO_AUTOMATE_WEB_LISTEN",
    "worker": "DJANGO_AUTOMATE_WORKER_LISTEN",
    "ringer": "DJANGO_AUTOMATE_RINGER_LISTEN",
}


def run(options: argparse.Namespace) -> int:
    host, port = _address(options.process)
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", "/readyz" if options.ready else "/healthz")
        answer = connection.getresponse()
        body = answer.read(500).decode("utf-8", "replace")
    except OSError as error:
        raise CommandFailed(f"{options.process} does not answer at {host}:{port}: {error}") from error
    finally:
        connection.close()
    say(f"{answer.status} {body}")
    return 0 if answer.status == 200 else 1


def _address(process: str) -> tuple[str, int]:
    """Where the process answers probes. Raises CommandFailed when it was not told to."""
    if process == "gateway":
        host, port = env.text("DJANGO_AUTOMATE_LISTEN", "127.0.0.1"), env.port()
    else:
        listen = env.address(LISTENS_AT[process])
        if listen is None:
            raise CommandFailed(f"{process} answers nobody: {LISTENS_AT[process]} is not set.")
        host, port = listen
    return ANYWHERE.get(host, host), port
