"""Locking jobs before anything else of a transaction, in one order (see `automate.outbox.waits`)."""

from __future__ import annotations

from django.db import connection
from django.db.models import F, Q

from automate.models import OutboxJob


def lock_jobs(which: Q) -> None:
    """Wait for whoever has these jobs, and keep others from them to the transaction's end.

    SQLite has one lock, taken by the first write: a transaction that reads first is refused it, without a wait, when
    another has written meanwhile (SQLite documentation, "Isolation": SQLITE_BUSY_SNAPSHOT). So this writes first.
    """
    jobs = OutboxJob.objects.filter(which)
    if connection.features.has_select_for_update:
        list(jobs.select_for_update().order_by("id").values_list("id"))
    else:
        jobs.update(status=F("status"))
