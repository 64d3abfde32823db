"""Members of a workspace: their roles, and how they leave it.

Whoever manages members may give any role that is not above their own: an Admin neither makes nor touches an Owner. A
workspace always keeps an owner, also when two owners remove each other at the same moment. A removal works at once,
because every request asks for the membership; keys that the person made are the workspace's and work on.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Case, Q, QuerySet, Value, When

from automate_governance.errors import Conflict, NotFound, PermissionDenied
from automate_tenants import audit, second_factor
from automate_tenants.directory import tenant_by_id
from automate_tenants.keys import live_keys
from automate_tenants.models import ApiKey, Membership

Role = Membership.Role
_IS_OWNER = Q(role=Role.OWNER)


class LastOwner(Conflict):
    """The change would leave the workspace without an owner."""

    code = "last_owner"


def members(tenant_id: int) -> QuerySet[Membership]:
    """Everyone in the workspace with their person, in the order of the roles, then by e-mail."""
    rank = Case(*(When(role=role, then=Value(place)) for place, role in enumerate(Role)))
    found = Membership.objects.filter(tenant_id=tenant_id).annotate(has_second_factor=second_factor.of_member())
    return found.select_related("user").order_by(rank, "user__email")


def may_give(giver: str, role: str) -> bool:
    """Whether a manager of members with the role `giver` may give `role`, or change someone who has it.

    >>> may_give("admin", "builder"), may_give("admin", "owner"), may_give("owner", "owner")
    (True, False, True)
    """
    return giver == Role.OWNER or role != Role.OWNER


@transaction.atomic
def change_role(*, by: Membership, member_id: int, role: str, now: datetime) -> Membership:
    """Give a member of `by`'s workspace another role. Raises NotFound, PermissionDenied, LastOwner."""
    member = _lock_member(by.tenant_id, member_id)
    _demand_rank(by, member.role, role)
    if member.role != role:
        _keep_an_owner(member, stays=role == Role.OWNER)
        was, member.role = member.role, role
        member.save(update_fields=["role"])
        _record(member, f"user:{by.user_id}", "member.change_role", now, was=was)
    return member


@transaction.atomic
def remove_member(*, by: Membership, member_id: int, now: datetime) -> Membership:
    """End a membership, `by`'s own among them. Raises NotFound, PermissionDenied, LastOwner."""
    member = _lock_member(by.tenant_id, member_id)
    if member.pk != by.pk:
        _demand_rank(by, member.role)
    _keep_an_owner(member, stays=False)
    _record(member, f"user:{by.user_id}", "member.leave" if member.pk == by.pk else "member.remove", now)
    Membership.objects.filter(pk=member.pk).delete()
    return member


def keys_made_by(member: Membership, now: datetime) -> QuerySet[ApiKey]:
    """The workspace's live keys that this person made or rolled: they outlive the membership."""
    return live_keys(member.tenant_id, now).filter(created_by=f"user:{member.user_id}").order_by("name")


def _demand_rank(by: Membership, *roles: str) -> None:
    if not all(may_give(by.role, role) for role in roles):
        raise PermissionDenied("Only an Owner may make, change or remove an Owner.", details={"role": Role.OWNER})


def _lock_member(tenant_id: int, member_id: int) -> Membership:
    """The member, and every owner of the workspace, locked in one order: two owners cannot remove each other."""
    wanted = Membership.objects.filter(_IS_OWNER | Q(pk=member_id), tenant_id=tenant_id).select_related("user")
    for member in wanted.select_for_update(of=("self",)).order_by("pk"):
        if member.pk == member_id:
            return member
    raise NotFound("There is no such member in this workspace.")


def _keep_an_owner(member: Membership, *, stays: bool) -> None:
    others = Membership.objects.filter(_IS_OWNER, tenant_id=member.tenant_id).exclude(pk=member.pk)
    if member.role == Role.OWNER and not stays and not others.exists():
        raise LastOwner("This is the last owner. Make someone else an Owner first.")


def _record(member: Membership, actor: str, action: str, now: datetime, **details: object) -> None:
    audit.record(
        tenant_by_id(member.tenant_id),
        actor=actor,
        action=action,
        resource=f"user:{member.user_id}",
        details={"email": member.user.email, "role": member.role, **details},
        now=now,
    )
