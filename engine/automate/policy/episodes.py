"""Denials as governance decisions: the first of an episode is an audit entry, in the write that records the step.

An episode is one rule of one layer in one workflow within one hour (UTC). How often it denied is counted apart
(`blocked`), so that a workflow which meets a denial a thousand times a minute does not fill the audit log.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from automate import ids
from automate.jsontext import dumps
from automate.outbox.store import DenialRow
from automate.policy.blocked import Block
from automate.policy.guard import block_of
from automate_governance.redaction import redact
from automate_governance.storable import storable

_BUDGETS = {"tenant": "llm_budget_daily", "workflow": "llm_budget_workflow", "run": "llm_budget_run"}


def denial_row(
    error: Mapping[str, Any],
    *,
    workflow_id: UUID,
    run_id: UUID,
    step_id: str,
    trace_id: UUID,
    secrets: tuple[str, ...],
    now: datetime,
) -> DenialRow | None:
    """What the audit log is told of a step's `error` (code, message, details); None when policy had no part in it.

    `secrets`: values to mask.
    """
    block = block_of("denied", error) or _of_other_decisions(error)
    if block is None:
        return None
    hour = now.replace(minute=0, second=0, microsecond=0)
    episode = f"{workflow_id} {block.layer} {block.rule} {hour.isoformat()}"
    details = {
        "rule": block.rule,
        "layer": block.layer,
        "subject": block.subject,
        "code": error.get("code"),
        "reason": error.get("message"),
        "run_id": str(run_id),
        "step_id": step_id,
    }
    resource = f"workflow:{workflow_id}"
    told = dumps({**redact(storable(details), secrets), "episode": episode})
    return DenialRow(ids.new_id(), episode, ids.first_id_at(hour), resource, told, trace_id, now)


def _of_other_decisions(error: Mapping[str, Any]) -> Block | None:
    """What is decided beside the policy's document: who may use a secret, and what a model's call may cost.

    >>> _of_other_decisions({"code": "budget_exceeded", "details": {"scope": "run"}})
    Block(rule='llm_budget_run', layer='run', subject='llm', outcome='denied')
    """
    code, details = error.get("code"), error.get("details") or {}
    if code == "secret_not_allowed":
        names = details.get("names") or [details.get("name", "")]
        return Block("secrets", "tenant", ", ".join(map(str, names))[:260], "denied")
    if code == "budget_exceeded":
        scope = str(details.get("scope", "tenant"))
        return Block(_BUDGETS.get(scope, "llm_budget_daily"), scope, "llm", "denied")
    return None
