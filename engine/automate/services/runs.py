"""Runs under a person's hand: stop one, with its children."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from automate import host
from automate.execution.states import FINAL_RUN
from automate.execution.waiting import request_cancel
from automate.models import ExecutionRun
from automate.services import audit
from automate_governance.errors import Conflict, NotFound


@transaction.atomic
def cancel_run(*, run_id: UUID, actor: str, now: datetime) -> ExecutionRun:
    """Ask the run and its children to stop at their next safe point; their finally steps still run.

    A step in a worker's hands is let finish; the worker hears of it within a third of its lease. Asking
    again changes nothing. Raises NotFound, and Conflict when the run has ended.
    """
    run = ExecutionRun.objects.filter(pk=run_id).first()
    if run is None:
        raise NotFound("There is no such run.", details={"id": str(run_id)})
    if run.status in FINAL_RUN:
        raise Conflict(f"The run has {run.status} already.", details={"status": run.status})
    if run.cancel_requested_at is None:
        request_cancel([run.id], now=now)
        audit.record(
            actor=actor, action="run.cancel", resource=f"run:{run.id}", details={}, now=now, trace_id=run.trace_id
        )
        transaction.on_commit(host.current().ring)
    run.refresh_from_db()
    return run
