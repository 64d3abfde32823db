"""`automate gateway`: the process that owns the port. Answers webhooks and live streams itself; no Django in it."""

from __future__ import annotations

import argparse

import uvicorn

from automate_platform import environment as env
from automate_platform.gateway import application
from automate_platform.supervisor import die_with_parent

GRACE_SECONDS = 5  # live streams end then; what was accepted is committed long before
BACKLOG = 1024


def run(options: argparse.Namespace) -> int:
    die_with_parent()
    uvicorn.run(
        application(),
        host=options.host or env.text("DJANGO_AUTOMATE_LISTEN", "127.0.0.1"),
        port=env.port() if options.port is None else options.port,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        ws="none",
        backlog=BACKLOG,
        access_log=False,
        server_header=False,
        log_level="warning",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return 0
