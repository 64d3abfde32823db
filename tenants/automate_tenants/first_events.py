"""From sign-up to the first event: how long each workspace took, and what is usual. For operators."""

from __future__ import annotations

import math
from dataclasses import dataclass

from automate.models import Event
from automate_tenants.context import tenant_scope
from automate_tenants.models import Tenant
from automate_tenants.provisioning import ref

MAX_LOOKED_AT = 500  # workspaces in one call, newest first


@dataclass(frozen=True)
class TimeToFirstEvent:
    """Whole seconds over `workspaces` that have had an event; both None without any."""

    workspaces: int
    median_seconds: int | None
    p90_seconds: int | None


def note() -> int:
    """Look where no first event is noted yet, and note it: retention may delete the event itself. How many were new."""
    found = 0
    for tenant in Tenant.objects.filter(first_event_at=None).order_by("-pk")[:MAX_LOOKED_AT]:
        with tenant_scope(ref(tenant)):
            received_at = Event.objects.order_by("pk").values_list("received_at", flat=True).first()
        if received_at is not None:
            found += Tenant.objects.filter(pk=tenant.pk, first_event_at=None).update(first_event_at=received_at)
    return found


def time_to_first_event() -> TimeToFirstEvent:
    """Over every workspace whose first event is noted."""
    times = Tenant.objects.exclude(first_event_at=None).values_list("created_at", "first_event_at")
    seconds = sorted(max(0, round((first - made).total_seconds())) for made, first in times if first is not None)
    return TimeToFirstEvent(len(seconds), _nearest_rank(seconds, 0.5), _nearest_rank(seconds, 0.9))


def _nearest_rank(ordered: list[int], share: float) -> int | None:
    """
    >>> _nearest_rank([10, 20, 30], 0.5), _nearest_rank(list(range(1, 11)), 0.9), _nearest_rank([], 0.5)
    (20, 9, None)
    """
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else None
