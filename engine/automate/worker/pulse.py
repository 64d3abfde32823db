"""A worker's pulse: what others may know of it without asking its loop, which may be what is stuck."""

from __future__ import annotations

import time

ALIVE_SECONDS = 60.0  # a loop that was held up for longer does not come back by itself
READY_SECONDS = 15.0  # it asks the database once a second


class Pulse:
    """Written by the loop, read from any thread. Seconds of this process's own clock, which nothing sets back."""

    def __init__(self) -> None:
        self._beat_at = time.monotonic()
        self._answered_at: float | None = None
        self.is_stopping = False

    def beat(self) -> None:
        """The loop turns."""
        self._beat_at = time.monotonic()

    def database_answered(self) -> None:
        self._answered_at = time.monotonic()

    def is_alive(self, now: float | None = None) -> bool:
        """False when the loop has stood still: who restarts processes asks this."""
        return _now(now) - self._beat_at < ALIVE_SECONDS

    def is_ready(self, now: float | None = None) -> bool:
        """True while it claims work: begun, not stopping, and the database has answered lately."""
        return not self.is_stopping and self._answered_at is not None and _now(now) - self._answered_at < READY_SECONDS


def _now(given: float | None) -> float:
    return time.monotonic() if given is None else given
