"""Answers to steps that ask a person (`core.approve`)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction

from automate import host
from automate.execution import waiting
from automate.models import RunWait
from automate.services import audit
from automate_governance.errors import Conflict, NotFound, PermissionDenied

MAX_COMMENT = 2_000


@transaction.atomic
def answer_approval(
    *,
    wait_id: UUID,
    approved: bool,
    comment: str = "",
    actor: str,
    known_as: Collection[str] = (),
    now: datetime,
) -> RunWait:
    """Keep the answer and who gave it, and let the run go on.

    `known_as`: other names by which a step may ask the actor, such as an e-mail address or `role:admin`. Raises
    NotFound; PermissionDenied when the step names approvers and the actor is none of them; Conflict when somebody
    answered first, the time is over, or the run was stopped.
    """
    wait = RunWait.objects.filter(pk=wait_id, kind="approval").first()
    if wait is None:
        raise NotFound("There is no such approval.", details={"id": str(wait_id)})
    approvers = (wait.details or {}).get("approvers") or []
    if approvers and not {actor, *known_as}.intersection(approvers):
        raise PermissionDenied("Somebody else is asked for this approval.", details={"approvers": approvers})
    answer = {"approved": approved, "comment": comment[:MAX_COMMENT]}
    is_open = wait.expires_at is None or wait.expires_at > now
    if not is_open or not waiting.answer(wait, answer, by=actor, now=now):
        wait.refresh_from_db()
        status = wait.status if wait.status != "open" else "expired"
        raise Conflict(f"The approval is {status} already.", details={"status": status, "by": wait.answered_by})
    details = {"approved": approved, "run_id": str(wait.run_id), "step": wait.step_id}
    audit.record(
        actor=actor, action="run.approve", resource=f"wait:{wait.id}", details=details, now=now, trace_id=wait.trace_id
    )
    transaction.on_commit(host.current().ring)
    wait.refresh_from_db()
    return wait
