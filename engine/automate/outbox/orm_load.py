"""Recorded runs, read through the ORM."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from automate.jsontext import dumps
from automate.models import Event, ExecutionRun, RunState, RunWait, StepRun
from automate.outbox.store import EventData, RecordedStep, RunSnapshot


def load_runs(run_ids: Sequence[UUID]) -> list[RunSnapshot]:
    """See `OutboxStore.load_runs`."""
    runs = list(ExecutionRun.objects.filter(id__in=run_ids).select_related("version__workflow"))
    events = Event.objects.in_bulk([run.event_id for run in runs])
    states = RunState.objects.in_bulk([run.id for run in runs])
    return [_snapshot(run, events[run.event_id], states.get(run.id)) for run in runs if run.event_id in events]


def _snapshot(run: ExecutionRun, event: Event, state: RunState | None) -> RunSnapshot:
    from automate.execution.waiting import recorded

    return RunSnapshot(
        id=run.id,
        workflow_id=run.workflow_id,
        version_id=run.version_id,
        steps=run.version.steps,
        options=run.version.running_options,
        workflow_slug=run.version.workflow.slug,
        version_num=run.version.version_num,
        status=run.status,
        created_at=run.created_at,
        started_at=run.started_at,
        error=run.error,
        hops=run.hops,
        attempt=run.attempt,
        deadline_at=run.deadline_at,
        cancel_requested_at=run.cancel_requested_at,
        parent_run_id=run.parent_run_id,
        parent_step_id=run.parent_step_id,
        parent_item=run.parent_item,
        root_run_id=run.root_run_id,
        key_run_id=run.key_run_id,
        step_rounds=run.rounds or {},
        event=EventData(event.id, event.type, event.source, event.payload, event.trace_id, event.received_at, run.hops),
        recorded=_recorded(run.id),
        waits=tuple(recorded(wait) for wait in RunWait.objects.filter(run_id=run.id)),
        sealed_state=bytes(state.sealed) if state else None,
    )


def _recorded(run_id: UUID) -> tuple[RecordedStep, ...]:
    """The latest attempt of each step and item, and since when it is in doubt."""
    latest: dict[tuple[str, int], StepRun] = {}
    doubt: dict[tuple[str, int, int], datetime] = {}
    for step in StepRun.objects.filter(run_id=run_id).defer(None).order_by("round", "attempt"):
        latest[step.step_id, step.item] = step
        if step.error and step.error.get("in_doubt"):
            key = (step.step_id, step.item, step.round)
            doubt[key] = min(doubt.get(key, step.started_at), step.started_at)
    return tuple(_step(step, doubt.get((step.step_id, step.item, step.round))) for step in latest.values())


def _step(step: StepRun, doubt_since: datetime | None) -> RecordedStep:
    return RecordedStep(
        step.id,
        step.step_id,
        step.item,
        step.round,
        step.attempt,
        step.status,
        None if step.output is None and step.status != "succeeded" else dumps(step.output),
        None if step.error is None else dumps(step.error),
        step.retry_at,
        step.started_at,
        step.ended_at,
        bytes(step.sealed) if step.sealed is not None else None,
        doubt_since,
        step.ended_seq,
    )
