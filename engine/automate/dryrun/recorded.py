"""Answers out of recorded runs: the real outputs, opened with the tenant's key, for the time they are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any
from uuid import UUID

from automate import host
from automate.dryrun.answers import Answer, Recorded, RecordedStep
from automate.execution.schedule import Unit
from automate.execution.sealing import open_output, open_state
from automate.jsontext import loads
from automate.models import ExecutionRun, RunState, StepRun
from automate_governance.crypto import Unsealable
from automate_governance.secrets import SecretValue

# Errors of the engine, not of the other side: they say nothing about what another version would be answered.
NOT_ANSWERS = frozenset({
    "template_failed", "connector_not_allowed", "egress_denied", "outbound_rate_limited", "output_too_large",
    "state_too_large", "unknown_connector", "unknown_action", "wait_lost", "deadline_exceeded",
})  # fmt: skip


def recorded_runs(run_ids: Collection[UUID]) -> dict[UUID, Recorded]:
    """Run id → what its steps did. A run that is gone is left out, an output that cannot be read is unknown."""
    statuses = dict(ExecutionRun.objects.filter(pk__in=run_ids).values_list("id", "status"))
    rows: dict[UUID, list[StepRun]] = defaultdict(list)
    if statuses:
        found = StepRun.objects.defer(None).filter(run_id__in=statuses).order_by("round", "attempt")
        for row in found.defer("output", "logs"):
            rows[row.run_id].append(row)
    data_key = host.current().data_key() if statuses else b""
    secrets = _secrets(statuses, data_key)
    return {
        run_id: Recorded(run_id, status, _steps(rows[run_id], data_key), secrets.get(run_id, ()))
        for run_id, status in statuses.items()
    }


def _steps(rows: list[StepRun], data_key: bytes) -> dict[Unit, RecordedStep]:
    latest = {Unit(row.step_id, row.item): row for row in rows}
    fans = {unit.step for unit in latest if unit.item}
    return {
        unit: RecordedStep(
            row.connector, row.action, row.status, row.input, None if _is_fan(unit, fans) else _answer(row, data_key)
        )
        for unit, row in latest.items()
    }


def _is_fan(unit: Unit, fans: set[str]) -> bool:
    return not unit.item and unit.step in fans


def _answer(row: StepRun, data_key: bytes) -> Answer | None:
    if row.status == "succeeded" and row.sealed is not None:
        try:
            output: Any = loads(open_output(data_key, row.id, bytes(row.sealed)))
        except Unsealable:
            return None
        return Answer("recorded", output=output, run_id=row.run_id, request=row.input)
    if row.status not in ("failed", "unknown") or not row.error or row.input is None:
        return None
    if row.error.get("code") in NOT_ANSWERS:
        return None
    return Answer("recorded", error=row.error, is_doubt=row.status == "unknown", run_id=row.run_id, request=row.input)


def _secrets(run_ids: Collection[UUID], data_key: bytes) -> dict[UUID, tuple[SecretValue, ...]]:
    """What the steps of each run had resolved: masked wherever it turns up."""
    found = {}
    for run_id, sealed in RunState.objects.filter(run_id__in=run_ids).values_list("run_id", "sealed"):
        try:
            state = open_state(data_key, run_id, bytes(sealed))
        except Unsealable:
            continue
        found[run_id] = tuple(SecretValue(value, tuple(hosts)) for value, hosts in state.get("secrets", ()))
    return found
