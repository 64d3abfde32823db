"""A run in a worker's hands: where it is, what its steps gave, and the rows that say so.

Real outputs stay in memory and, sealed, in the run's state; what goes into rows is redacted first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from automate import ids
from automate.definitions import StepDefinition
from automate.execution.states import FINAL_RUN, RUN, STEP, move
from automate.jsontext import dumps, loads
from automate.outbox.store import EventData, RunRow, RunSnapshot, StateRow, StepRow
from automate.triggers.completion import Ended, hops_of
from automate_governance import crypto
from automate_governance.secrets import SecretValue

STATE_KEPT = timedelta(days=30)  # the retention of runs


@dataclass
class RunProgress:
    """One run between two writes. `changed` says that there is something to write."""

    id: UUID
    event: EventData
    workflow_id: UUID
    version_id: UUID
    steps: tuple[StepDefinition, ...]
    created_at: datetime
    status: str = "queued"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    wake_seconds: float | None = None  # while waiting: how long
    error: dict[str, Any] | None = None
    outputs: dict[str, Any] = field(default_factory=dict)  # step id → real output
    shown: dict[str, Any] = field(default_factory=dict)  # step id → redacted output
    attempts: dict[str, int] = field(default_factory=dict)  # step id → latest attempt
    secrets: list[SecretValue] = field(default_factory=list)  # every value its steps have resolved, each once
    interrupted: str | None = None  # the step whose attempt was running when its worker stopped
    current: StepRow | None = None  # the attempt that is running now
    finished: list[StepRow] = field(default_factory=list)  # attempts that ended since the latest write
    changed: bool = True

    @classmethod
    def resume(cls, snapshot: RunSnapshot, steps: tuple[StepDefinition, ...], *, data_key: bytes) -> RunProgress:
        """A recorded run, to be gone on with."""
        run = cls(
            id=snapshot.id,
            event=snapshot.event,
            workflow_id=snapshot.workflow_id,
            version_id=snapshot.version_id,
            steps=steps,
            created_at=snapshot.created_at,
            status=snapshot.status,
            started_at=snapshot.started_at,
        )
        if snapshot.sealed_state is not None:
            state = loads(crypto.open_sealed(data_key, snapshot.sealed_state, aad=_aad(snapshot.id)))
            run.outputs, run.shown = state["outputs"], state["shown"]
            run.secrets = [SecretValue(value, tuple(hosts)) for value, hosts in state.get("secrets", ())]
        for recorded in snapshot.recorded:
            run.attempts[recorded.step_id] = recorded.attempt - (recorded.status == "waiting")
            if recorded.status == "running":
                run.interrupted = recorded.step_id
        return run

    @property
    def is_final(self) -> bool:
        return self.status in FINAL_RUN

    @property
    def next_step(self) -> StepDefinition | None:
        """The first step without a recorded output."""
        return next((step for step in self.steps if step.id not in self.outputs), None)

    def learn(self, values: Iterable[SecretValue]) -> None:
        """Remember secrets that a step was given: whatever holds them later is masked."""
        self.secrets += [value for value in values if value not in self.secrets]

    def secret_values(self) -> tuple[str, ...]:
        return tuple(value.value for value in self.secrets)

    def begin(self, now: datetime) -> None:
        self.status, self.wake_seconds, self.changed = move(RUN, self.status, "running"), None, True
        self.started_at = self.started_at or now

    def begin_attempt(self, step: StepDefinition, *, shown_input: str | None, now: datetime) -> StepRow:
        """The row of a new attempt, as running; it is written if a write happens meanwhile."""
        attempt = self.attempts.get(step.id, 0) + 1
        self.attempts[step.id] = attempt
        self.current = StepRow(
            id=ids.step_run_id(self.id, step.id, 0, 1, attempt),
            run_id=self.id,
            step_id=step.id,
            position=step.position,
            item=0,
            round=1,
            attempt=attempt,
            connector=step.connector,
            action=step.action,
            status="running",
            input=shown_input,
            output=None,
            error=None,
            logs="[]",
            started_at=now,
            ended_at=None,
            retry_at=None,
            trace_id=self.event.trace_id,
        )
        self.changed = True
        return self.current

    def end_attempt(self, row: StepRow, *, status: str, now: datetime, **columns: Any) -> None:
        """The attempt's result; `columns` are StepRow's JSON columns as text and `retry_at`."""
        self.finished.append(replace(row, status=move(STEP, row.status, status), ended_at=now, **columns))
        self.current, self.changed = None, True

    def wait(self, seconds: float) -> None:
        self.status, self.wake_seconds, self.changed = move(RUN, self.status, "waiting"), seconds, True

    def put_back(self) -> None:
        """Stop here; whoever claims the run next goes on at the same step."""
        self.status, self.wake_seconds, self.changed = move(RUN, self.status, "queued"), 0.0, True

    def end(self, status: str, *, now: datetime, error: dict[str, Any] | None = None) -> None:
        self.status, self.error, self.changed = move(RUN, self.status, status), error, True
        self.ended_at = now if self.is_final else None

    def ended(self) -> Ended:
        """How it ended, as others are told."""
        return Ended(self.id, self.status, self.error, self.shown, self.event.trace_id, hops_of(self.event))

    # -- rows ------------------------------------------------------------------------------------------------------

    def take_rows(self, *, now: datetime, data_key: bytes) -> tuple[RunRow, list[StepRow], StateRow]:
        """The rows that bring the database up to now; they are not handed out again."""
        steps, self.finished, self.changed = self.finished, [], False
        if self.current is not None:
            steps = [*steps, self.current]
        return self._run_row(now), steps, self._state_row(now, data_key)

    def _run_row(self, now: datetime) -> RunRow:
        return RunRow(
            id=self.id,
            event_id=self.event.id,
            workflow_id=self.workflow_id,
            version_id=self.version_id,
            trace_id=self.event.trace_id,
            status=self.status,
            outputs=dumps(self.shown),
            error=dumps(self.error) if self.error else None,
            steps_done=len(self.outputs),
            steps_total=len(self.steps),
            created_at=self.created_at,
            started_at=self.started_at,
            ended_at=self.ended_at,
            wake_at=now + timedelta(seconds=self.wake_seconds) if self.wake_seconds is not None else None,
            hops=hops_of(self.event),
        )

    def _state_row(self, now: datetime, data_key: bytes) -> StateRow:
        state: dict[str, Any] = {"outputs": self.outputs, "shown": self.shown}
        if self.secrets:  # sealed with the rest: what a later step must still recognise and mask
            state["secrets"] = [[value.value, list(value.hosts)] for value in self.secrets]
        text = dumps(state)
        sealed = crypto.seal(data_key, text.encode(), aad=_aad(self.id))
        return StateRow(self.id, sealed, now + STATE_KEPT, self.event.trace_id)


def _aad(run_id: UUID) -> bytes:
    return b"run-state:" + run_id.bytes
