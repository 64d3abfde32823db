"""At which percents of what a plan includes a workspace is told: 50, 80 and 100 until somebody chooses others.

`every` holds for each meter that has no choice of its own in `meters`. No percent at all is silence, with one
exception: a meter whose limit holds events back says so when it is reached, whatever was chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from automate_billing.meters import BY_CODE, HOLDING
from automate_billing.models import UsageThresholds
from automate_governance.errors import Invalid
from automate_tenants import audit
from automate_tenants.models import Tenant
from automate_tenants.provisioning import ref

DEFAULT = (50, 80, 100)
MOST = 10  # thresholds of one meter
Percents = tuple[int, ...]


@dataclass(frozen=True)
class Thresholds:
    """What one workspace chose; percents rise.

    >>> chosen = Thresholds(every=(90,), meters={"runs": ()})
    >>> chosen.of("llm"), chosen.of("runs")
    ((90,), (100,))
    """

    every: Percents = DEFAULT
    meters: Mapping[str, Percents] = field(default_factory=dict)
    changed_at: datetime | None = None  # None: never chosen
    changed_by: str = ""

    def of(self, meter: str) -> Percents:
        """The percents at which this meter is told of, the limit of one that holds events always among them."""
        chosen = self.meters.get(meter, self.every)
        return tuple(sorted({*chosen, 100})) if meter in HOLDING else chosen


def of_workspace(tenant_id: int) -> Thresholds:
    return of_workspaces([tenant_id]).get(tenant_id, Thresholds())


def of_workspaces(tenant_ids: Iterable[int]) -> dict[int, Thresholds]:
    """Those of these workspaces that chose, in one query; the others have `Thresholds()`."""
    found = UsageThresholds.objects.filter(tenant_id__in=list(tenant_ids))
    return {
        row.tenant_id: Thresholds(
            tuple(row.every),
            {meter: tuple(percents) for meter, percents in row.meters.items()},
            row.changed_at,
            row.changed_by,
        )
        for row in found
    }


@transaction.atomic
def choose(
    *, tenant_id: int, every: Iterable[int], meters: Mapping[str, Iterable[int]], actor: str, now: datetime
) -> Thresholds:
    """Set all of them at once; a meter that is not in `meters` follows `every`. Nothing changed, nothing written.

    Raises Invalid, `param` naming the meter, for an unknown meter, a percent out of 1 to 100, or too many.
    """
    wanted = _percents("every", every)
    own = {meter: _percents(meter, percents) for meter, percents in meters.items()}
    tenant = Tenant.objects.select_for_update().get(pk=tenant_id)
    was = of_workspace(tenant_id)
    if (wanted, own) == (was.every, was.meters):
        return was
    row = {"every": wanted, "meters": own, "changed_at": now, "changed_by": actor}
    UsageThresholds.objects.update_or_create(tenant_id=tenant_id, defaults=row)
    details: dict[str, Any] = {"every": wanted, "meters": own, "was": {"every": was.every, "meters": was.meters}}
    audit.record(
        ref(tenant), actor=actor, action="usage.thresholds", resource=f"tenant:{tenant_id}", details=details, now=now
    )
    return Thresholds(wanted, own, now, actor)


def _percents(name: str, percents: Iterable[int]) -> Percents:
    if name not in {"every", *BY_CODE}:
        raise Invalid(f"There is no such meter. There are: {', '.join(BY_CODE)}.", details={"param": name})
    found = tuple(sorted(set(percents)))
    if any(not 1 <= percent <= 100 for percent in found):
        raise Invalid("A threshold is a whole number of percent, from 1 to 100.", details={"param": name})
    if len(found) > MOST:
        raise Invalid(f"A meter has {MOST} thresholds at most.", details={"param": name})
    return found
