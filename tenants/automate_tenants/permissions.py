"""Permissions: what a member may do, from the role in the current workspace alone.

A Django permission on a user would hold in every workspace, because users are public; so `has_perm` asks for the
membership in the current tenant and looks the role up in one fixed matrix. What the role does not hold is denied for
good: the backends after this one, which know permissions of users and groups, are not asked. Without a tenant nobody
may do anything of `automate`. (Django asks no backend about a superuser: operators' accounts are members of no
workspace.)
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.core.exceptions import PermissionDenied

from automate_tenants.context import tenant_or_none
from automate_tenants.models import Membership

_VIEWER = {"view_event", "view_run", "view_workflow", "view_members"}
_OPERATOR = _VIEWER | {
    "run_workflow",
    "control_run",
    "answer_approval",
    "replay_event",
    "pause_engine",
    "change_schedule",
    "send_event",
    "view_raw_payload",
    "view_keys",
    "view_audit",
    "view_secrets",
    "view_policy",
}
_BUILDER = _OPERATOR | {"change_workflow", "publish_workflow", "manage_endpoints", "use_secrets"}
_BILLING = {"view_billing", "manage_billing", "view_members"}
_ADMIN = _BUILDER | {
    "manage_keys",
    "manage_secrets",
    "manage_policy",
    "manage_members",
    "manage_workspace",
    "view_billing",
}
_OWNER = {"require_second_factor", "export_workspace", "delete_workspace"}

ROLE_PERMISSIONS: dict[str, frozenset[str]] = {
    role: frozenset(f"automate.{codename}" for codename in codenames)
    for role, codenames in (
        (Membership.Role.OWNER, _ADMIN | _BILLING | _OWNER),
        (Membership.Role.ADMIN, _ADMIN),
        (Membership.Role.BUILDER, _BUILDER),
        (Membership.Role.OPERATOR, _OPERATOR),
        (Membership.Role.VIEWER, _VIEWER),
        (Membership.Role.BILLING, _BILLING),
    )
}
ALL_PERMISSIONS = frozenset().union(*ROLE_PERMISSIONS.values())


def role_allows(role: str, permission: str) -> bool:
    """Whether the role holds the permission (`automate.view_run`); an unknown role holds none."""
    return permission in ROLE_PERMISSIONS.get(role, frozenset())


def roles_with(permission: str) -> list[str]:
    """The roles that hold a permission, as people read them: what a 403 page names.

    >>> roles_with("automate.manage_billing")
    ['Owner', 'Billing']
    """
    return [str(role.label) for role in Membership.Role if role_allows(role.value, permission)]


class MembershipBackend(BaseBackend):
    """Answers `user.has_perm` from the role in the current tenant; authenticates nobody."""

    def has_perm(self, user_obj: Any, perm: str, obj: object = None) -> bool:
        if perm in self.get_all_permissions(user_obj):
            return True
        return self._leave_to_others(perm.partition(".")[0])

    def get_all_permissions(self, user_obj: Any, obj: object = None) -> set[str]:
        """Every permission of the user in the current tenant; the role is read once per user object and tenant."""
        tenant = tenant_or_none()
        if tenant is None or not user_obj.is_active or user_obj.is_anonymous:
            return set()
        roles: dict[int, str] = user_obj.__dict__.setdefault("_role_by_tenant", {})
        if tenant.id not in roles:
            membership = Membership.objects.filter(user_id=user_obj.pk, tenant_id=tenant.id).first()
            roles[tenant.id] = membership.role if membership else ""
        return set(ROLE_PERMISSIONS.get(roles[tenant.id], frozenset()))

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        if any(perm.startswith(f"{app_label}.") for perm in self.get_all_permissions(user_obj)):
            return True
        return self._leave_to_others(app_label)

    def _leave_to_others(self, app_label: str) -> bool:
        """False, so that the next backend is asked; Django's PermissionDenied where none may be."""
        if app_label == "automate" or tenant_or_none() is not None:
            raise PermissionDenied
        return False
