"""What a worker takes from an outbox and gives back, whatever database is behind it.

A *claim* is a batch of jobs under one lease. Whoever loses the lease (too slow, stopped, cut off) has lost the right to
write: `write` then returns False and changes nothing. Implementations: `postgres.PostgresStore` (SQL), `orm.OrmStore`
(guarded updates, for SQLite and MySQL) and the platform's dispatch over tenants; one contract test serves them all.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Hashable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from automate.outbox.waits import AnswerRow, ChildRow, RecordedWait, WaitRow

MAX_CRASHES = 5  # claims of one job that ended without a clean finish; then it is DEAD


@dataclass(frozen=True)
class EventData:
    """An event as the rules and templates see it. `payload` is plain data."""

    id: UUID
    type: str
    source: str
    payload: Any
    trace_id: UUID
    received_at: datetime
    hops: int = 0  # runs that led to it, each started by the one before

    @cached_property
    def shown(self) -> dict[str, str]:
        """What rules and templates see of it beside its payload; nobody changes it."""
        return {
            "id": str(self.id),
            "type": self.type,
            "source": self.source,
            "received_at": self.received_at.isoformat(),
            "trace_id": self.trace_id.hex,
        }


@dataclass(frozen=True)
class Job:
    """One claimed job. `attempts` counts this claim: 1 is the first."""

    id: int
    kind: str  # event | run
    attempts: int
    event: EventData | None  # of an event job
    run_id: UUID | None  # of a run job


@dataclass
class Claim:
    """A batch of jobs of one tenant (`scope`; None where there are none) under one lease."""

    lease_id: int
    scope: Hashable
    config_token: Hashable  # changes whenever what runs changes: the key of the worker's cache of versions
    jobs: tuple[Job, ...]
    lease_seconds: float
    unconfirmed: tuple[int, ...] = ()  # what `confirm` has to look at again; the store's own business
    held: set[int] = field(default_factory=set)  # ids of the jobs under the lease now; kept by the store
    sure_until: float = field(init=False)  # by this process's monotonic clock, which runs while it is stopped

    def __post_init__(self) -> None:
        self.held = self.held or {job.id for job in self.jobs}
        self.renewed(time.monotonic())

    def renewed(self, asked_at: float) -> None:
        """The lease was extended by a question asked at that time (monotonic)."""
        self.sure_until = asked_at + self.lease_seconds

    def is_overdue(self) -> bool:
        """Whether somebody else may hold these jobs by now: only a write can tell."""
        return time.monotonic() > self.sure_until


@dataclass(frozen=True)
class ActiveVersion:
    """A published version that events may start."""

    id: UUID
    workflow_id: UUID
    trigger_spec: dict[str, Any]
    rule: dict[str, Any] | None
    steps: list[dict[str, Any]]
    options: dict[str, Any] = field(default_factory=dict)
    slug: str = ""  # of its workflow
    hears_id: UUID | None = None  # the workflow whose endings start it
    is_known: bool = False  # the caller has rule, steps and options already; they are not here
    version_num: int = 0


@dataclass(frozen=True)
class RecordedStep:
    """The latest attempt of a step or item that was recorded before. JSON columns are JSON text."""

    id: UUID
    step_id: str
    item: int
    round: int
    attempt: int
    status: str
    output: str | None  # redacted
    error: str | None
    retry_at: datetime | None
    started_at: datetime
    ended_at: datetime | None
    sealed: bytes | None  # the real output; of a fan-out, its list
    doubt_since: datetime | None  # start of the first attempt that may have happened
    ended_seq: int | None = None  # the how-manieth end of its run that could be taken back


@dataclass(frozen=True)
class RunSnapshot:
    """A run as it was last recorded: what a worker needs to go on with it."""

    id: UUID
    workflow_id: UUID
    version_id: UUID
    steps: list[dict[str, Any]]  # of the run's own version
    options: dict[str, Any]
    workflow_slug: str
    version_num: int
    status: str
    created_at: datetime
    started_at: datetime | None
    error: dict[str, Any] | None  # while it is not final: what stopped it
    hops: int
    attempt: int
    deadline_at: datetime | None
    cancel_requested_at: datetime | None
    parent_run_id: UUID | None
    parent_step_id: str
    parent_item: int | None
    root_run_id: UUID | None
    key_run_id: UUID | None
    step_rounds: dict[str, int]
    event: EventData
    recorded: tuple[RecordedStep, ...]
    waits: tuple[RecordedWait, ...]
    sealed_state: bytes | None


class DecisionRow(NamedTuple):
    event_id: UUID
    workflow_id: UUID | None
    version_id: UUID | None
    run_id: UUID | None
    decision: str
    reason: str
    failed_at: str
    decided_at: datetime
    trace_id: UUID | None = None


class RunRow(NamedTuple):
    """A run's row as it should be after the write. JSON columns are JSON text; outputs "{}" leave those of the row."""

    id: UUID
    event_id: UUID
    workflow_id: UUID
    version_id: UUID
    trace_id: UUID
    status: str
    outputs: str
    error: str | None
    steps_done: int
    steps_total: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    wake_at: datetime | None
    origin: str = "event"  # this and what follows is written with the first row only, the fingerprint always
    hops: int = 0
    attempt: int = 1
    deadline_at: datetime | None = None
    error_fingerprint: str = ""


