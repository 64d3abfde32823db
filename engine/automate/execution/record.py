"""Putting an outcome into a run, redacted where it is shown: its row, what later steps see, the order of the run."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from automate.execution.calls import StepLog
from automate.execution.outcome import Done, Failed, Outcome, Postponed, RetryLater, Unknown, describe
from automate.execution.progress import RunProgress
from automate.execution.schedule import Unit
from automate.jsontext import dumps
from automate_governance.errors import NormalizedError
from automate_governance.storable import storable


def record(run: RunProgress, unit: Unit, result: Outcome, *, now: datetime, log: StepLog | None = None) -> None:
    """`unit` has a live attempt; afterwards it has ended, or waits."""
    logs = dumps(log.lines) if log is not None and log.lines else "[]"
    if isinstance(result, Done):
        refused = _keep(run, unit, result, logs, now)
        if refused is None:
            return
        result = refused
    error: dict[str, Any] = run.redacted(storable(result.error))
    if isinstance(result, Postponed):
        until = now + timedelta(seconds=result.delay_seconds)
        run.put_off(unit, until=until, now=now, error=dumps(error), logs=logs)
        run.schedule.wait(unit, until)
    elif isinstance(result, RetryLater):
        retry_at = now + timedelta(seconds=result.delay_seconds)
        row = run.end_attempt(unit, status="failed", now=now, error=dumps(error), logs=logs, retry_at=retry_at)
        if error.get("in_doubt"):
            run.doubt_since.setdefault(unit, row.started_at)
        run.schedule.wait(unit, retry_at)
    elif isinstance(result, Unknown):
        number = run.schedule.end_number(unit)  # should a person find that it happened
        run.end_attempt(unit, status="unknown", now=now, error=dumps(error), logs=logs, ended_seq=number)
        run.results.failed(unit, "unknown", error, error)
        run.schedule.doubt(unit)
    else:
        run.end_attempt(unit, status="failed", now=now, error=dumps(error), logs=logs)
        run.results.failed(unit, "failed", error, error)
        run.schedule.fail(unit)


def _keep(run: RunProgress, unit: Unit, result: Done, logs: str, now: datetime) -> Failed | None:
    """The answer, in the run; or why it cannot be kept."""
    plain = dumps(result.output)
    try:
        run.results.check(plain)
    except NormalizedError as error:
        return Failed(describe(error))
    shown = dumps(run.redacted(result.output))
    number = run.schedule.end_number(unit)
    run.end_attempt(unit, status="succeeded", now=now, output=shown, logs=logs, plain=plain, ended_seq=number)
    run.results.succeeded(unit, result.output, shown, len(plain))
    run.schedule.succeed(unit, number)
    return None
