"""Kill switches above the engine's own: the installation's, and what a page has to say about all of them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import QuerySet, Value

from automate.configuration import is_enabled
from automate.models import Halt
from automate.services.halts import EVERYTHING
from automate_governance.errors import Conflict
from automate_tenants import audit
from automate_tenants.context import public_scope, tenant_scope
from automate_tenants.models import InstallationHalt, Tenant
from automate_tenants.notifications.events import tell_halt
from automate_tenants.provisioning import ref


def halt_installation(*, actor: str, now: datetime, reason: str = "") -> None:
    """Nothing runs in any workspace until `resume_installation`. Raises Conflict when it is halted already."""
    _, made = InstallationHalt.objects.get_or_create(
        pk=1, defaults={"halted_at": now, "halted_by": actor[:200], "reason": reason[:300]}
    )
    if not made:
        raise Conflict("The installation is halted already.")


def resume_installation() -> None:
    """Every workspace goes on, unless its own switch is on. Raises Conflict when it is not halted."""
    if not InstallationHalt.objects.all().delete()[0]:
        raise Conflict("The installation is not halted.")


def tell_workspaces(*, verb: str, actor: str, now: datetime, reason: str = "") -> int:
    """Tell each workspace's members and audit log that the installation was halted or resumed (`verb`); how many.

    After the switch was turned, each on its own: what cannot be written in one workspace keeps no other from it.
    """
    with public_scope():
        tenants = [ref(tenant) for tenant in Tenant.objects.order_by("pk")]
    told = 0
    for tenant in tenants:
        with suppress(DatabaseError), transaction.atomic():
            audit.record(
                tenant,
                actor=actor,
                action=f"installation.{verb}",
                resource="installation",
                details={"reason": reason},
                now=now,
            )
            with tenant_scope(tenant):
                tell_halt("everywhere", halted=verb == "halt", now=now, reason=reason)
            told += 1
    return told


def halts() -> QuerySet[Any, tuple[str, str]]:
    """The switches above the workflows' that are on, as (place, reason): "everywhere" or "here"."""
    everywhere = InstallationHalt.objects.values_list(Value("everywhere"), "reason")
    return everywhere.union(Halt.objects.filter(pk=EVERYTHING).values_list(Value("here"), "reason"))


def why_halted(rows: Iterable[tuple[str, str]] | None = None) -> str | None:
    """Why nothing runs in the current workspace, in words; None when it does. `rows`: of `halts`, read already."""
    if not is_enabled():
        return "The engine is paused by a setting of this installation."
    for place, reason in sorted(halts() if rows is None else rows):
        said = "for the whole installation" if place == "everywhere" else "in this workspace"
        return f"The engine is paused {said}" + (f": {reason}" if reason else ".")
    return None
