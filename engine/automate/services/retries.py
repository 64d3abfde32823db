"""Retry: a new run that repeats an ended one from some step on, linked both ways.

What was recorded before that step is taken over, re-sealed for the new run; what comes after runs again. A step without
a recorded success keeps its idempotency key, so that a receiver which honours keys still recognises it; one that
succeeded and runs again has a new key (its round rises), because somebody wants its effect once more. Nothing in the
old run changes. Source: the platform's architecture, "Semantics settled", 6.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from django.db import transaction

from automate import host, ids
from automate.definitions import Plan, StepDefinition, parse_plan
from automate.execution.sealing import open_output, open_state, seal_output, seal_secrets
from automate.execution.states import FINAL_RUN
from automate.jsontext import dumps
from automate.models import ExecutionRun, OutboxJob, RunState, StepRun, Workflow, WorkflowVersion
from automate.outbox.due import due_now
from automate.services import audit
from automate.services.forgotten import forgets_secrets
from automate_connectors import registry
from automate_connectors.models import UnknownConnector
from automate_governance.crypto import Unsealable
from automate_governance.errors import Conflict, Invalid, NotFound
from automate_governance.secrets import SecretValue

FROM_START, FROM_FAILED = "start", "failed"
Which = Literal["same", "latest"]
STATE_KEPT = timedelta(days=30)
_KEEPS = frozenset(("succeeded", "skipped"))


@dataclass(frozen=True)
class StepAgain:
    """A step that will run again. `repeats`: its success is recorded, so whatever it did it does once more."""

    id: str
    connector: str
    action: str
    effect: str  # read | write | irreversible; "unknown" where the connector is gone
    repeats: bool
    in_doubt: bool  # an attempt of it may have happened and is not proven


@dataclass(frozen=True)
class RetryPlan:
    """What a retry would do. `rounds` are those of the steps that run again, where they are not 1."""

    run_id: UUID
    version_id: UUID
    version_num: int
    from_step: str
    kept: tuple[str, ...]
    again: tuple[StepAgain, ...]
    rounds: Mapping[str, int]
    keeps_items: tuple[str, ...] = ()  # fan-outs of which only the items that failed run again

    def as_dict(self) -> dict[str, Any]:
        """For the API and pages."""
        return {
            "run_id": str(self.run_id),
            "version": self.version_num,
            "from_step": self.from_step,
            "kept": list(self.kept),
            "again": [
                {
                    "id": step.id,
                    "connector": step.connector,
                    "action": step.action,
                    "effect": step.effect,
                    "repeats": step.repeats,
                    "in_doubt": step.in_doubt,
                    "only_failed_items": step.id in self.keeps_items,
                }
                for step in self.again
            ],
        }


def plan_retry(*, run_id: UUID, from_step: str = FROM_FAILED, version: Which = "same") -> RetryPlan:
    """What `retry_run` with the same arguments would do; changes nothing.

    `from_step` is a step's id, "start", or "failed": the step that ended the run. Raises NotFound, Invalid for a step
    that the version does not have, Conflict for a run that has not ended.
    """
    return _planned(_ended_run(run_id, lock=False), from_step, version)


@transaction.atomic
def retry_run(
    *,
    run_id: UUID,
    from_step: str = FROM_FAILED,
    version: Which = "same",
    actor: str,
    now: datetime,
    origin: str = ExecutionRun.Origin.RETRY,
    due_at: datetime | None = None,
) -> ExecutionRun:
    """A new run, due at `due_at` or at once, and an entry in the audit log.

    Raises as `plan_retry` does, and Conflict when a retry of the run is under way or when what was recorded can no
    longer be read: then only "start" is left.
    """
    run = _ended_run(run_id, lock=True)
    earlier = list(ExecutionRun.objects.filter(retry_of=run.id).values_list("id", "status"))
    if any(status not in FINAL_RUN for _, status in earlier):
        raise Conflict("A retry of this run is under way.", details={"retries": [str(each) for each, _ in earlier]})
    plan = _planned(run, from_step, version)
    made = _new_run(run, plan, number=len(earlier) + 1, origin=origin, now=now)
    _take_over(run, made, plan, now)
    OutboxJob.objects.create(kind="run", run_id=made.id, available_at=due_at or due_now(), trace_id=made.trace_id)
    transaction.on_commit(host.current().ring)
    details = {"retry": str(made.id), "from_step": plan.from_step, "version": plan.version_num}
    audit.record(actor=actor, action=f"run.{origin}", resource=f"run:{run.id}", details=details, now=now)
    return made


# -- deciding ----------------------------------------------------------------------------------------------------------


def _ended_run(run_id: UUID, *, lock: bool) -> ExecutionRun:
    runs = ExecutionRun.objects.select_for_update() if lock else ExecutionRun.objects.all()
    run = runs.filter(pk=run_id).first()
    if run is None:
        raise NotFound("There is no such run.", details={"id": str(run_id)})
    if run.status not in FINAL_RUN:
        raise Conflict(f"The run is {run.status}: only an ended run can be retried.", details={"status": run.status})
    return run


def _planned(run: ExecutionRun, from_step: str, which: Which) -> RetryPlan:
    before = run.version
    chosen = _version(run, which)
    plan = parse_plan(chosen.steps, chosen.options)
    old_plan = parse_plan(before.steps, before.options)
    latest = _latest(run.id)
    begin = _first(run, plan, latest, from_step)
    kept = _kept(plan, old_plan, latest, begin)
    again = [step for step in plan.steps if step.id not in kept]
    partly = tuple(
        step.id for step in again if from_step == FROM_FAILED and which == "same" and _has_list(step, latest)
    )
    return RetryPlan(
        run_id=run.id,
        version_id=chosen.id,
        version_num=chosen.version_num,
        from_step=begin,
        kept=tuple(step.id for step in plan.steps if step.id in kept),
        again=tuple(_described(step, latest) for step in again),
        rounds=dict(_rounds(run, again, old_plan, latest, partly)),
        keeps_items=partly,
    )


def _version(run: ExecutionRun, which: Which) -> WorkflowVersion:
    if which == "same":
        return run.version
    workflow = Workflow.objects.select_related("active_version").filter(pk=run.workflow_id).first()
    if workflow is None or workflow.active_version is None:
        raise Conflict("No version of this workflow is live. Retry on the same version, or publish one.")
    return workflow.active_version


def _latest(run_id: UUID) -> dict[str, dict[int, StepRun]]:
    """Step id → item → its latest attempt."""
    latest: dict[str, dict[int, StepRun]] = defaultdict(dict)
    for row in StepRun.objects.filter(run_id=run_id).order_by("round", "attempt"):
        latest[row.step_id][row.item] = row
    return latest


def _first(run: ExecutionRun, plan: Plan, latest: Mapping[str, dict[int, StepRun]], from_step: str) -> str:
    """The step to begin with; "start" for all of them."""
    if from_step == FROM_START:
        return FROM_START
    if from_step != FROM_FAILED:
        if from_step not in {step.id for step in plan.steps}:
            raise Invalid(f"The version has no step “{from_step}”.", details={"step": from_step})
        return from_step
    named = (run.error or {}).get("step")
    candidates = [step.id for step in plan.steps]
    if named in candidates:
        return str(named)
    unfinished = (each for each in candidates if _status(latest, each) not in _KEEPS)
    return next(unfinished, FROM_START)


def _status(latest: Mapping[str, dict[int, StepRun]], step_id: str) -> str:
    row = latest.get(step_id, {}).get(0)
    return row.status if row is not None else ""


def _kept(plan: Plan, old_plan: Plan, latest: Mapping[str, dict[int, StepRun]], begin: str) -> set[str]:
    """Steps whose record stands: ended well, not taken back since, the same call, nothing before them runs again."""
    kept: set[str] = set()
    if begin == FROM_START:
        return kept
    for step in _in_order(plan.steps):
        before = old_plan.by_id.get(step.id)
        stands = (
            step.id != begin
            and _status(latest, step.id) in _KEEPS
            and before is not None
            and (before.connector, before.action) == (step.connector, step.action)
            and not (step.compensate and _status(latest, step.compensate.id) == "succeeded")
        )
        if stands and all(need in kept for need in step.needs):
            kept.add(step.id)
    return kept


def _in_order(steps: Iterable[StepDefinition]) -> list[StepDefinition]:
    """Each step behind those that it needs."""
    waiting, placed, order = list(steps), set[str](), list[StepDefinition]()
    while waiting:
        ready = [step for step in waiting if placed.issuperset(step.needs)]
        order += ready
        placed.update(step.id for step in ready)
        waiting = [step for step in waiting if step.id not in placed]
    return order


def _has_list(step: StepDefinition, latest: Mapping[str, dict[int, StepRun]]) -> bool:
    return step.foreach is not None and 0 in latest.get(step.id, {}) and len(latest[step.id]) > 1


def _described(step: StepDefinition, latest: Mapping[str, dict[int, StepRun]]) -> StepAgain:
    try:
        spec = registry.get(step.connector).actions.get(step.action)
        effect = spec.effect if spec is not None else "unknown"
    except UnknownConnector:
        effect = "unknown"
    rows = latest.get(step.id, {}).values()
    has_succeeded = any(row.status == "succeeded" for row in rows)
    return StepAgain(
        id=step.id,
        connector=step.connector,
        action=step.action,
        effect=effect,
        repeats=has_succeeded and effect != "read",
        in_doubt=any(row.status == "unknown" for row in rows),
    )


def _rounds(
    run: ExecutionRun,
    again: Iterable[StepDefinition],
    old_plan: Plan,
    latest: Mapping[str, dict[int, StepRun]],
    partly: tuple[str, ...],
) -> Iterable[tuple[str, int]]:
    given: dict[str, int] = run.rounds or {}
    for step in again:
        rows = list(latest.get(step.id, {}).values())
        reached = max((row.round for row in rows), default=given.get(step.id, 1))
        before = old_plan.by_id.get(step.id)
        is_changed = before is not None and (before.params, before.foreach) != (step.params, step.foreach)
        has_succeeded = any(row.status == "succeeded" for row in rows) and step.id not in partly
        round_ = reached + 1 if rows and (has_succeeded or is_changed) else reached
        if round_ != 1:
            yield step.id, round_


# -- writing -----------------------------------------------------------------------------------------------------------


def _new_run(run: ExecutionRun, plan: RetryPlan, *, number: int, origin: str, now: datetime) -> ExecutionRun:
    version = WorkflowVersion.objects.get(pk=plan.version_id)
    parsed = parse_plan(version.steps, version.options)
    return ExecutionRun.objects.create(
        id=ids.retry_id(run.id, number),
        event_id=run.event_id,
        workflow_id=run.workflow_id,
        version=version,
        trace_id=run.trace_id,
        status=ExecutionRun.Status.QUEUED,
        steps_done=len(plan.kept),
        steps_total=len(parsed.steps),
        created_at=now,
        origin=origin,
        retry_of=run.id,
        attempt=run.attempt + 1,
        hops=run.hops,
        deadline_at=now + timedelta(seconds=parsed.deadline_seconds),
        concurrency_key=run.concurrency_key,
        key_run_id=run.key_run_id or run.id,
        rounds=dict(plan.rounds) or None,
    )


def _take_over(run: ExecutionRun, made: ExecutionRun, plan: RetryPlan, now: datetime) -> None:
    """Copies of what stands, sealed for their new rows, and of the secrets that later steps must still mask."""
    data_key = host.current().data_key()
    wanted = (*plan.kept, *plan.keeps_items)
    rows: dict[tuple[str, int], StepRun] = {}
    for row in StepRun.objects.defer(None).filter(run_id=run.id, step_id__in=wanted).order_by("round", "attempt"):
        rows[row.step_id, row.item] = row
    try:
        legacy = _copy_state(run, made, data_key, now, kept=wanted)
        copies = [
            _copy(row, made, data_key, legacy, is_open=row.step_id in plan.keeps_items and not row.item)
            for row in rows.values()
            if row.step_id in plan.kept or not row.item or row.status == "succeeded"
        ]
    except Unsealable:
        raise Conflict(
            "What this run recorded can no longer be read. Retry it from the start.", details={"from_step": FROM_START}
        ) from None
    StepRun.objects.bulk_create(copies)


def _copy_state(
    run: ExecutionRun, made: ExecutionRun, data_key: bytes, now: datetime, *, kept: Iterable[str]
) -> dict[str, Any]:
    """Keeps the secrets in sight; returns outputs that an earlier release kept in the state, by step.

    Raises Conflict when secrets of what is kept are forgotten.
    """
    state = RunState.objects.filter(run_id=run.id).first()
    if state is None:
        if forgets_secrets(run, kept):
            raise Conflict(
                "The secrets this run used are forgotten: what it gave could not be masked. Retry it from the start.",
                details={"from_step": FROM_START},
            )
        return {}
    opened = open_state(data_key, run.id, bytes(state.sealed))
    secrets = [SecretValue(value, tuple(hosts)) for value, hosts in opened.get("secrets", ())]
    RunState.objects.create(
        run_id=made.id,
        sealed=seal_secrets(data_key, made.id, secrets),
        expires_at=now + STATE_KEPT,
        trace_id=made.trace_id,
    )
    legacy: dict[str, Any] = opened.get("outputs", {})
    return legacy


def _copy(row: StepRun, made: ExecutionRun, data_key: bytes, legacy: Mapping[str, Any], *, is_open: bool) -> StepRun:
    """The row as the new run's own. `is_open`: a fan-out that goes on with the items that failed."""
    new_id = ids.step_run_id(made.id, row.step_id, row.item, row.round, row.attempt)
    plain = None
    if row.sealed is not None:
        plain = open_output(data_key, row.id, bytes(row.sealed))
    elif row.step_id in legacy:
        plain = dumps(legacy[row.step_id])
    elif row.status == "succeeded" and not row.item:
        raise Unsealable("The output was not kept.")
    columns = {field.attname: getattr(row, field.attname) for field in StepRun._meta.concrete_fields}
    columns |= {
        "id": new_id,
        "run_id": made.id,
        "sealed": seal_output(data_key, new_id, plain) if plain is not None else None,
    }
    if is_open:
        columns |= {"status": "running", "ended_at": None, "output": None, "error": None}
    return StepRun(**columns)
