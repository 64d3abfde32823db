"""Backtests as jobs: asked for, watched, cancelled. The worker does them (`automate.dryrun.stored`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from automate import ids
from automate.dryrun.stored import arm
from automate.models import Event, StoredBacktest, Workflow
from automate.services import audit
from automate.services.testing import refuse_unrunnable
from automate_governance.errors import Conflict, Invalid, NotFound

MAX_EVENTS = 100_000  # of one backtest
MAX_RUNNING = 2  # of one workspace at the same time


@transaction.atomic
def start_backtest(
    *,
    workflow_id: UUID,
    definition: dict[str, Any],
    since: datetime,
    until: datetime,
    actor: str,
    now: datetime,
    version_num: int | None = None,
    max_events: int = MAX_EVENTS,
) -> StoredBacktest:
    """Try the definition over the events from `since` to before `until`, in the background; it is frozen now.

    Raises NotFound, InvalidDraft, Invalid for a span that ends before it begins or too many events, and Conflict while
    `MAX_RUNNING` others run.
    """
    if not Workflow.objects.filter(pk=workflow_id).exists():
        raise NotFound("There is no such workflow.", details={"id": str(workflow_id)})
    if since >= until:
        raise Invalid("The span ends before it begins.", details={"param": "since"})
    if not 1 <= max_events <= MAX_EVENTS:
        raise Invalid(f"One backtest looks at 1 to {MAX_EVENTS:,} events.", details={"param": "max_events"})
    refuse_unrunnable(definition)
    _refuse_too_many()
    span = Event.objects.filter(id__gte=ids.first_id_at(since), id__lt=ids.first_id_at(until))
    stored = StoredBacktest(
        workflow_id=workflow_id,
        version_num=version_num,
        definition=definition,
        since=since,
        until=until,
        max_events=max_events,
        events_total=span.values("id")[:max_events].count(),
        created_by=actor[:200],
        created_at=now,
    )
    arm(stored)
    stored.save()
    details = {"backtest": str(stored.pk), "version": version_num, "events": stored.events_total}
    audit.record(actor=actor, action="backtest.start", resource=f"workflow:{workflow_id}", details=details, now=now)
    return stored


@transaction.atomic
def cancel_backtest(*, backtest_id: UUID, actor: str, now: datetime) -> StoredBacktest:
    """Stop it; what was found so far stays. One that has ended stays as it is. Raises NotFound."""
    stored = StoredBacktest.objects.select_for_update().filter(pk=backtest_id).first()
    if stored is None:
        raise NotFound("There is no such backtest.", details={"id": str(backtest_id)})
    if stored.status != StoredBacktest.Status.RUNNING:
        return stored
    stored.status, stored.ended_at = StoredBacktest.Status.CANCELLED, now
    stored.save(update_fields=["status", "ended_at"])
    details = {"backtest": str(stored.pk)}
    audit.record(
        actor=actor, action="backtest.cancel", resource=f"workflow:{stored.workflow_id}", details=details, now=now
    )
    return stored


def _refuse_too_many() -> None:
    """Two that begin at the same moment may both pass: a bound for people's patience, not a cap."""
    running = StoredBacktest.objects.filter(status=StoredBacktest.Status.RUNNING).count()
    if running >= MAX_RUNNING:
        raise Conflict(
            f"{running} backtests run already. Wait for one to end, or cancel it.", details={"running": running}
        )
