"""Hops: how many runs led to an event, each started by the one before; carried along, so that a loop is seen.

A run's calls say its number in `tracestate` (`automate=h:3`), which W3C Trace Context asks every participant to pass
on, and in the parent id of `traceparent`, for those who send that back as it is. What a step emits in this process
inherits trace and number from `CURRENT`. Imports no Django.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

MAX_HOPS = 16
MAX_FAN_OUT = 1_000  # runs of a trace whose number nobody carried on: above that it is a loop
FRESH_MS = 2  # a trace id made for an event is not older than that; no run can have answered so soon
_MEMBER = re.compile(r"(?:^|,)\s*automate=h:(\d{1,3})\s*(?:,|$)")
_PARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-([0-9a-f]{12})([0-9a-f]{2})([0-9a-f]{2})-[0-9a-f]{2}")


@dataclass(frozen=True)
class Hop:
    """The run that is being carried out: its trace (32 hex digits), and how many runs led to it."""

    trace_id: str
    hops: int

    @property
    def headers(self) -> dict[str, str]:
        """Kept with an event that the run emits."""
        return {"tracestate": tracestate(self.hops)}


CURRENT: ContextVar[Hop | None] = ContextVar("automate_hop", default=None)


@contextmanager
def inside(context: Mapping[str, Any]) -> Iterator[None]:
    """While a connector is called with this context."""
    token = CURRENT.set(Hop(str(context.get("trace_id", "")), int(context.get("hops", 0))))
    try:
        yield
    finally:
        CURRENT.reset(token)


def tracestate(hops: int) -> str:
    return f"automate=h:{hops}"


def parent_id(key: str, hops: int) -> str:
    """The parent id of an outgoing traceparent: of the step's key (hex), with the number and a check in its last bytes.

    >>> parent_id("0190b0a00000800000000000000000ab", 3)
    '0190b0a00000037d'
    """
    number = f"{min(hops, 255):02x}"
    return key[:12] + number + _check(key[:12] + number)


def declared(headers: Mapping[str, Any]) -> int | None:
    """The number that came back with a request; None when nobody carried it on.

    >>> declared({"tracestate": "vendor=x,automate=h:7"}), declared({"tracestate": "vendor=x"})
    (7, None)
    """
    if match := _MEMBER.search(str(headers.get("tracestate") or "")):
        return int(match.group(1))
    match = _PARENT.fullmatch(str(headers.get("traceparent") or ""))
    if match and _check(match.group(1) + match.group(2)) == match.group(3):
        return int(match.group(2), 16)
    return None


def is_fresh(trace_id: UUID, event_id: UUID) -> bool:
    """Whether the trace began with this event: both ids begin with their millisecond."""
    return abs((trace_id.int >> 80) - (event_id.int >> 80)) <= FRESH_MS


def hops_to(*, known_runs: int, headers: Mapping[str, Any]) -> int:
    """How many runs led to an event whose trace has `known_runs` runs here already."""
    if not known_runs:
        return 0  # somebody else's trace
    number = declared(headers)
    if number is None:
        return MAX_HOPS + 1 if known_runs > MAX_FAN_OUT else 1
    return number + 1


def _check(text: str) -> str:
    return f"{sum(bytes.fromhex(text)) * 7 % 251:02x}"
