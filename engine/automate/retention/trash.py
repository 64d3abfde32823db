"""Emptying the trash: purge what has been in it for 30 days, and delete what was purged once nothing refers to it.

A purged workflow's row stays while a run of it is kept, and for the retention time: so long pages still tell why an
event did or did not start it. Then it goes, with its versions, schedule, marks and backtests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from automate.models import ExecutionRun, FailureMark, Halt, RunCount, StoredBacktest, Workflow, WorkflowVersion
from automate.outbox import sql
from automate.services.dependents import unfinished_runs
from automate.services.trash import KEPT, empty

ACTOR = "system"


def purge_trash(cutoff: datetime, now: datetime, size: int) -> Iterator[Counter[str]]:
    """One workflow a transaction. `cutoff`: what was purged before it may be deleted."""
    for workflow_id in _ids(Workflow.objects.in_trash().filter(removed_at__lt=now - KEPT), size):
        yield _empty(workflow_id, now)
    run = ExecutionRun.objects.filter(workflow_id=OuterRef("pk"))
    for workflow_id in _ids(Workflow.objects.filter(~Exists(run), purged_at__lt=cutoff), size):
        yield _delete(workflow_id)


@transaction.atomic
def _empty(workflow_id: UUID, now: datetime) -> Counter[str]:
    """A run that has not ended still needs its version, so it waits for the next pass."""
    workflow = Workflow.objects.in_trash().select_for_update().filter(pk=workflow_id).first()
    if workflow is not None and not unfinished_runs(workflow_id):
        empty(workflow, actor=ACTOR, now=now)
    return Counter()


@transaction.atomic
def _delete(workflow_id: UUID) -> Counter[str]:
    deleted: Counter[str] = Counter(workflowversion=_drop_versions(workflow_id))
    kept_by_id: list[QuerySet[Any]] = [
        StoredBacktest.objects.filter(workflow_id=workflow_id),
        FailureMark.objects.filter(workflow_id=workflow_id),
        Halt.objects.filter(pk=workflow_id),
        RunCount.objects.filter(scope=str(workflow_id)),
        Workflow.objects.filter(pk=workflow_id),
    ]
    for rows in kept_by_id:
        for label, count in rows.delete()[1].items():
            deleted[label.rpartition(".")[2].lower()] += count
    return +deleted


def _drop_versions(workflow_id: UUID) -> int:
    if connection.vendor != "postgresql":
        return WorkflowVersion.objects.filter(workflow_id=workflow_id).delete()[0]
    with connection.cursor() as cursor:
        cursor.execute(sql.load("drop_versions"), {"workflow_id": workflow_id})
        return int(cursor.fetchone()[0])


def _ids(workflows: QuerySet[Workflow], size: int) -> list[UUID]:
    return list(workflows.order_by("pk").values_list("pk", flat=True)[:size])
