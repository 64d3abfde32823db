"""After a workflow was published, enabled or disabled: what besides the worker has to know of its trigger."""

from __future__ import annotations

from datetime import datetime

from automate.models import Workflow
from automate.triggers import schedules, signals


def follow(workflow: Workflow, *, now: datetime) -> None:
    """In the transaction that changed the workflow."""
    schedules.follow(workflow, now=now)
    signals.forget()
