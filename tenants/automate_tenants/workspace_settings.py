"""Settings of a workspace that are columns of its public row: its name and time zone, how long it keeps things, what it
demands of members.

The time zone is the midnight at which budgets and daily limits begin anew; schedules have zones of their own. A change
is seen by every process within the seconds that `directory` remembers.
"""

from __future__ import annotations

import zoneinfo
from datetime import datetime
from functools import cache
from typing import Any

from django.db import transaction

from automate.retention import configured
from automate_governance.errors import Conflict, Invalid
from automate_tenants import audit, directory, second_factor
from automate_tenants.models import Membership, Tenant
from automate_tenants.provisioning import ref

MAX_NAME = 80


class NoSecondFactor(Conflict):
    """Who demands a second factor of all would lock themselves out."""

    code = "no_second_factor"


@cache
def time_zones() -> tuple[str, ...]:
    """Every zone of the IANA database that people live in, UTC first."""
    return ("UTC", *sorted(zone for zone in zoneinfo.available_timezones() if "/" in zone and zone[:4] != "Etc/"))


@transaction.atomic
def change(
    *,
    tenant_id: int,
    actor: str,
    now: datetime,
    name: str | None = None,
    timezone: str | None = None,
    retention_days: int | None = None,
) -> Tenant:
    """Another name, time zone or retention; None leaves it. Nothing changed, nothing written. Raises Invalid.

    `retention_days`: from 1 to `longest_retention`; 0 is as long as that, whatever it is.
    """
    tenant = Tenant.objects.select_for_update().get(pk=tenant_id)
    wanted: dict[str, Any] = {}
    if name is not None:
        wanted["name"] = " ".join(name.split())
        if not 0 < len(wanted["name"]) <= MAX_NAME:
            raise Invalid(f"A name has 1 to {MAX_NAME} characters.", details={"param": "name"})
    if timezone is not None:
        if timezone not in time_zones():
            raise Invalid("There is no such time zone.", details={"param": "timezone"})
        wanted["timezone"] = timezone
    if retention_days is not None:
        longest = longest_retention(tenant)
        if not 0 <= retention_days <= longest:
            words = f"Days are from 1 to {longest}, which the plan allows; 0 is as long as the plan allows."
            raise Invalid(words, details={"param": "retention_days"})
        wanted["own_retention_days"] = retention_days or None
    return _save(tenant, {key: value for key, value in wanted.items() if getattr(tenant, key) != value}, actor, now)


def longest_retention(tenant: Tenant) -> int:
    """The days that the workspace's plan, or else the installation, keeps things."""
    return configured().for_days(tenant.retention_days).days


@transaction.atomic
def require_second_factor(*, by: Membership, is_required: bool, now: datetime) -> Tenant:
    """Let in only members with a second factor, from the next page on; or everybody again. Raises NoSecondFactor."""
    tenant = Tenant.objects.select_for_update().get(pk=by.tenant_id)
    if is_required and not second_factor.has_one(by.user_id):
        raise NoSecondFactor("Set up a second factor of your own first: this would lock you out.")
    changed = {"requires_second_factor": is_required} if bool(tenant.requires_second_factor) != is_required else {}
    return _save(tenant, changed, f"user:{by.user_id}", now)


def _save(tenant: Tenant, changed: dict[str, Any], actor: str, now: datetime) -> Tenant:
    if not changed:
        return tenant
    was = {key: getattr(tenant, key) for key in changed}
    for key, value in changed.items():
        setattr(tenant, key, value)
    tenant.save(update_fields=list(changed))
    resource = f"tenant:{tenant.pk}"
    audit.record(
        ref(tenant), actor=actor, action="workspace.update", resource=resource, details={"was": was, **changed}, now=now
    )
    transaction.on_commit(lambda: directory.forget(tenant.slug))
    return tenant
