"""Approvals as people see them: the open questions, and the names under which somebody may be asked.

A step may name who is asked (`approvers`): an e-mail address, `role:<role>`, `user:<id>` or `key:<prefix>`. Where it
names nobody, every member whose role holds `answer_approval` may answer, and every key with `runs:write`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from automate.models import ExecutionRun, RunWait
from automate_governance.errors import Conflict, NotFound
from automate_web.requests import WorkspaceRequest, actor

ANSWER = "automate.answer_approval"


@dataclass(frozen=True)
class Question:
    """An open approval with its run. `may_answer`: whether the person who looks is asked."""

    wait: RunWait
    run: ExecutionRun
    may_answer: bool

    @property
    def message(self) -> str:
        return str((self.wait.details or {}).get("message", ""))

    @property
    def approvers(self) -> list[str]:
        return approvers(self.wait)


def approvers(wait: RunWait) -> list[str]:
    """Who is named; nobody: everybody who may."""
    return [str(name) for name in (wait.details or {}).get("approvers") or []]


def open_approvals(now: datetime) -> QuerySet[RunWait]:
    """Waits for an answer whose time is not over."""
    in_time = Q(expires_at=None) | Q(expires_at__gt=now)
    return RunWait.objects.filter(in_time, kind=RunWait.Kind.APPROVAL, status=RunWait.Status.OPEN)


def find_approval(run_id: UUID, step_id: str, item: int) -> RunWait:
    """The question of that step. Raises NotFound, and Conflict when it has been answered or has expired."""
    waits = RunWait.objects.filter(run_id=run_id, step_id=step_id, item=item, kind=RunWait.Kind.APPROVAL)
    wait = waits.filter(status=RunWait.Status.OPEN).first() or waits.order_by("-created_at").first()
    if wait is None:
        raise NotFound("This step asks for no approval.", details={"step": step_id, "item": item})
    if wait.status != RunWait.Status.OPEN:
        details = {"status": wait.status, "by": wait.answered_by}
        raise Conflict(f"The approval is {wait.status} already.", details=details)
    return wait


def questions(waits: Iterable[RunWait], request: WorkspaceRequest) -> list[Question]:
    """Each wait with its run, and whether this member may answer. One query for the runs."""
    found = list(waits)
    rows = ExecutionRun.objects.select_related("version__workflow").defer("outputs", "version__steps")
    runs = rows.in_bulk([wait.run_id for wait in found])
    return [Question(wait, runs[wait.run_id], may_answer(wait, request)) for wait in found if wait.run_id in runs]


def names_of(request: WorkspaceRequest) -> frozenset[str]:
    """What a step may call this member."""
    return frozenset({actor(request), request.user.email, f"role:{request.membership.role}"})


def may_answer(wait: RunWait, request: WorkspaceRequest) -> bool:
    named = approvers(wait)
    return bool(names_of(request).intersection(named)) if named else request.user.has_perm(ANSWER)
