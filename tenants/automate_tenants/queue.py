"""How a workspace stands in the fleet: what waits for a worker, for how long, what workers hold, and its share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min

from automate.models import OutboxJob
from automate_tenants.context import current_tenant
from automate_tenants.models import DispatchTenant

MOST_WAITING = 10_000  # counted; more are "10,000 or more"


@dataclass(frozen=True)
class Queue:
    """`waiting`: jobs that are due and that no worker has. `weight`: the workspace's share beside others' weights."""

    waiting: int  # at most MOST_WAITING
    oldest_seconds: float  # how long the first of them has waited; 0 where none does
    in_flight: int  # in the hands of workers, each job counted
    max_in_flight: int
    weight: float

    @property
    def is_longer(self) -> bool:
        """Whether more may wait than were counted."""
        return self.waiting == MOST_WAITING


def queue(now: datetime) -> Queue:
    """Of the current workspace. Two queries, the first by the index that claims use."""
    due = OutboxJob.objects.filter(status=OutboxJob.Status.PENDING, available_at__lte=now)
    waiting = due.order_by("available_at", "pk")[:MOST_WAITING].aggregate(jobs=Count("pk"), oldest=Min("available_at"))
    row = DispatchTenant.objects.get(pk=current_tenant().id)
    seconds = (now - waiting["oldest"]).total_seconds() if waiting["oldest"] else 0.0
    return Queue(waiting["jobs"], seconds, row.inflight, row.max_inflight, row.weight)