class StepRow(NamedTuple):
    """One attempt's row. JSON columns are JSON text, already redacted."""

    id: UUID
    run_id: UUID
    step_id: str
    position: int
    item: int
    round: int
    attempt: int
    connector: str
    action: str
    status: str
    input: str | None
    output: str | None
    error: str | None
    logs: str
    started_at: datetime
    ended_at: datetime | None
    retry_at: datetime | None
    trace_id: UUID | None = None
    sealed: bytes | None = None
    ended_seq: int | None = None


class StateRow(NamedTuple):
    run_id: UUID
    sealed: bytes
    expires_at: datetime
    trace_id: UUID | None = None


class EventRow(NamedTuple):
    """An event that the work on a claim makes; its job is due at once. `payload` is JSON text."""

    id: UUID
    type: str
    payload: str
    source: str
    trace_id: UUID
    received_at: datetime


@dataclass(frozen=True)
class Standing:
    """What waits: jobs that are due, and since how many seconds the oldest of them."""

    due: int
    lag_seconds: float


@dataclass(frozen=True)
class Hops:
    """How many runs led to an event, and the newest run of its trace here."""

    hops: int
    latest_run_id: UUID | None


@dataclass(frozen=True)
class Switches:
    """Kill switches as they stand: of everything, of the scopes of these leases; and the scopes' config tokens."""

    everything: bool
    leases: frozenset[int]
    tokens: dict[int, Hashable]


class PlaceRow(NamedTuple):
    """A place in a queue that a run asks for: `automate.models.QueuePlace`."""

    run_id: UUID
    kind: str  # order | slot | halt
    key: str
    workflow_id: UUID
    place: int
    cap: int
    on_stuck: str


class BufferRow(NamedTuple):
    """An event that waits to make a run together with others: `automate.models.EventBuffer`."""

    workflow_id: UUID
    version_id: UUID
    key: str
    kind: str  # debounce | batch
    event_id: UUID
    seconds: float
    max_seconds: float | None
    size: int | None
    trace_id: UUID | None


class DenialRow(NamedTuple):
    """What policy denied a step: one audit entry of the first such denial per `episode`. `details` is JSON text."""

    id: UUID
    episode: str  # the workflow, the layer, the rule and the hour
    after: UUID  # the first id of that hour
    resource: str  # "workflow:<id>"
    details: str  # redacted
    trace_id: UUID
    created_at: datetime


