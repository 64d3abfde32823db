"""Whether a run's secrets are still known: only then can what its steps gave be shown, or be gone on with, masked.

The values that steps had resolved are kept sealed with the run's state, which expires; outputs stay with their
attempts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from automate.models import ExecutionRun, RunState, StepRun
from automate.secrets.references import names_in


def forgets_secrets(run: ExecutionRun, step_ids: Iterable[str] | None = None) -> bool:
    """Whether attempted steps of the run (by default all) refer to secrets whose values are not kept any more."""
    if RunState.objects.filter(run_id=run.pk).exists():
        return False
    attempted = set(StepRun.objects.filter(run_id=run.pk, input__isnull=False).values_list("step_id", flat=True))
    wanted = attempted if step_ids is None else attempted & set(step_ids)
    return any(names_in(params) for step_id, params in _params(run).items() if step_id in wanted)


def _params(run: ExecutionRun) -> dict[str, Any]:
    """What every step of the run's version is given, by its id: also of those inside handlers."""
    found: dict[str, Any] = {}
    waiting: list[Any] = [run.version.steps, run.version.options]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            if isinstance(value.get("id"), str) and "connector" in value:
                found[value["id"]] = value.get("params")
                found[f"{value['id']}.compensate"] = value.get("compensate")
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return found
