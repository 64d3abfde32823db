"""Features that operators switch, for everybody or for one workspace.

What is switched is listed here with what it is when nobody has said anything; a row for a workspace goes before the row
for everybody. A switch holds from the next request on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from automate_governance.errors import Invalid
from automate_tenants import audit
from automate_tenants.directory import tenant_by_id
from automate_tenants.models import FeatureSwitch


@dataclass(frozen=True)
class Feature:
    """What can be switched. `of_workspaces`: also for one alone."""

    words: str
    is_on: bool = True
    of_workspaces: bool = True


FEATURES = {
    "sign_up": Feature("New people may sign up by themselves", of_workspaces=False),
    "new_workspaces": Feature("People who have an account may open more workspaces", of_workspaces=False),
    "export": Feature("Owners may export all data of their workspace"),
}


def is_on(feature: str, tenant_id: int | None = None) -> bool:
    """Whether the feature is on, for this workspace. Raises KeyError for a feature that is not listed."""
    wanted = Q(tenant_id=None) | Q(tenant_id=tenant_id)
    said = dict(FeatureSwitch.objects.filter(wanted, feature=feature).values_list("tenant_id", "is_on"))
    return said.get(tenant_id, said.get(None, FEATURES[feature].is_on))


@transaction.atomic
def switch(*, feature: str, tenant_id: int | None, is_on: bool | None, actor: str, now: datetime) -> None:
    """Turn it on or off, or with None take the operator's word back. One workspace's is in its audit log.

    Raises Invalid for what cannot be switched.
    """
    known = FEATURES.get(feature)
    if known is None or (tenant_id is not None and not known.of_workspaces):
        raise Invalid("There is no such switch.", details={"param": "feature"})
    if is_on is None:
        FeatureSwitch.objects.filter(feature=feature, tenant_id=tenant_id).delete()
    else:
        FeatureSwitch.objects.update_or_create(
            feature=feature,
            tenant_id=tenant_id,
            defaults={"is_on": is_on, "changed_at": now, "changed_by": actor[:200]},
        )
    if tenant_id is not None:
        audit.record(
            tenant_by_id(tenant_id),
            actor=actor,
            action="feature.switch",
            resource=f"feature:{feature}",
            details={"is_on": is_on},
            now=now,
        )
