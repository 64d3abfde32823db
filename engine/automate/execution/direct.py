"""Running one workflow directly: past its rule, never past policy. It still leaves an event, and a decision that says
so.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from automate import host, ids
from automate.definitions import parse_plan
from automate.ingest.hops import CURRENT, MAX_HOPS, Hop
from automate.models import Event, ExecutionRun, MatchDecision, OutboxJob, Workflow, WorkflowVersion
from automate.outbox.due import due_now
from automate_governance.errors import Conflict, NotFound

EVENT_TYPE = "workflow.invoked"
REASON = "direct"


@transaction.atomic
def start_direct(slug: str, payload: dict[str, Any]) -> UUID:
    """A queued run of the live version of workflow `slug`.

    Raises NotFound, or Conflict when nothing is live and for a loop.
    """
    version = _live(slug)
    now = timezone.now()
    hop = CURRENT.get()  # called by a step: the run follows that step's
    hops = _hops(hop)
    event = Event.objects.create(
        type=EVENT_TYPE, payload=payload, source="run_workflow", trace_id=_trace(hop), received_at=now
    )
    return _start(event, version, reason=REASON, origin=ExecutionRun.Origin.DIRECT, hops=hops, now=now)


@transaction.atomic
def start_for_event(event: Event, slug: str, *, reason: str, origin: str, now: datetime) -> UUID:
    """The same for an event that is there already and that nobody has matched. Raises as `start_direct`."""
    return _start(event, _live(slug), reason=reason, origin=origin, hops=0, now=now)


def _live(slug: str) -> WorkflowVersion:
    workflow = Workflow.objects.kept().select_related("active_version").filter(slug=slug).first()
    if workflow is None:
        raise NotFound(f"There is no workflow “{slug}”.", details={"slug": slug})
    version = workflow.active_version
    if version is None or not workflow.is_enabled:
        raise Conflict(f"No version of “{slug}” is live. Publish or enable it first.", details={"slug": slug})
    return version


def _hops(hop: Hop | None) -> int:
    hops = hop.hops + 1 if hop is not None else 0
    if hops > MAX_HOPS:
        message = f"{hops} runs, each started by the one before, led to this call: a loop."
        raise Conflict(message, details={"hops": hops})
    return hops


def _start(event: Event, version: WorkflowVersion, *, reason: str, origin: str, hops: int, now: datetime) -> UUID:
    plan = parse_plan(version.steps, version.options)
    run_id = ids.run_id(event.id, version.workflow_id)
    ExecutionRun.objects.create(
        id=run_id,
        event_id=event.id,
        workflow_id=version.workflow_id,
        version=version,
        trace_id=event.trace_id,
        status="queued",
        hops=hops,
        steps_total=len(plan.steps),
        created_at=now,
        origin=origin,
        deadline_at=now + timedelta(seconds=plan.deadline_seconds),
    )
    MatchDecision.objects.create(
        event_id=event.id,
        workflow_id=version.workflow_id,
        version_id=version.id,
        run_id=run_id,
        decision="started",
        reason=reason,
        decided_at=now,
        trace_id=event.trace_id,
    )
    OutboxJob.objects.create(kind="run", run_id=run_id, available_at=due_now(), trace_id=event.trace_id)
    transaction.on_commit(host.current().ring)
    return run_id


def _trace(hop: Hop | None) -> UUID:
    return UUID(hex=hop.trace_id) if hop is not None and hop.trace_id else ids.new_id()
