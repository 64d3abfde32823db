"""Seats: how many members a workspace's plan allows. Open invitations hold one each, so that none is promised twice.

A plan that has become smaller than the team takes nobody out: nobody more comes in.
"""

from __future__ import annotations

from datetime import datetime

from automate_governance.errors import Conflict
from automate_tenants.context import tenant_scope
from automate_tenants.directory import tenant_by_id
from automate_tenants.host import tenant_host
from automate_tenants.models import Invitation, Membership, Tenant


class SeatsTaken(Conflict):
    """The plan has no seat left for another member."""

    code = "seats_taken"


def lock(tenant_id: int) -> None:
    """In the caller's transaction: two who take the last seat wait for each other."""
    Tenant.objects.select_for_update(of=("self",), no_key=True).get(pk=tenant_id)


def demand(tenant_id: int, *, now: datetime, with_invited: bool) -> None:
    """After the seats were taken, under `lock`. Raises SeatsTaken, which undoes it, where they are too many."""
    with tenant_scope(tenant_by_id(tenant_id)):
        seats = tenant_host().seats()
    if seats is None:
        return
    taken = Membership.objects.filter(tenant_id=tenant_id).count()
    if with_invited:
        waiting = Invitation.objects.filter(tenant_id=tenant_id, accepted_at=None, revoked_at=None, expires_at__gt=now)
        taken += waiting.count()
    if taken > seats.count:
        people = "1 member" if seats.count == 1 else f"{seats.count} members"
        also = ", those invited among them" if with_invited else ""
        raise SeatsTaken(
            f"The plan {seats.plan} has room for {people}{also}. Remove somebody, or have the plan changed.",
            details={"param": "emails" if with_invited else None, "plan": seats.plan, "members": seats.count},
        )
