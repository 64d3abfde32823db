"""Runs in a worker's hands: a new one for an event, and a recorded one to be gone on with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from automate import ids
from automate.definitions import parse_plan
from automate.execution.match import Candidate
from automate.execution.progress import Parent, RunProgress
from automate.execution.restore import Fact, restore
from automate.execution.schedule import Schedule, Unit
from automate.execution.sealing import open_output, open_state
from automate.jsontext import dumps, loads
from automate.outbox.store import EventData, RecordedStep, RunSnapshot, StepRow
from automate_governance.secrets import SecretValue


def new_run(event: EventData, candidate: Candidate, *, now: datetime) -> RunProgress:
    """The run that the event makes of a version it matched."""
    version = candidate.version
    return RunProgress(
        id=ids.run_id(event.id, version.workflow_id),
        event=event,
        workflow_id=version.workflow_id,
        version_id=version.id,
        plan=candidate.plan,
        created_at=now,
        schedule=Schedule(candidate.plan),
        workflow_slug=version.slug,
        version_num=version.version_num,
        deadline_at=now + timedelta(seconds=candidate.plan.deadline_seconds),
    )


def resume(snapshot: RunSnapshot, *, data_key: bytes) -> RunProgress:
    """A recorded run as it was at its last write."""
    plan = parse_plan(snapshot.steps, snapshot.options)
    run = RunProgress(
        id=snapshot.id,
        event=snapshot.event,
        workflow_id=snapshot.workflow_id,
        version_id=snapshot.version_id,
        plan=plan,
        created_at=snapshot.created_at,
        schedule=Schedule(plan),
        workflow_slug=snapshot.workflow_slug,
        version_num=snapshot.version_num,
        status="queued" if snapshot.status == "held" else snapshot.status,  # somebody has decided
        started_at=snapshot.started_at,
        error=snapshot.error if snapshot.error and "stopped" in snapshot.error else None,
        attempt=snapshot.attempt,
        hops=snapshot.hops,
        deadline_at=snapshot.deadline_at,
        cancel_requested_at=snapshot.cancel_requested_at,
        parent=_parent(snapshot),
        root_run_id=snapshot.root_run_id,
        key_run_id=snapshot.key_run_id,
        step_rounds=snapshot.step_rounds,
    )
    legacy = _open_state(run, snapshot, data_key)
    facts = {Unit(step.step_id, step.item): _fact(step) for step in snapshot.recorded if step.step_id in plan.by_id}
    sizes = _open_lists(run, snapshot, data_key)
    stopped = run.error.get("stopped") if run.error else None
    run.schedule, run.interrupted = restore(plan, facts, sizes=sizes, stopped=stopped)
    for step in sorted(snapshot.recorded, key=lambda one: bool(one.item), reverse=True):  # items before their fan-out
        if step.step_id in plan.by_id:
            _put_in(run, step, data_key, legacy)
    run.waits = {
        Unit(wait.step_id, wait.item): wait for wait in snapshot.waits if Unit(wait.step_id, wait.item) in run.live
    }
    return run


def _parent(snapshot: RunSnapshot) -> Parent | None:
    if snapshot.parent_run_id is None:
        return None
    return Parent(snapshot.parent_run_id, snapshot.parent_step_id, snapshot.parent_item or 0)


def _fact(step: RecordedStep) -> Fact:
    return Fact(step.status, step.ended_at, step.retry_at, step.ended_seq)


def _open_state(run: RunProgress, snapshot: RunSnapshot, data_key: bytes) -> dict[str, Any]:
    """The run's secrets; returns the outputs of a run that an earlier release began."""
    if snapshot.sealed_state is None:
        return {}
    state = open_state(data_key, run.id, snapshot.sealed_state)
    run.remember([SecretValue(value, tuple(hosts)) for value, hosts in state.get("secrets", ())])
    legacy: dict[str, Any] = state.get("outputs", {})
    return legacy


def _open_lists(run: RunProgress, snapshot: RunSnapshot, data_key: bytes) -> dict[str, int]:
    for step in snapshot.recorded:
        definition = run.plan.by_id.get(step.step_id)
        if definition is not None and definition.foreach is not None and not step.item and step.sealed is not None:
            run.results.lists[step.step_id] = loads(open_output(data_key, step.id, step.sealed))
    return {step_id: len(items) for step_id, items in run.results.lists.items()}


def _put_in(run: RunProgress, step: RecordedStep, data_key: bytes, legacy: dict[str, Any]) -> None:
    """One recorded attempt: its number, its result, or that it is still to be gone on with."""
    unit = Unit(step.step_id, step.item)
    run.attempts[unit] = step.attempt
    if step.round != run.step_rounds.get(step.step_id, 1):
        run.rounds[unit] = step.round
    if step.doubt_since is not None:
        run.doubt_since[unit] = step.doubt_since
    error = loads(step.error) if step.error else None
    if step.status in ("running", "waiting"):
        run.live[unit] = _live_row(run, step)
    elif not step.item and step.step_id in run.results.lists:
        run.results.fanned_in(step.step_id, step.status)
    elif step.status == "succeeded":
        plain = (
            open_output(data_key, step.id, step.sealed) if step.sealed is not None else dumps(legacy.get(step.step_id))
        )
        run.results.succeeded(unit, loads(plain), step.output or "null", len(plain.encode()))
    elif step.status == "skipped":
        run.results.skipped(step.step_id)
    elif step.status != "failed" or step.retry_at is None:
        run.results.failed(unit, step.status, error, error)


def _live_row(run: RunProgress, step: RecordedStep) -> StepRow:
    definition = run.plan.by_id[step.step_id]
    return StepRow(
        id=step.id,
        run_id=run.id,
        step_id=step.step_id,
        position=definition.position,
        item=step.item,
        round=step.round,
        attempt=step.attempt,
        connector=definition.connector,
        action=definition.action,
        status=step.status,
        input=None,  # stays as it is written
        output=None,
        error=step.error,
        logs="[]",
        started_at=step.started_at,
        ended_at=None,
        retry_at=step.retry_at,
        trace_id=run.event.trace_id,
    )
