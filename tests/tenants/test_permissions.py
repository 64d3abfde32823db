"""What each role may do, and that nothing but the role in the current workspace counts."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.utils import timezone

from automate_tenants.context import tenant_scope
from automate_tenants.models import Membership
from automate_tenants.permissions import ALL_PERMISSIONS, ROLE_PERMISSIONS, role_allows, roles_with
from tests.support.workspaces import Workspace

MATRIX = """
                  owner admin builder operator viewer billing
view_event          x     x      x       x       x      .
view_run            x     x      x       x       x      .
view_workflow       x     x      x       x       x      .
send_event          x     x      x       x       .      .
run_workflow        x     x      x       x       .      .
control_run         x     x      x       x       .      .
answer_approval     x     x      x       x       .      .
replay_event        x     x      x       x       .      .
pause_engine        x     x      x       x       .      .
change_schedule     x     x      x       x       .      .
view_raw_payload    x     x      x       x       .      .
view_members        x     x      x       x       x      x
view_keys           x     x      x       x       .      .
view_audit          x     x      x       x       .      .
view_secrets        x     x      x       x       .      .
use_secrets         x     x      x       .       .      .
manage_secrets      x     x      .       .       .      .
view_policy         x     x      x       x       .      .
manage_policy       x     x      .       .       .      .
change_workflow     x     x      x       .       .      .
publish_workflow    x     x      x       .       .      .
manage_endpoints    x     x      x       .       .      .
manage_keys         x     x      .       .       .      .
manage_members      x     x      .       .       .      .
manage_workspace    x     x      .       .       .      .
export_workspace    x     .      .       .       .      .
delete_workspace    x     .      .       .       .      .
require_second_factor x   .      .       .       .      .
view_billing        x     x      .       .       .      x
manage_billing      x     .      .       .       .      x
"""
ROLES, *ROWS = [line.split() for line in MATRIX.strip().splitlines()]
CELLS = [(row[0], role, mark == "x") for row in ROWS for role, mark in zip(ROLES, row[1:], strict=True)]


@pytest.mark.parametrize(("codename", "role", "expected"), CELLS, ids=str)
def test_the_matrix(codename: str, role: str, expected: bool) -> None:
    assert role_allows(role, f"automate.{codename}") is expected


def test_the_matrix_is_complete() -> None:
    assert {f"automate.{row[0]}" for row in ROWS} == ALL_PERMISSIONS
    assert set(ROLES) == set(ROLE_PERMISSIONS) == set(Membership.Role.values)
    assert not role_allows("root", "automate.view_run")
    assert roles_with("automate.publish_workflow") == ["Owner", "Admin", "Builder"]


@pytest.fixture
def person(db: None) -> User:
    return get_user_model().objects.create_user(username="someone", password="irrelevant")


def fresh(person: User) -> User:
    """As the next request would load it."""
    return get_user_model().objects.get(pk=person.pk)


@pytest.mark.django_db
def test_a_role_counts_in_its_workspace_alone(person: User, tenant_a: Workspace, tenant_b: Workspace) -> None:
    Membership.objects.create(user=person, tenant=tenant_a.opened.tenant, role="admin", created_at=timezone.now())
    Membership.objects.create(user=person, tenant=tenant_b.opened.tenant, role="viewer", created_at=timezone.now())
    user = fresh(person)
    with tenant_scope(tenant_a.ref):
        assert user.has_perm("automate.manage_keys")
        assert user.has_module_perms("automate")
    with tenant_scope(tenant_b.ref):
        assert user.has_perm("automate.view_run")
        assert not user.has_perm("automate.manage_keys")
    assert not user.has_perm("automate.view_run")


@pytest.mark.django_db
def test_no_membership_no_permission(person: User, tenant_a: Workspace) -> None:
    with tenant_scope(tenant_a.ref):
        assert not fresh(person).has_perm("automate.view_run")
        assert not AnonymousUser().has_perm("automate.view_run")


@pytest.mark.django_db
def test_a_permission_on_the_user_opens_no_workspace(person: User, tenant_a: Workspace) -> None:
    """Users are public: a Django permission would hold in every workspace."""
    person.user_permissions.set(Permission.objects.all())
    assert Permission.objects.filter(codename="view_raw_payload").exists()
    with tenant_scope(tenant_a.ref):
        assert not fresh(person).has_perm("automate.view_raw_payload")
        assert not fresh(person).has_perm("auth.view_user")
        assert not fresh(person).has_module_perms("automate")
    assert not fresh(person).has_perm("automate.view_raw_payload")
    assert fresh(person).has_perm("auth.view_user")  # outside of workspaces Django's own permissions hold


@pytest.mark.django_db
def test_an_inactive_member_may_nothing(person: User, tenant_a: Workspace) -> None:
    Membership.objects.create(user=person, tenant=tenant_a.opened.tenant, role="owner", created_at=timezone.now())
    person.is_active = False
    person.save()
    with tenant_scope(tenant_a.ref):
        assert not fresh(person).has_perm("automate.view_run")
