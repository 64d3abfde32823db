"""What runs wait for, and who answers: rows of a write.

Whoever answers or cancels locks the run's job first, then answers the wait, then arms the job if nobody holds it. A
holder's write locks the jobs it is about before any other row too: they wait for one another, never in a ring. A place
in a queue is freed and given away under the queue's lock, and then the job of the run that gets it is armed: so a write
that stops another run, or that ends several, locks their queues before any job (`lock_queues`). One that puts its job
away looks once more for answers after it has the job's lock (`wake_early`). So no answer is missed, whichever of the
two comes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

if TYPE_CHECKING:
    from automate.outbox.store import EventData


class WaitRow(NamedTuple):
    """A wait to be opened; one that is there stays as it is. JSON columns are JSON text."""

    id: UUID
    run_id: UUID
    step_id: str
    item: int
    kind: str  # event | approval | child
    event_type: str
    rule: str | None
    since: datetime | None
    child_run_id: UUID | None
    details: str | None
    created_at: datetime
    expires_at: datetime | None
    trace_id: UUID | None


@dataclass(frozen=True)
class RecordedWait:
    """A wait as it stands. `event` is the one that answered."""

    id: UUID
    run_id: UUID
    step_id: str
    item: int
    kind: str
    status: str
    event_type: str
    rule: Any
    since: datetime | None
    expires_at: datetime | None
    child_run_id: UUID | None
    answer: dict[str, Any] | None
    answered_by: str
    answered_at: datetime | None
    event: EventData | None = None


class AnswerRow(NamedTuple):
    """An answer to a wait that may be open. `answer` is JSON text."""

    wait_id: UUID
    run_id: UUID
    answer: str
    answered_by: str
    answered_at: datetime


class ChildRow(NamedTuple):
    """A run that a step starts, with the event that stands for it. All ids are functions of the step's."""

    run_id: UUID
    event_id: UUID
    payload: str  # JSON text
    workflow_id: UUID
    version_id: UUID
    trace_id: UUID
    parent_run_id: UUID
    parent_step_id: str
    parent_item: int
    root_run_id: UUID
    hops: int
    deadline_at: datetime | None
    steps_total: int
    created_at: datetime
    sealed: bytes | None = None  # state that it begins with: the secrets that its parent knows
    sealed_until: datetime | None = None
