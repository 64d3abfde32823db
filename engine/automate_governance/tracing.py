"""The trace id of the work at hand, for whoever writes a log line or an error report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_trace_id: ContextVar[str] = ContextVar("automate_trace_id", default="")


@contextmanager
def of(trace_id: str) -> Iterator[None]:
    """Work of this trace (32 hex digits) until the end of the block."""
    token = _trace_id.set(trace_id)
    try:
        yield
    finally:
        _trace_id.reset(token)


def current() -> str:
    """32 hex digits, or "" where no trace is known."""
    return _trace_id.get()
