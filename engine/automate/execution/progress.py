"""A run in a worker's hands: where it is, what its steps gave, and the rows that say so.

Real outputs stay in memory and, sealed, with their attempts; what goes into rows to be looked at is redacted first. A
write holds what has changed since the one before: no row is written twice, however many steps or items a run has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from automate import ids
from automate.definitions import Plan, StepDefinition
from automate.execution.results import Results
from automate.execution.schedule import Schedule, Unit
from automate.execution.sealing import seal_output, seal_secrets
from automate.execution.states import FINAL_RUN, RUN, STEP, move
from automate.jsontext import dumps
from automate.outbox.store import DenialRow, EventData, RunRow, StateRow, StepRow
from automate.outbox.waits import ChildRow, RecordedWait, WaitRow
from automate.policy.episodes import denial_row
from automate.triggers.completion import Ended, hops_of
from automate_governance.redaction import Redactor
from automate_governance.secrets import SecretValue

STATE_KEPT = timedelta(days=30)  # the retention of runs


@dataclass(frozen=True)
class Parent:
    """The step that started this run and may wait for it."""

    run_id: UUID
    step_id: str
    item: int

    @property
    def wait_id(self) -> UUID:
        return ids.wait_id(self.run_id, self.step_id, self.item)


@dataclass
class RunProgress:
    """One run between two writes. `changed` says that there is something to write."""

    id: UUID
    event: EventData
    workflow_id: UUID
    version_id: UUID
    plan: Plan
    created_at: datetime
    schedule: Schedule
    workflow_slug: str = ""
    version_num: int = 0
    status: str = "queued"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    wake_seconds: float | None = None  # while waiting: how long
    error: dict[str, Any] | None = None  # what stopped it, from when it was stopped on
    attempt: int = 1
    hops: int | None = None  # None: those of its event
    deadline_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    parent: Parent | None = None
    root_run_id: UUID | None = None
    secrets: list[SecretValue] = field(default_factory=list)  # every value its steps have resolved, each once
    results: Results = field(default_factory=Results)
    attempts: dict[Unit, int] = field(default_factory=dict)
    rounds: dict[Unit, int] = field(default_factory=dict)  # where it is not that of its step
    step_rounds: dict[str, int] = field(default_factory=dict)  # of a retry: where a step's is not 1
    key_run_id: UUID | None = None  # of a retry: the run whose id makes the idempotency keys
    doubt_since: dict[Unit, datetime] = field(default_factory=dict)  # start of the first attempt that may have happened
    live: dict[Unit, StepRow] = field(default_factory=dict)  # attempts that are running or waiting
    interrupted: list[Unit] = field(default_factory=list)  # running when their worker stopped
    waits: dict[Unit, RecordedWait] = field(default_factory=dict)
    new_waits: list[WaitRow] = field(default_factory=list)  # this and what follows: since the latest write
    closed_waits: list[tuple[UUID, str]] = field(default_factory=list)
    children: list[ChildRow] = field(default_factory=list)
    cancelled_children: list[UUID] = field(default_factory=list)
    denials: list[DenialRow] = field(default_factory=list)
    changed: bool = True
    _rows: dict[UUID, StepRow] = field(default_factory=dict)  # to be written
    _plain: dict[UUID, str] = field(default_factory=dict)  # of these: the real output as JSON text, to be sealed
    _sealed_secrets: int = 0
    _redactor: Redactor | None = None  # of the secrets so far

    @property
    def is_final(self) -> bool:
        return self.status in FINAL_RUN

    @cached_property
    def shown(self) -> dict[str, Any]:
        """What templates and rules see of it; nobody changes it."""
        workflow, version = self.workflow_slug, self.version_num
        return {"id": str(self.id), "workflow": workflow, "version": version, "attempt": self.attempt}

    # -- secrets ---------------------------------------------------------------------------------------------------

    def learn(self, values: Iterable[SecretValue]) -> None:
        """Remember secrets that a step was given: whatever holds them later is masked."""
        self.secrets += [value for value in values if value not in self.secrets]
        self._redactor = None

    def remember(self, values: list[SecretValue]) -> None:
        """Secrets that are kept already."""
        self.secrets, self._sealed_secrets, self._redactor = values, len(values), None

    def secret_values(self) -> tuple[str, ...]:
        return tuple(value.value for value in self.secrets)

    def redacted(self, value: Any) -> Any:
        """`value` as it may be shown: without the secrets of its steps, and whatever looks like one."""
        if self._redactor is None:
            self._redactor = Redactor(self.secret_values())
        return self._redactor.redact(value)

    def round_of(self, unit: Unit) -> int:
        """How often a person has asked for the unit's effect."""
        return self.rounds.get(unit) or self.step_rounds.get(unit.step, 1)

    # -- attempts --------------------------------------------------------------------------------------------------

    def begin_attempt(
        self, unit: Unit, step: StepDefinition, *, shown_input: str | None, now: datetime, goes_on: bool = False
    ) -> StepRow:
        """The row of an attempt, as running; it is written if a write happens meanwhile.

        One that was put off before it reached its connector goes on as the same attempt, as does one that was
        interrupted (`goes_on`).
        """
        before = self.live.get(unit)
        if before is not None:
            status = move(STEP, before.status, "running")
            row = before._replace(status=status, input=shown_input or before.input, retry_at=None, error=None)
        else:
            attempt = self.attempts.get(unit, 0) + (not goes_on)
            self.attempts[unit] = attempt
            row = self._row(unit, step, attempt=attempt, now=now, input=shown_input)
        self.live[unit] = row
        return self._note(row)

    def end_attempt(
        self, unit: Unit, *, status: str, now: datetime, plain: str | None = None, **columns: Any
    ) -> StepRow:
        """The attempt's result; `plain` is the real output as JSON text, `columns` are columns of StepRow."""
        row = self.live.pop(unit)
        row = row._replace(status=move(STEP, row.status, status), ended_at=now, **columns)
        if plain is not None:
            self._plain[row.id] = plain
        return self._note(row)

    def put_off(self, unit: Unit, *, until: datetime | None, now: datetime, **columns: Any) -> StepRow:
        """The attempt waits: for its turn, a time, an answer."""
        row = self.live[unit]
        row = row._replace(status=move(STEP, row.status, "waiting"), retry_at=until, **columns)
        self.live[unit] = row
        return self._note(row)

    def skip(self, step: StepDefinition, *, now: datetime) -> None:
        row = self._row(Unit(step.id), step, attempt=1, now=now)
        self._note(row._replace(status="skipped", ended_at=now))
        self.results.skipped(step.id)
        self.schedule.skip(step.id)

    def fan_out(self, step: StepDefinition, items: list[Any], *, shown: str, plain: str, now: datetime) -> None:
        """Keep the list, sealed, in the step's own row; then its items may start."""
        unit = Unit(step.id)
        row = self._row(unit, step, attempt=1, now=now, input=shown)
        self.live[unit], self._plain[row.id] = row, plain
        self._note(row)
        self.results.lists[step.id] = items
        self.schedule.fan_out(step.id, len(items))

    def fan_in(self, *, now: datetime) -> None:
        """Fan-outs that have ended: the list of results becomes the step's output."""
        for unit in [unit for unit in self.live if not unit.item and unit.step in self.results.lists]:
            status = self.schedule.statuses.get(unit.step)
            if status is not None:
                shown = self.results.fanned_in(unit.step, status)
                self.end_attempt(unit, status=status, now=now, output=shown)

    def drop(self, unit: Unit, *, now: datetime) -> None:
        """It waited when the run was stopped."""
        row = self.live.pop(unit, None)
        if row is not None:
            self._note(row._replace(status=move(STEP, row.status, "cancelled"), ended_at=now))
            self.results.failed(unit, "cancelled", None, None)
        wait = self.waits.pop(unit, None)
        if wait is not None and wait.status == "open":
            self.close_wait(wait, "cancelled")

    def close_wait(self, wait: RecordedWait, status: str) -> None:
        """Nobody may answer any more; a child is asked to stop."""
        self.closed_waits.append((wait.id, status))
        if wait.child_run_id is not None:
            self.cancelled_children.append(wait.child_run_id)
        self.changed = True

    def note_denial(self, unit: Unit, error: dict[str, Any], *, now: datetime) -> None:
        """Where policy stood in the unit's way, the audit log is told in the run's next write."""
        denial = denial_row(
            error,
            workflow_id=self.workflow_id,
            run_id=self.id,
            step_id=unit.step,
            trace_id=self.event.trace_id,
            secrets=self.secret_values(),
            now=now,
        )
        if denial is not None:
            self.denials.append(denial)

    # -- the run as a whole ----------------------------------------------------------------------------------------

    def begin(self, now: datetime) -> None:
        self.status, self.wake_seconds, self.changed = move(RUN, self.status, "running"), None, True
        self.started_at = self.started_at or now
        if self.deadline_at is None:
            self.deadline_at = self.created_at + timedelta(seconds=self.plan.deadline_seconds)

    def stop(self, status: str, error: dict[str, Any]) -> None:
        """Nothing more of its main steps starts. What stopped it first is what it says."""
        self.schedule.stop(status)
        if self.schedule.stopped == status and self.error is None:
            self.error, self.changed = error, True

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
        shown = self.results.shown_values()
        return Ended(self.id, self.status, self.error, shown, self.event.trace_id, hops_of(self.event))

    # -- rows ------------------------------------------------------------------------------------------------------

    def take_rows(self, *, now: datetime, data_key: bytes) -> tuple[RunRow, list[StepRow], StateRow | None]:
        """The rows that bring the database up to now; they are not handed out again."""
        rows, plain = self._rows, self._plain
        self._rows, self._plain, self.changed = {}, {}, False
        steps = [
            row._replace(sealed=seal_output(data_key, row.id, plain[row.id])) if row.id in plain else row
            for row in rows.values()
        ]
        return self._run_row(now), steps, self._state_row(now, data_key)

    def latest_rows(self) -> dict[Unit, StepRow]:
        """The latest attempt of each unit since the write before, as it would be written."""
        return {Unit(row.step_id, row.item): row for row in self._rows.values()}

    def _run_row(self, now: datetime) -> RunRow:
        goes_on = self.status == "running"
        statuses = self.schedule.statuses
        return RunRow(
            id=self.id,
            event_id=self.event.id,
            workflow_id=self.workflow_id,
            version_id=self.version_id,
            trace_id=self.event.trace_id,
            status=self.status,
            outputs="{}" if goes_on else self.results.shown(),
            error=dumps(self.error) if self.error else None,
            steps_done=sum(1 for step in self.plan.steps if statuses.get(step.id) in DONE),
            steps_total=len(self.plan.steps),
            created_at=self.created_at,
            started_at=self.started_at,
            ended_at=self.ended_at,
            wake_at=now + timedelta(seconds=self.wake_seconds) if self.wake_seconds is not None else None,
            hops=hops_of(self.event) if self.hops is None else self.hops,
            attempt=self.attempt,
            deadline_at=self.deadline_at,
            error_fingerprint=ids.fingerprint(self.error) if self.status == "failed" and self.error else "",
        )

    def _state_row(self, now: datetime, data_key: bytes) -> StateRow | None:
        if len(self.secrets) == self._sealed_secrets:
            return None
        self._sealed_secrets = len(self.secrets)
        return StateRow(self.id, seal_secrets(data_key, self.id, self.secrets), now + STATE_KEPT, self.event.trace_id)

    def _row(
        self, unit: Unit, step: StepDefinition, *, attempt: int, now: datetime, input: str | None = None
    ) -> StepRow:
        round_ = self.round_of(unit)
        return StepRow(
            id=ids.step_run_id(self.id, unit.step, unit.item, round_, attempt),
            run_id=self.id,
            step_id=unit.step,
            position=step.position,
            item=unit.item,
            round=round_,
            attempt=attempt,
            connector=step.connector,
            action=step.action,
            status="running",
            input=input,
            output=None,
            error=None,
            logs="[]",
            started_at=now,
            ended_at=None,
            retry_at=None,
            trace_id=self.event.trace_id,
        )

    def _note(self, row: StepRow) -> StepRow:
        self._rows[row.id] = row
        self.changed = True
        return row


DONE = frozenset({"succeeded", "skipped", "failed"})  # a failed step after which the run goes on is done, too
