"""What the work at hand knows about redaction: its secret values, and whether its policy masks e-mail addresses.

Whoever runs a step, answers a request or enters a workspace says so; whoever writes a log or a report asks. ContextVars
carry it into threads and tasks, so that a line logged deep inside a connector is masked too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_values: ContextVar[tuple[str, ...]] = ContextVar("automate_secret_values", default=())
_masks_emails: ContextVar[bool] = ContextVar("automate_masks_emails", default=False)
_everywhere = False


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


@contextmanager
def masking_emails(is_wanted: bool = True) -> Iterator[None]:
    """Within this block e-mail addresses are masked as well, if `is_wanted` or wanted around it: policy only adds."""
    token = _masks_emails.set(is_wanted or _masks_emails.get())
    try:
        yield
    finally:
        _masks_emails.reset(token)


def masks_emails() -> bool:
    """Whether policy has e-mail addresses masked here."""
    return _masks_emails.get() or _everywhere


def mask_emails_everywhere(is_wanted: bool) -> None:
    """The installation's word, given when the process starts: no block takes it back, and no thread is without it."""
    global _everywhere
    _everywhere = is_wanted


def taken() -> tuple[tuple[str, ...], bool]:
    """What holds here, to be taken to another process by pickle."""
    return _values.get(), _masks_emails.get()


def take(known: tuple[tuple[str, ...], bool]) -> None:
    """Let what held there hold in this process from now on."""
    values, emails = known
    _values.set(values)
    _masks_emails.set(emails)
