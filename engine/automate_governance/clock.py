"""What time is it: asked through a protocol, so that tests pass the time in."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """An aware datetime in UTC."""


class SystemClock:
    """This machine's clock. Leases and due times use the database's clock instead."""

    def now(self) -> datetime:
        return datetime.now(timezone.utc)
