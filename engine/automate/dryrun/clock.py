"""Time in a dry run: it stands still until the run waits, then it jumps."""

from __future__ import annotations

from datetime import datetime


class JumpingClock:
    """A `Clock` for one dry run."""

    def __init__(self, now: datetime):
        self._now = now

    def now(self) -> datetime:
        return self._now

    def jump(self, to: datetime) -> None:
        """Never backwards."""
        self._now = max(self._now, to)
