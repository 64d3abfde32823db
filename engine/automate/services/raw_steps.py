"""The real input and output of a recorded attempt, for whoever has `view_raw_payload`: on record, never with a secret.

Outputs are kept sealed with their attempts. Inputs are not kept: they are made again from the event and the sealed
outputs, as templates made them then, and compared with what was recorded. Whatever a step of the run had resolved from
a secret stays masked, in every spelling; where those values are forgotten, nothing is opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from automate import host
from automate.execution import inputs
from automate.execution.progress import RunProgress
from automate.execution.resume import resume
from automate.execution.schedule import Unit
from automate.execution.sealing import open_output
from automate.jsontext import loads
from automate.models import ExecutionRun, StepRun
from automate.outbox.orm_load import load_runs
from automate.services import audit
from automate.services.forgotten import forgets_secrets
from automate_governance.crypto import Unsealable
from automate_governance.errors import NormalizedError, NotFound
from automate_governance.redaction import redact
from automate_governance.redaction.values import mask_known
from automate_governance.storable import storable

GONE = "It is not kept any more."
UNMASKABLE = "It is not shown: the secrets of this run are forgotten, so that they could not be masked in it."
DIFFERS = "It is made again from what is kept, and is not quite what was recorded then."


@dataclass(frozen=True)
class Raw:
    """One value as the step saw it; `note` says why there is none, or what to know about it."""

    value: Any = None
    is_known: bool = False
    note: str = ""


@dataclass(frozen=True)
class RawStep:
    """Both sides of an attempt."""

    attempt: StepRun
    input: Raw
    output: Raw


@transaction.atomic
def reveal_step(*, run_id: UUID, step_run_id: UUID, actor: str, now: datetime, ip: str | None = None) -> RawStep:
    """The attempt's real values; an audit entry says who looked. Raises NotFound."""
    attempt = StepRun.objects.defer(None).filter(pk=step_run_id, run_id=run_id).first()
    if attempt is None:
        raise NotFound("No step of this run has this attempt.")
    audit.record(
        actor=actor,
        action="step.view_raw",
        resource=f"run:{run_id}",
        details={"step": attempt.step_id, "item": attempt.item, "attempt": attempt.attempt},
        trace_id=attempt.trace_id,
        now=now,
        ip=ip,
    )
    run, problem = _open(run_id)
    if run is None:
        return RawStep(attempt, Raw(note=problem), Raw(note=problem))
    return RawStep(attempt, _input(run, attempt), _output(run, attempt))


def _open(run_id: UUID) -> tuple[RunProgress | None, str]:
    """The run with its real values, or why there is none."""
    run = ExecutionRun.objects.select_related("version").filter(pk=run_id).first()
    if run is not None and forgets_secrets(run):
        return None, UNMASKABLE
    try:
        return resume(load_runs([run_id])[0], data_key=host.current().data_key()), ""
    except (IndexError, Unsealable):  # the event is gone, or the key of what is sealed
        return None, GONE


def _input(run: RunProgress, attempt: StepRun) -> Raw:
    if attempt.input is None or attempt.step_id not in run.plan.by_id:
        return Raw(note="Nothing was recorded.")
    step = run.plan.by_id[attempt.step_id]
    unit = Unit(attempt.step_id, attempt.item)
    try:
        if step.foreach is not None and not attempt.item:
            made: Any = {"items": run.results.lists.get(attempt.step_id)}
        else:
            made = inputs.render(run, unit, step)
    except (NormalizedError, LookupError):
        return Raw(note=GONE)
    made = storable(made)
    is_same = redact(made, run.secret_values()) == attempt.input
    return Raw(mask_known(made, run.secret_values()), is_known=True, note="" if is_same else DIFFERS)


def _output(run: RunProgress, attempt: StepRun) -> Raw:
    if attempt.output is None and attempt.sealed is None:
        return Raw(note="This attempt gave no output.")
    if attempt.sealed is None:
        return Raw(note=GONE)
    try:
        plain = loads(open_output(host.current().data_key(), attempt.pk, bytes(attempt.sealed)))
    except Unsealable:
        return Raw(note=GONE)
    return Raw(mask_known(plain, run.secret_values()), is_known=True)
