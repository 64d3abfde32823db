"""A Celery worker as one of our processes: started by `automate worker` where a broker is named."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from celery import Celery
from celery.signals import worker_ready, worker_shutting_down
from django.db import DatabaseError, connection

from automate.worker import logs, status
from automate.worker.pulse import Pulse

ASK_SECONDS = 5.0
QUIET = {"quiet": True, "without_gossip": True, "without_mingle": True, "without_heartbeat": True}  # nobody listens


def serve(app: Celery[Any], *, on_ready: Callable[[], None], listen: tuple[str, int] | None) -> int:
    """Take messages until told to stop; what is in hand is finished, for 30 s at most. `listen`: for the probes.

    Answers the exit code. Celery's own command line is passed by: it would read APP, BROKER_URL and others from the
    environment, where they may be somebody else's.
    """
    logs.configure()
    pulse, stopped = Pulse(), threading.Event()

    def ready(**_said: Any) -> None:
        on_ready()

    def stopping(**_said: Any) -> None:
        pulse.is_stopping = True

    worker_ready.connect(ready)
    worker_shutting_down.connect(stopping)
    beating = threading.Thread(target=_beat, args=(pulse, stopped), name="pulse", daemon=True)
    with ExitStack() as stack:
        stack.callback(stopped.set)
        if listen is not None:
            stack.enter_context(status.serving(pulse, listen))
        beating.start()
        name = f"automate-{os.getpid()}@{socket.gethostname()}"
        worker = app.Worker(hostname=name, loglevel="WARNING", **QUIET)
        worker.start()
    return int(worker.exitcode or 0)


def _beat(pulse: Pulse, stopped: threading.Event) -> None:
    """The process lives, and the database answers it: what its probes tell."""
    while not stopped.is_set():
        pulse.beat()
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            pulse.database_answered()
        except DatabaseError:
            connection.close()
        stopped.wait(ASK_SECONDS)
    connection.close()
