"""Trials: how often a test key may be used. What it sends is never stored, so that no workspace's rate counts it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from automate.ingest.refusal import rate_limited

WINDOW_SECONDS = 60.0
TRIALS_PER_MINUTE = 600  # of one key, in one process


class Trials:
    """Requests of each test key in the minute under way; the allowance is per process."""

    def __init__(self, *, per_minute: int, clock: Callable[[], float] = time.monotonic):
        self._per_minute = per_minute
        self._clock = clock
        self._began_at = clock()
        self._counts: Counter[int] = Counter()  # of known keys alone, so it stays small

    def admit(self, key_id: int) -> None:
        """Count one request. Raises RateLimited."""
        now = self._clock()
        if now >= self._began_at + WINDOW_SECONDS:
            self._began_at, self._counts = now, Counter()
        if self._counts[key_id] >= self._per_minute:
            raise rate_limited(
                per_minute=self._per_minute,
                window_seconds=WINDOW_SECONDS,
                retry_seconds=self._began_at + WINDOW_SECONDS - now,
                whose="test key",
            )
        self._counts[key_id] += 1
