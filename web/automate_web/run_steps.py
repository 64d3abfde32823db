"""A run's steps as people see them: those of its version, their handlers and compensations where they ran, its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from automate.definitions.steps import COMPENSATE
from automate.models import RunWait, StepRun, WorkflowVersion


def steps_of(version: WorkflowVersion, attempts: Sequence[StepRun]) -> list[dict[str, Any]]:
    """Definitions in the order of the document. What only runs after a failure is left out where it did not."""
    ran = {attempt.step_id for attempt in attempts}
    return [step for step, is_certain in _every(version) if is_certain or step["id"] in ran]


def standing(attempts: Sequence[StepRun]) -> StepRun | None:
    """The attempt that says how the step stands: of a fan-out its own row, else the latest."""
    own = [attempt for attempt in attempts if not attempt.item]
    return (own or list(attempts))[-1] if attempts else None


def waits_for(step: dict[str, Any], attempt: StepRun, wait: RunWait | None) -> str:
    """What a waiting attempt waits for, in words; "" when it does not wait."""
    if attempt.status != StepRun.Status.WAITING:
        return ""
    until = f" until {attempt.retry_at:%Y-%m-%d %H:%M:%S} UTC" if attempt.retry_at else ""
    if wait is not None and wait.kind == RunWait.Kind.APPROVAL:
        return f"waiting for approval{until}"
    if wait is not None and wait.kind == RunWait.Kind.EVENT:
        return f"waiting for event {wait.event_type}{until}"
    if wait is not None:
        return f"waiting for the run it started{until}"
    reason = attempt.error.get("message", "") if attempt.error else ""
    return f"waiting{until}{': ' + reason if reason else ''}"


def _every(version: WorkflowVersion) -> Iterator[tuple[dict[str, Any], bool]]:
    for step in version.steps:
        yield step, True
        on_error = step.get("on_error")
        for handler in on_error["steps"] if isinstance(on_error, dict) else ():
            yield handler, False
        if step.get("compensate"):
            yield {"id": step["id"] + COMPENSATE, **step["compensate"]}, False
    for step in version.options.get("finally", ()):
        yield step, True
