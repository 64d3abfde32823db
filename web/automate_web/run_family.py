"""What a run is linked with: the run it repeats, those that repeat it, its parent and its children."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from automate.models import ExecutionRun

MOST = 2_000  # children of two whole fan-outs


@dataclass(frozen=True)
class Family:
    """Runs with their ids and states alone; oldest first."""

    original: ExecutionRun | None
    retries: list[ExecutionRun]
    parent: ExecutionRun | None
    children: list[ExecutionRun]


def family_of(run: ExecutionRun) -> Family:
    """One query."""
    above = [key for key in (run.retry_of, run.parent_run_id) if key]
    linked = Q(retry_of=run.pk) | Q(parent_run_id=run.pk) | Q(pk__in=above)
    rows = ExecutionRun.objects.filter(linked).only(
        "status", "retry_of", "parent_run_id", "parent_step_id", "attempt", "created_at"
    )
    found = list(rows.order_by("created_at", "pk")[:MOST])
    return Family(
        original=next((each for each in found if each.pk == run.retry_of), None),
        retries=[each for each in found if each.retry_of == run.pk],
        parent=next((each for each in found if each.pk == run.parent_run_id), None),
        children=[each for each in found if each.parent_run_id == run.pk],
    )
