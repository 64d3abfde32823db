"""Database connections of a worker's or ringer's threads are replaced now and then.

A PostgreSQL connection remembers the tables it has read, of every tenant, and gives nothing of that memory back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import connections

Answer = TypeVar("Answer")
CONNECTION_SECONDS = 600.0


class Recycled(threading.local):
    """Runs work in a thread; first the thread's connections are closed when they are older than CONNECTION_SECONDS."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def __call__(self, work: Callable[[], Answer]) -> Answer:
        now = time.monotonic()
        if now - self._since >= CONNECTION_SECONDS:
            connections.close_all()
            self._since = now
        return work()
