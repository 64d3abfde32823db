"""The secret values that the work at hand knows: whoever runs a step says so, whoever writes a log or a report asks.

A ContextVar carries them into threads and tasks, so that a line logged deep inside a connector is masked by value too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_values: ContextVar[tuple[str, ...]] = ContextVar("automate_secret_values", default=())


@contextmanager
def masking(values: Iterable[str]) -> Iterator[None]:
    """Within this block `current_values` knows these too."""
    token = _values.set((*_values.get(), *values))
    try:
        yield
    finally:
        _values.reset(token)


def current_values() -> tuple[str, ...]:
    """For `redact(…, current_values())` in logs, error reports and traces."""
    return _values.get()
