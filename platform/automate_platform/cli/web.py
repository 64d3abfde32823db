"""`automate web`: portal and API, plain synchronous Django, for the gateway alone: on a private Unix socket, or on
`DJANGO_AUTOMATE_WEB_LISTEN` where the gateway is another machine or container. It believes what the gateway says about
who is calling, so nobody else may reach that address.
"""

from __future__ import annotations

import argparse
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from automate_platform import environment as env
from automate_platform.cli import _django
from automate_platform.home import Home
from automate_platform.supervisor import die_with_parent

SOCKET_MODE = 0o600
KILL_SECONDS = 10  # a request still running that long after a stop is cut


def run(options: argparse.Namespace) -> int:
    die_with_parent()
    _django.setup()
    from automate_web.static_files import collect

    collect()
    if options.collect:
        return 0
    Granian(
        "automate_platform.wsgi:application",
        **_place(),
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=options.threads,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=KILL_SECONDS,
        log_level=LogLevels.warning,
    ).serve()
    return 0


def _place() -> dict[str, Any]:
    """Where to listen, as Granian takes it."""
    if listen := env.address("DJANGO_AUTOMATE_WEB_LISTEN"):
        return {"address": listen[0], "port": listen[1]}
    socket = Home(env.home()).web_socket
    socket.unlink(missing_ok=True)
    return {"uds": socket, "uds_permissions": SOCKET_MODE}
