"""PostgreSQL started again whenever it has ended, for as long as `automate up` lives."""

from __future__ import annotations

import time
from collections.abc import Callable

from automate_platform.embedded.server import Postgres, PostgresFailed

RETRY_SECONDS = 5.0


class Keeper:
    """Call it now and then. One that does not start, its disk full for instance, is tried again every five seconds."""

    def __init__(self, postgres: Postgres, say: Callable[[str], None], *, retry_seconds: float = RETRY_SECONDS):
        self._postgres = postgres
        self._say = say
        self._retry_seconds = retry_seconds
        self._not_before = 0.0  # monotonic

    def __call__(self) -> None:
        if time.monotonic() < self._not_before or self._postgres.pid() is not None:
            return
        self._say("PostgreSQL ended; starting it again")
        try:
            self._postgres.start()
        except PostgresFailed as error:
            self._not_before = time.monotonic() + self._retry_seconds
            self._say(f"{error}\nPostgreSQL is tried again every {self._retry_seconds:g} s; nothing accepted is lost.")
