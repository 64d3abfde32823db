"""The sliding window behind every rate: never more than N admissions in any 60 seconds, future ones included. Pure.

Up to 200 a window every admission keeps its own time, rounded up to the millisecond. Above it, times are rounded up to
the end of their 100 ms bucket: an admission then counts up to 0.1 s too long, never too short. The same algorithm runs
in `admit` of the platform's SQL for webhooks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

EXACT_LIMIT = 200
BUCKET_MS = 100
WINDOW_MS = 60_000


@dataclass
class Window:
    """Admissions as (time in ms, how many), times rising. A time may lie in the future: it is promised to somebody."""

    entries: list[tuple[int, int]] = field(default_factory=list)

    def earliest(self, *, now_ms: int, limit: int, window_ms: int = WINDOW_MS) -> int:
        """The first time from `now_ms` on at which one more fits, not before what was promised already.

        >>> Window([(0, 1), (10_000, 1)]).earliest(now_ms=20_000, limit=2)
        60000
        """
        slack = BUCKET_MS if limit > EXACT_LIMIT else 1  # rounding up promised nobody anything
        at = max(now_ms, self.entries[-1][0] - slack if self.entries else now_ms)
        counted = [(time, count) for time, count in self.entries if time + window_ms > at]
        used = sum(count for _, count in counted)
        for time, count in counted:
            if used < limit:
                break
            at, used = max(at, time + window_ms), used - count
        return at

    def admit(self, at_ms: int, *, limit: int) -> None:
        """Count one admission at `at_ms`, which `earliest` gave (or a later time)."""
        step = 1 if limit <= EXACT_LIMIT else BUCKET_MS
        time = (at_ms // step + 1) * step  # `at_ms` was cut to whole milliseconds
        if self.entries and self.entries[-1][0] >= time:
            time, count = self.entries.pop()
            self.entries.append((time, count + 1))
        else:
            self.entries.append((time, 1))

    def forget(self, *, now_ms: int, window_ms: int = WINDOW_MS) -> None:
        """Drop what no longer counts."""
        self.entries = [(time, count) for time, count in self.entries if time + window_ms > now_ms]
