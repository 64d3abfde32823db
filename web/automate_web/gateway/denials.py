"""Denials: rates that are used up, remembered until one more request fits, so that refusing costs the database nothing.

Exact, because nothing can fit before that moment; yet believed for at most two seconds, so that a limit that was raised
counts at once. Also the senders whose requests are refused again and again: by address, counted here alone.
"""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from automate.ingest.refusal import Refusal, SourceLimited, rate_headers, rate_limited
from automate_web.gateway.waiting import NewEvent

WINDOW_SECONDS = 60.0
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Denial:
    """A rate that is used up: whose, how large, and when (monotonic) one more fits."""

    tenant_id: int
    endpoint_id: UUID | None  # None: the whole workspace
    limit: int
    until: float

    @classmethod
    def of(cls, event: NewEvent, row: Mapping[str, Any]) -> Denial:
        """What `accept` says about an event."""
        endpoint_id = event.endpoint_id if row["rate_layer"] == "e" else None
        return cls(event.tenant_id, endpoint_id, row["rate_limit"], time.monotonic() + row["retry_ms"] / 1000)

    def refusal(self) -> Refusal:
        return rate_limited(
            per_minute=self.limit,
            window_seconds=WINDOW_SECONDS,
            retry_seconds=self.until - time.monotonic(),
            whose="endpoint" if self.endpoint_id else "workspace",
        )


class Denials:
    """What this process knows to be used up; the least recently noted goes first."""

    def __init__(self, *, seconds: float, limit: int):
        self._seconds = seconds
        self._limit = limit
        self._known: OrderedDict[tuple[int, UUID | None], tuple[Denial, float]] = OrderedDict()

    def note(self, denial: Denial) -> None:
        key = denial.tenant_id, denial.endpoint_id
        self._known[key] = denial, min(denial.until, time.monotonic() + self._seconds)
        self._known.move_to_end(key)
        while len(self._known) > self._limit:
            self._known.popitem(last=False)

    def check(self, tenant_id: int, endpoint_id: UUID) -> None:
        """Raise RateLimited while a rate that this request counts against is known to be used up."""
        if not self._known:
            return
        for key in ((tenant_id, endpoint_id), (tenant_id, None)):
            found = self._known.get(key)
            if found is None:
                continue
            denial, believed_until = found
            if time.monotonic() < believed_until:
                raise denial.refusal()
            del self._known[key]


class Sources:
    """How many requests of each address were refused in the last minute; the allowance is per process.

    Only public addresses count, an IPv6 one by its /64: a private address is a proxy in front, behind which are many.
    """

    def __init__(self, *, per_minute: int, limit: int, clock: Clock = time.monotonic):
        self._per_minute = per_minute
        self._limit = limit
        self._clock = clock
        self._refused: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, ip: str | None) -> None:
        """Raise SourceLimited while the address has used up its allowance."""
        source = _source(ip) if self._refused else None
        times = self._refused.get(source) if source is not None else None
        if times is None or len(times) < self._per_minute:
            return
        wait = times[0] + WINDOW_SECONDS - self._clock()
        if wait > 0:
            seconds = max(1, int(wait) + 1)
            raise SourceLimited(
                f"Too many requests from your address were refused. Mend them, then repeat after {seconds} s.",
                details={"retry_after": seconds},
                headers={"Retry-After": str(seconds)}
                | rate_headers(limit=self._per_minute, window_seconds=60, remaining=0, reset_seconds=seconds),
            )

    def refused(self, ip: str | None) -> None:
        source = _source(ip)
        if source is None:
            return
        times = self._refused.get(source)
        if times is None:
            times = self._refused[source] = deque(maxlen=self._per_minute)
            while len(self._refused) > self._limit:
                self._refused.popitem(last=False)
        self._refused.move_to_end(source)
        times.append(self._clock())


def _source(ip: str | None) -> str | None:
    """
    >>> _source("8.8.8.8"), _source("10.0.0.1"), _source("2a00:1450:4001:81b::200e")
    ('8.8.8.8', None, '2a00:1450:4001:81b::/64')
    """
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return None
    if not address.is_global:
        return None
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
