"""Identifiers: time-ordered, and for everything that a crash may make again, a function of what it stands for.

Event ids are UUIDv7. A run's id is a function of (event, workflow) and a step run's of (run, step, item, round,
attempt), in the layout of UUIDv8 (RFC 9562) with the event's millisecond in front, so that lists sorted by id are
sorted by time and work repeated after a crash lands on the same row. Imports no Django.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

_VERSION_8 = 0x8 << 76
_VARIANT = 0x2 << 62
_TIME_MASK = (1 << 128) - (1 << 80)
_HASH_MASK = (1 << 80) - 1 - (0xF << 76) - (0x3 << 62)


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return uuid7()


def first_id_at(at: datetime) -> UUID:
    """The smallest id of that millisecond: ids before it were made earlier.

    >>> from datetime import timezone
    >>> first_id_at(datetime(2026, 1, 1, tzinfo=timezone.utc))
    UUID('019b76da-a800-0000-0000-000000000000')
    """
    return UUID(int=int(at.timestamp() * 1000) << 80)


def derived_id(parent: UUID, *parts: object) -> UUID:
    """UUIDv8: the first 48 bits of `parent` (its millisecond), then a hash of parent and parts.

    >>> event = UUID("0190b0a0-0000-7000-8000-000000000001")
    >>> derived_id(event, "a") == derived_id(event, "a"), derived_id(event, "a") == derived_id(event, "b")
    (True, False)
    """
    return UUID(int=_derived(parent, parts))


def _derived(parent: UUID, parts: tuple[object, ...]) -> int:
    text = "\x1f".join(map(str, parts))
    number = parent.int
    digest = hashlib.blake2b(number.to_bytes(16, "big") + text.encode(), digest_size=10).digest()
    return (number & _TIME_MASK) | (int.from_bytes(digest, "big") & _HASH_MASK) | _VERSION_8 | _VARIANT


@lru_cache(maxsize=1024)  # asked for by the decision, then by the run
def run_id(event_id: UUID, workflow_id: UUID) -> UUID:
    """The one run that this event makes of this workflow; also the run's idempotency key."""
    return derived_id(event_id, "run", workflow_id)


def retry_id(run: UUID, number: int) -> UUID:
    """The `number`-th retry (from 1) of an ended run."""
    return derived_id(run, "retry", number)


def step_key(run: UUID, step_id: str, item: int = 0, round_: int = 1) -> str:
    """The idempotency key a connector sends: the same on every attempt and after any crash (32 hex digits)."""
    return f"{_derived(run, ('step', step_id, item, round_)):032x}"


def step_run_id(run: UUID, step_id: str, item: int, round_: int, attempt: int) -> UUID:
    """The row of one attempt of one step."""
    return derived_id(run, "attempt", step_id, item, round_, attempt)


def wait_id(run: UUID, step_id: str, item: int, round_: int = 1) -> UUID:
    """What one step or item of a run waits for."""
    return derived_id(run, "wait", step_id, item, round_)


def child_run_id(run: UUID, step_id: str, item: int, round_: int = 1) -> UUID:
    """The run that one step or item starts."""
    return derived_id(run, "child", step_id, item, round_)


def child_event_id(run: UUID, step_id: str, item: int, round_: int = 1) -> UUID:
    """The event that stands for such a run."""
    return derived_id(run, "child event", step_id, item, round_)


def fingerprint(error: Mapping[str, Any]) -> str:
    """The same 32 hex digits for failures of one kind: code, step and message, without the numbers in it.

    >>> fingerprint({"code": "x", "message": "order 12"}) == fingerprint({"code": "x", "message": "order 13"})
    True
    """
    message = re.sub(r"[0-9a-f]{8,}|[0-9]+", "#", str(error.get("message", "")))
    text = "\x1f".join([str(error.get("code", "")), str(error.get("step", "")), message])
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def dedupe_id(source: str, key: str) -> UUID:
    """The primary key of the dedupe row for (source, key): one fixed-size index for keys of any length."""
    return UUID(bytes=hashlib.sha256(f"{source}\x1f{key}".encode("utf-8", "surrogatepass")).digest()[:16])
