"""Tick jobs: a due time that is neither an event nor a run. Each handler knows its own jobs by what names them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from automate import bulk_runs
from automate.dryrun import stored as backtests
from automate.execution import endings, waiting
from automate.execution.flow import buffers
from automate.triggers import schedules

Handler = Callable[..., bool]
HANDLERS: tuple[Handler, ...] = (
    waiting.tick,
    schedules.tick,
    buffers.tick,
    endings.tick,
    backtests.tick,
    bulk_runs.tick,
)  # called as handler(job_id, now=...): True when the job was its


def process(job_id: int, *, now: datetime) -> bool:
    """Do what the tick job is for, in one transaction that is safe to repeat. False for a job that nothing names."""
    return any(handler(job_id, now=now) for handler in HANDLERS)
