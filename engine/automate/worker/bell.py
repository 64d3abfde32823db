"""The bell: a thread that listens for NOTIFY and wakes the loop. Without PostgreSQL there is none, and the loop
polls.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from django.db import connection

CHANNEL = "automate_wake"
RECONNECT_SECONDS = 1.0
# OPTIONS that the driver must not be given: https://docs.djangoproject.com/en/5.2/ref/databases/#postgresql-notes
DJANGO_ONLY = {"assume_role", "isolation_level", "pool", "server_side_binding", "cursor_factory"}


class Bell:
    """Calls `wake` on `loop` for each notification, on a connection of its own that it renews when it breaks."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wake: Callable[[], None]):
        self._loop = loop
        self._wake = wake
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if connection.vendor == "postgresql":
            self._thread = threading.Thread(target=self._listen, name="automate-bell", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _listen(self) -> None:
        import psycopg

        while not self._stopped.is_set():
            try:
                with psycopg.connect(**connection_parameters(), autocommit=True) as raw:
                    raw.execute(f"LISTEN {CHANNEL}")
                    while not self._stopped.is_set():
                        for _ in raw.notifies(timeout=0.5, stop_after=1):
                            self._loop.call_soon_threadsafe(self._wake)
            except psycopg.Error:
                self._stopped.wait(RECONNECT_SECONDS)
            except RuntimeError:
                return  # the loop is closed


def connection_parameters() -> dict[str, Any]:
    """Plain connection parameters of Django's default database, such as `sslrootcert` of its OPTIONS among them."""
    settings = connection.settings_dict
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    options = {name: value for name, value in settings["OPTIONS"].items() if name not in DJANGO_ONLY}
    return {**options, **{name: settings[key] for name, key in names.items() if settings.get(key)}}
