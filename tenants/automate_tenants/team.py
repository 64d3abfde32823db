"""Members of a workspace: their roles, and how they leave it.

Whoever manages members may give any role that is not above their own: an Admin neither makes nor touches an Owner. A
workspace always keeps an owner, also when two owners remove each other at the same moment. A removal works at once,
because every request asks for the membership; keys that the person made are the workspace's and work on.

An API key manages members in the name of the person who made it, as long as that person may: with their role of now,
and never as an Owner, so that no key makes an Owner or gives a role above its maker's. A key that no person made (made
by a key, or by the installation's operator) manages nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Manager:
    """In whose name members are managed, and how high."""

    tenant_id: int
    user_id: int
    role: str  # what it counts as: of a key, Admin at most
    actor: str  # as the audit log names it
    member_id: int | None = None  # of a person who acts in person


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


def in_person(member: Membership) -> Manager:
    return Manager(member.tenant_id, member.user_id, member.role, f"user:{member.user_id}", member.pk)


def by_key(key: ApiKey, *, actor: str) -> Manager:
    """The key's maker as a manager of members. Raises PermissionDenied where there is none, or none who may."""
    kind, _, number = key.created_by.partition(":")
    if kind != "user" or not number.isdigit():
        raise PermissionDenied("No person made this key, so it manages no members. Make one in the portal.")
    maker = Membership.objects.filter(tenant_id=key.tenant_id, user_id=int(number)).first()
    if maker is None or maker.role not in {Role.OWNER, Role.ADMIN}:
        raise PermissionDenied(
            "The person who made this key may not manage members any more. An Owner or Admin makes another key.",
            details={"permission": "automate.manage_members"},
        )
    return Manager(key.tenant_id, maker.user_id, Role.ADMIN, actor)


@transaction.atomic
def change_role(*, by: Manager, member_id: int, role: str, now: datetime) -> Membership:
    """Give a member of `by`'s workspace another role. Raises NotFound, PermissionDenied, LastOwner."""
    member = _lock_member(by.tenant_id, member_id)
    _demand_rank(by, member.role, role)
    if member.role != role:
        _keep_an_owner(member, stays=role == Role.OWNER)
        was, member.role = member.role, role
        member.save(update_fields=["role"])
        _record(member, by.actor, "member.change_role", now, was=was)
    return member


@transaction.atomic
def remove_member(*, by: Manager, member_id: int, now: datetime) -> Membership:
    """End a membership, `by`'s own among them. Raises NotFound, PermissionDenied, LastOwner."""
    member = _lock_member(by.tenant_id, member_id)
    leaves = member.pk == by.member_id
    if not leaves:
        _demand_rank(by, member.role)
    _keep_an_owner(member, stays=False)
    _record(member, by.actor, "member.leave" if leaves else "member.remove", now)
    Membership.objects.filter(pk=member.pk).delete()
    return member


def keys_made_by(member: Membership, now: datetime) -> QuerySet[ApiKey]:
    """The workspace's live keys that this person made or rolled: they outlive the membership."""
    return live_keys(member.tenant_id, now).filter(created_by=f"user:{member.user_id}").order_by("name")


def _demand_rank(by: Manager, *roles: str) -> None:
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
