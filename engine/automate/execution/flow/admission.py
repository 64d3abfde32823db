"""Admission: what flow control makes of a match, and of a run that was claimed. Pure; the caller asks and writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from automate import ids
from automate.execution.flow.spec import NO_CAPS, WORKSPACE_KEY, Caps, Flow, Gather, key_of
from automate.outbox.store import BufferRow, DecisionRow, EventData, PlaceRow
from automate.templating import TemplateFailed

DEBOUNCED, BATCHED, HALTED = "debounced", "batched", "halted"


@dataclass(frozen=True)
class Admission:
    """The decision as flow control changes it; a run is made when the decision names one."""

    decision: DecisionRow
    places: tuple[PlaceRow, ...] = ()
    buffered: BufferRow | None = None

    @property
    def makes_run(self) -> bool:
        return self.decision.run_id is not None


def admit(
    flow: Flow | None, decision: DecisionRow, event: EventData, context: dict[str, Any], *, job_id: int, is_halted: bool
) -> Admission:
    """Of a workflow that matched. Its place in an order is taken here, in the transaction that ends the event's job."""
    if is_halted:
        decision = decision._replace(decision="held", reason=HALTED)
    if flow is None:
        return Admission(decision)
    workflow_id = decision.workflow_id
    assert workflow_id is not None  # a match is of a workflow
    try:
        if flow.gather is not None:
            return _gathered(flow.gather, decision, context)
        places = () if flow.order is None else (order_place(flow, event, workflow_id, context, place=job_id),)
        if flow.concurrency is not None:
            key_of(flow.concurrency.key, workflow_id, context)
    except TemplateFailed as error:
        reason = f"key_error: {error.message}"[:300]
        return Admission(decision._replace(decision="skipped", reason=reason, run_id=None))
    return Admission(decision, places)


def order_place(flow: Flow, event: EventData, workflow_id: UUID, context: dict[str, Any], *, place: int) -> PlaceRow:
    """Raises TemplateFailed."""
    assert flow.order is not None
    key = key_of(flow.order.key, workflow_id, context)
    run_id = ids.run_id(event.id, workflow_id)
    return PlaceRow(run_id, "order", key, workflow_id, place, 1, flow.order.on_stuck)


def _gathered(gather: Gather, decision: DecisionRow, context: dict[str, Any]) -> Admission:
    assert decision.workflow_id is not None and decision.version_id is not None
    key = key_of(gather.key, decision.workflow_id, context)
    row = BufferRow(
        decision.workflow_id,
        decision.version_id,
        key,
        gather.kind,
        decision.event_id,
        gather.seconds,
        gather.max_seconds,
        gather.size,
        decision.trace_id,
    )
    reason = BATCHED if gather.size else DEBOUNCED
    return Admission(decision._replace(decision="held", reason=reason, run_id=None), buffered=row)


def asks(
    flow: Flow | None,
    run_id: UUID,
    workflow_id: UUID,
    context: dict[str, Any],
    *,
    job_id: int,
    is_halted: bool,
    caps: Caps = NO_CAPS,
) -> list[PlaceRow]:
    """What a claimed run has to have before it goes on, in the order in which to ask. Raises TemplateFailed."""
    wanted = []
    if is_halted:
        wanted.append(PlaceRow(run_id, "halt", str(workflow_id), workflow_id, job_id, 1, ""))
    if flow is not None and flow.order is not None:
        key = key_of(flow.order.key, workflow_id, context)
        wanted.append(PlaceRow(run_id, "order", key, workflow_id, job_id, 1, flow.order.on_stuck))
    if flow is not None and flow.concurrency is not None:
        key = key_of(flow.concurrency.key, workflow_id, context)
        wanted.append(PlaceRow(run_id, "slot", key, workflow_id, job_id, flow.concurrency.limit, ""))
    if caps.workflow is not None:
        wanted.append(PlaceRow(run_id, "flow", f"{workflow_id}:", workflow_id, job_id, caps.workflow, ""))
    if caps.workspace is not None:
        wanted.append(PlaceRow(run_id, "all", WORKSPACE_KEY, workflow_id, job_id, caps.workspace, ""))
    return wanted


def limit_error(key: str, now: datetime) -> dict[str, Any]:
    """The error of a run that was not to wait for a slot."""
    return {
        "code": "concurrency_limit",
        "message": "As many runs of this key as may go at once were going.",
        "details": {"key": key, "at": now.isoformat()},
    }


def parked_error(key: str) -> dict[str, Any]:
    """The error of a run behind a held one, where the key is to stop there."""
    return {
        "code": "order_parked",
        "message": "A run before this one, of the same key, is held.",
        "details": {"key": key},
    }
