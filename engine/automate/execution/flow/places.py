"""Places of runs that are gone, and the limit of places that policy counts: what no run's own write sees to."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from automate import host
from automate.execution.flow.spec import WORKSPACE_KEY
from automate.execution.states import FINAL_RUN
from automate.models import ExecutionRun, QueuePlace
from automate.outbox import sql

NO_LIMIT = 2**31 - 1
SETTLED = timedelta(minutes=5)  # a younger place may be of a run that is being written


@transaction.atomic
def sweep(*, now: datetime) -> int:
    """Delete the places of runs that have ended or are gone, and let whoever waits behind them go on; how many.

    The database frees the places of a run that ends; this finds what was deleted by hand, or came from a copy.
    """
    unfinished = ExecutionRun.objects.filter(pk=OuterRef("run_id")).exclude(status__in=FINAL_RUN)
    places = QueuePlace.objects.exclude(kind=QueuePlace.Kind.MARK).filter(asked_at__lt=now - SETTLED)
    left = list(places.filter(~Exists(unfinished)).values_list("pk", "kind", "key"))
    QueuePlace.objects.filter(pk__in=[pk for pk, _, _ in left]).delete()
    for kind in sorted({kind for _, kind, _ in left} - {QueuePlace.Kind.HALT, QueuePlace.Kind.QUOTA}):
        _grant(kind, [key for _, of, key in left if of == kind])
    return len(left)


@transaction.atomic
def recap(max_runs: int | None) -> None:
    """The workspace's limit of runs is another now: those that wait already are held to the new one."""
    waiting = QueuePlace.objects.filter(kind=QueuePlace.Kind.ALL, granted_at=None)
    if waiting.update(cap=NO_LIMIT if max_runs is None else max_runs):
        _grant(QueuePlace.Kind.ALL, [WORKSPACE_KEY])


def _grant(kind: str, keys: list[str]) -> None:
    if connection.vendor == "postgresql":  # elsewhere there are no queues
        with connection.cursor() as cursor:
            cursor.execute(sql.load("grant_places"), {"kind": kind, "keys": sorted(set(keys))})
        transaction.on_commit(host.current().ring)
