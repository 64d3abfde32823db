"""Taken: how many requests each endpoint was sent and took, and when the latest came. Two additions a request.

A busy endpoint would have its row written four times a second with the refusals, so these are written every 2 s.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from automate_web.gateway.link import Link

SPAN_SECONDS = 300  # of one row
WRITE_SECONDS = 2.0


@dataclass(slots=True)
class _Count:
    accepted: int = 0
    duplicates: int = 0
    latest: float = 0.0


class Taken:
    """What PostgreSQL does not know yet; above `limit` rows, further endpoints are not counted."""

    def __init__(self, *, limit: int):
        self._limit = limit
        self._counts: dict[tuple[int, UUID, int], _Count] = {}
        self._written_at = 0.0

    def __bool__(self) -> bool:
        return bool(self._counts)

    @property
    def is_due(self) -> bool:
        return bool(self._counts) and time.monotonic() >= self._written_at + WRITE_SECONDS

    def note(self, tenant_id: int, endpoint_id: UUID, *, is_duplicate: bool) -> None:
        now = time.time()
        key = tenant_id, endpoint_id, int(now) // SPAN_SECONDS
        count = self._counts.get(key)
        if count is None:
            if len(self._counts) >= self._limit:
                return
            count = self._counts[key] = _Count()
        if is_duplicate:
            count.duplicates += 1
        else:
            count.accepted += 1
        count.latest = now

    async def write(self, link: Link) -> None:
        """Add them to the table. Raises what `link` does; they then stay for the next time."""
        if not self._counts:
            return
        counts, self._counts = self._counts, {}
        rows = sorted(counts.items(), key=lambda item: (item[0][0], item[0][1], item[0][2]))  # one order to lock in
        try:
            await link.run(
                "count_requests",
                [tenant_id for (tenant_id, _, _), _ in rows],
                [endpoint_id for (_, endpoint_id, _), _ in rows],
                [datetime.fromtimestamp(span * SPAN_SECONDS, UTC) for (_, _, span), _ in rows],
                [count.accepted for _, count in rows],
                [count.duplicates for _, count in rows],
                [datetime.fromtimestamp(count.latest, UTC) for _, count in rows],
            )
        except BaseException:
            for key, count in counts.items():
                newer = self._counts.setdefault(key, _Count())
                newer.accepted += count.accepted
                newer.duplicates += count.duplicates
                newer.latest = max(newer.latest, count.latest)
            raise
        self._written_at = time.monotonic()
