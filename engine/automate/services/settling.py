"""What a held run needs to go on: its doubtful attempt gets a result, its job is armed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from automate import host
from automate.execution.sealing import seal_output
from automate.jsontext import dumps
from automate.models import ExecutionRun, StepRun
from automate.outbox.due import due_now
from automate.outbox.orm import arm_run
from automate.policy.guard import version_rules
from automate_governance.errors import Conflict
from automate_governance.redaction import redact
from automate_governance.redaction.current import masking_emails
from automate_governance.storable import storable


def record_verdict(run: ExecutionRun, *, step_id: str, item: int, verdict: str, output: Any, now: datetime) -> None:
    """In the caller's transaction, with the run locked.

    Raises Conflict when no attempt of the step is in doubt, or when it is one of its items that is.
    """
    attempts = StepRun.objects.filter(run_id=run.id, step_id=step_id, status="unknown")
    items = sorted(attempts.filter(item__gt=0).values_list("item", flat=True))
    if items and not item:
        raise Conflict(
            f"Of “{step_id}” it is single items that are in doubt.", details={"step": step_id, "items": items}
        )
    attempt = attempts.filter(item=item).order_by("-round", "-attempt").first()
    if attempt is None:
        raise Conflict(f"No attempt of “{step_id}” is in doubt.", details={"step": step_id, "item": item})
    if verdict == "happened":
        kept = storable(output)
        with masking_emails(_masks_emails(run)):
            shown = redact(kept)
        sealed = seal_output(host.current().data_key(), attempt.id, dumps(kept))
        attempt.status, attempt.output, attempt.sealed = StepRun.Status.SUCCEEDED, shown, sealed
        attempt.save(update_fields=["status", "output", "sealed"])
    else:
        attempt.status, attempt.retry_at = StepRun.Status.FAILED, now
        attempt.save(update_fields=["status", "retry_at"])
    if item:  # the fan-out goes on, and ends with what its items say then
        attempts.filter(item=0).update(status=StepRun.Status.RUNNING, ended_at=None, output=None)
    ExecutionRun.objects.filter(pk=run.id).update(status="queued", error=None, wake_at=None)
    arm_run(run.id, available_at=due_now())
    transaction.on_commit(host.current().ring)


def _masks_emails(run: ExecutionRun) -> bool:
    own = version_rules(run.version_id)
    return host.current().masks_emails() or (own is not None and own.mask_emails)