@dataclass
class Writes:
    """Everything one transaction records for a claim. Order inside is the store's business."""

    decisions: list[DecisionRow] = field(default_factory=list)
    runs: list[RunRow] = field(default_factory=list)
    steps: list[StepRow] = field(default_factory=list)
    states: list[StateRow] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    places: list[PlaceRow] = field(default_factory=list)  # in orders, of the runs above
    buffered: list[BufferRow] = field(default_factory=list)
    denials: list[DenialRow] = field(default_factory=list)
    done_jobs: list[int] = field(default_factory=list)  # jobs of this claim with nothing left to do
    done_runs: list[UUID] = field(default_factory=list)  # runs whose own job (if any) has nothing left to do
    held_runs: list[UUID] = field(default_factory=list)  # runs this claim goes on with: their job is CLAIMED by it
    due_runs: list[tuple[UUID, float]] = field(default_factory=list)  # (run, seconds from now): their job is PENDING
    waits: list[WaitRow] = field(default_factory=list)
    closed_waits: list[tuple[UUID, str]] = field(default_factory=list)  # (wait, its status): where it is still open
    children: list[ChildRow] = field(default_factory=list)
    cancelled: list[UUID] = field(default_factory=list)  # runs asked to stop: children of a run that was stopped
    answers: list[AnswerRow] = field(default_factory=list)  # to waits of other runs
    offered: list[EventData] = field(default_factory=list)  # matched events that some run may wait for
    open_waits: list[UUID] = field(default_factory=list)  # what `due_runs` believe to be unanswered
    unaware: list[UUID] = field(default_factory=list)  # of `due_runs`: those that know of no wish to stop them

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__dataclass_fields__)


class OutboxStore(Protocol):
    """One outbox, or many behind one dispatch. Every method is one transaction and safe to call from any thread."""

    def claim_batch(self, *, limit: int, worker: str, lease_seconds: float) -> Claim | None:
        """Lease up to `limit` due jobs, oldest first; None when nothing is due, or the kill switch of everything is
        on. A job that crashed before comes alone.
        """

    def confirm(self, claim: Claim) -> bool:
        """Call right after `claim_batch`, beside the work itself: whether more came in while the claim was open."""

    def active_versions(self, claim: Claim, known: Collection[UUID] = ()) -> list[ActiveVersion]:
        """Every version that events of this claim's scope may start now; those of `known` may come `is_known`."""

    def halted(self, claim: Claim) -> frozenset[UUID]:
        """Workflows whose kill switch is on: their runs are made and wait."""

    def load_runs(self, claim: Claim, run_ids: Sequence[UUID]) -> list[RunSnapshot]:
        """The runs of a claim's run jobs. A run that is gone is left out."""

    def hops(self, claim: Claim, event_ids: Sequence[UUID]) -> dict[UUID, Hops]:
        """Of events whose trace began before them: how many runs led there (`automate.ingest.hops`)."""

    def switches(self, lease_ids: Sequence[int]) -> Switches:
        """For a worker that looks once a second."""

    def enter(self, claim: Claim, asks: Sequence[PlaceRow], *, stay: Collection[UUID] = ()) -> dict[UUID, str]:
        """Ask for places in queues, all of one kind, for runs of this claim. Per run: granted, wait, soon or parked.

        A run that waits leaves the claim in the same transaction, unless it is in `stay`: whoever grants its place arms
        its job. Raises LeaseLost.
        """

    def data_key(self, claim: Claim) -> bytes:
        """The key that seals the state of this claim's runs."""

    def entered(self, scope: Hashable) -> AbstractContextManager[object]:
        """Work for a claim's scope: within the block the host's answers and the ORM are about it. Blocking."""

    def write(self, claim: Claim, writes: Writes, *, final: bool, seconds: float) -> bool:
        """Record `writes` if the lease is still held; else change nothing and return False.

        `final` ends the claim: every job not spoken of in `writes` is COMPLETED. `seconds` is the worker time spent
        since the claim's last write, charged to the tenant's fair share.
        """

    def release(self, claim: Claim) -> bool:
        """Give every job back, due now, as if it had not been claimed: a worker that stops calls this."""

    def renew(self, lease_ids: Sequence[int], *, worker: str, lease_seconds: float) -> set[int]:
        """Extend leases that are still held; the ids missing from the answer are lost."""

    def tend(self, *, limit: int = 100) -> int:
        """Housekeeping, safe from any number of workers: reap lost leases, promote due work, sweep for lost rings.

        Returns how many jobs or tenants it made ready.
        """

    def standing(self) -> Standing:
        """What waits now."""

    def next_due_seconds(self) -> float | None:
        """Seconds until something is due; None when nothing is scheduled. A hint for how long to sleep."""
