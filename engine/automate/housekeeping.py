"""Housekeeping of one schema: what is past its retention is deleted, and places in queues that nobody has any more.

Timers whose tick job died are set going again. Money set aside for a model's call whose process died is counted as
spent.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.apps import apps

from automate import bulk_runs
from automate.dryrun import stored as backtests
from automate.execution.flow import buffers, places, quotas
from automate.outbox.dead_ticks import wake_dead_ticks
from automate.retention import Purged, Retention, purge
from automate.triggers import schedules


def keep_house(*, now: datetime, retention: Retention, go_on: Callable[[], bool] = lambda: True) -> Purged[str]:
    """Do what is due in the current schema, in short transactions; `go_on` is asked between them. Rows deleted."""
    if apps.is_installed("automate_governance"):
        from automate.services.secrets import forget_replaced  # its tables are an app of their own

        forget_replaced(now=now)
    if apps.is_installed("automate_llm"):
        from automate_llm.budgets import reconcile

        reconcile.sweep(now=now)
        reconcile.forget_runs(now=now)
        reconcile.forget_calls(now=now, batch_size=retention.batch_size, go_on=go_on)
    places.sweep(now=now)
    quotas.forget(now=now)
    schedules.repair(now=now)
    buffers.repair()
    backtests.repair(now=now)
    bulk_runs.repair(now=now)
    wake_dead_ticks(now=now)
    return purge(now=now, retention=retention, go_on=go_on)
