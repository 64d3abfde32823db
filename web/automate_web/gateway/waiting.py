"""Events on their way to the database, and the senders that wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from automate.ingest.refusal import Refusal, StorageUnavailable, WorkspaceSuspended, retry_later


@dataclass(slots=True)
class NewEvent:
    """One event to store. `payload` and `headers` are JSON texts."""

    tenant_id: int
    event_id: UUID
    trace_id: UUID
    type: str
    source: str
    payload: str
    headers: str
    received_at: datetime
    body_hash: bytes
    dedupe_id: UUID | None = None
    dedupe_source: str | None = None
    dedupe_key: str | None = None
    endpoint_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """An event's place in the database: its own, or that of the first event with its dedupe key."""

    event_id: UUID
    trace_id: UUID
    is_duplicate: bool = False
    body_differs: bool = False


@dataclass(slots=True)
class Waiting:
    """One event whose sender waits; `folded` are later ones with the same dedupe key, which need no row."""

    event: NewEvent
    answer: asyncio.Future[Stored]
    folded: list[Waiting] = field(default_factory=list)

    @property
    def order(self) -> tuple[int, bytes]:
        """Flushes lock rows in this order, all of them, so they never wait for each other in a circle."""
        return self.event.tenant_id, self.event.dedupe_id.bytes if self.event.dedupe_id else b""

    @property
    def is_abandoned(self) -> bool:
        return all(waiting.answer.cancelled() for waiting in self.everyone())

    def everyone(self) -> Iterator[Waiting]:
        yield self
        for waiting in self.folded:
            yield from waiting.everyone()

    def settle(self, stored: Stored, first_hash: bytes) -> None:
        """Tell everyone; `first_hash` is of the body that is in the database."""
        for waiting in self.everyone():
            is_first = waiting is self and not stored.is_duplicate
            differs = waiting.event.body_hash != first_hash
            result = stored if is_first else Stored(stored.event_id, stored.trace_id, True, differs)
            if not waiting.answer.done():
                waiting.answer.set_result(result)

    def refuse(self, make: Callable[[], Refusal]) -> None:
        self.refuse_latest(sum(1 for _ in self.everyone()), make)

    def refuse_latest(self, count: int, make: Callable[[], Refusal]) -> None:
        """Refuse the `count` that came last; the others are still to be answered."""
        everyone = list(self.everyone())
        for waiting in everyone[len(everyone) - count :]:
            if not waiting.answer.done():
                waiting.answer.set_exception(make())


def workspace_suspended() -> Refusal:
    return WorkspaceSuspended("This workspace is suspended and takes no events. Its owner can contact support.")


def unknown() -> Refusal:
    return retry_later(
        StorageUnavailable,
        "The database was lost meanwhile. Repeat the request with the same dedupe key: it is stored at most once.",
        seconds=1,
    )


def away() -> Refusal:
    return retry_later(StorageUnavailable, "The database is away. Nothing was stored; repeat the request.", seconds=2)


def busy() -> Refusal:
    return retry_later(StorageUnavailable, "The workspace is busy. Nothing was stored; repeat the request.", seconds=1)
