"""Trace ids: 16 bytes, 32 hex digits, taken from W3C `traceparent` or made here. Source: W3C Trace Context, level 1."""

from __future__ import annotations

import os
import re
import time
from uuid import UUID

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?", re.DOTALL)


def parse_traceparent(header: str | None) -> str | None:
    """The trace id (32 hex digits) of a valid header, else None: an invalid one is ignored, never refused.

    >>> parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    '4bf92f3577b34da6a3ce929d0e0e4736'
    >>> parse_traceparent("00-00000000000000000000000000000000-00f067aa0ba902b7-01") is None
    True
    """
    if not header:
        return None
    match = _TRACEPARENT.fullmatch(header.strip())
    if match is None:
        return None
    version, trace_id, parent_id, rest = match.groups()
    if version == "ff" or (version == "00" and rest) or not trace_id.strip("0") or not parent_id.strip("0"):
        return None
    return trace_id


def new_trace_id(event_id: UUID | None = None) -> str:
    """32 hex digits: the millisecond, as in an event's id (`automate.ingest.hops.is_fresh`), then 80 random bits.

    With `event_id` that event's millisecond, however long ago the id was made.
    """
    millisecond = time.time_ns() // 1_000_000 if event_id is None else event_id.int >> 80
    return f"{millisecond:012x}{os.urandom(10).hex()}"


def make_traceparent(trace_id: str) -> str:
    """A header for an outgoing request: this trace, a new parent, sampled."""
    return f"00-{trace_id}-{os.urandom(7).hex()}01-01"
