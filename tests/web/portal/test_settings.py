"""Settings of a workspace: name, time zone, second factor; who may change what."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from django.utils import timezone

from automate.models import AuditLogEntry
from automate_governance.errors import Invalid
from automate_tenants import directory, workspace_settings
from automate_tenants.context import tenant_scope
from automate_tenants.models import Membership, Tenant
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _read_afresh() -> None:
    directory.forget("alpha")


def entries(workspace: Workspace) -> list[dict[str, object]]:
    with tenant_scope(workspace.ref):
        return list(AuditLogEntry.objects.filter(action="workspace.update").values_list("details", flat=True))


def test_name_and_time_zone_are_changed_and_audited_with_what_was(enter: Enter, tenant_a: Workspace) -> None:
    browser, was = enter(tenant_a), Tenant.objects.get(pk=tenant_a.ref.id).name

    said = browser.post("/settings/", {"name": "  Analytical   Engines ", "timezone": "Europe/Vienna"}, follow=True)

    assert b"Saved." in said.content
    tenant = Tenant.objects.get(pk=tenant_a.ref.id)
    assert (tenant.name, tenant.timezone) == ("Analytical Engines", "Europe/Vienna")
    [entry] = entries(tenant_a)
    assert entry["was"] == {"name": was, "timezone": "UTC"}


def test_nothing_is_audited_where_nothing_changes(enter: Enter, tenant_a: Workspace) -> None:
    tenant = Tenant.objects.get(pk=tenant_a.ref.id)

    enter(tenant_a).post("/settings/", {"name": tenant.name, "timezone": tenant.timezone})

    assert entries(tenant_a) == []


@pytest.mark.parametrize(("field", "value"), [("name", "   "), ("name", "x" * 81), ("timezone", "Mars/Olympus")])
def test_what_cannot_be_is_refused_beside_its_field(enter: Enter, tenant_a: Workspace, field: str, value: str) -> None:
    answer = enter(tenant_a).post("/settings/", {"name": "Fine", "timezone": "UTC", field: value})

    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in answer.content.decode()
    with pytest.raises(Invalid) as refused:
        workspace_settings.change(tenant_id=tenant_a.ref.id, actor="system", now=timezone.now(), **{field: value})
    assert refused.value.details["param"] == field


@pytest.mark.parametrize("role", ["builder", "operator", "viewer", "billing"])
def test_every_member_reads_them_and_only_admins_change_them(enter: Enter, tenant_a: Workspace, role: str) -> None:
    browser = enter(tenant_a, role)

    shown = browser.get("/settings/").content.decode()

    assert "Changing them needs the role Admin or Owner." in shown
    assert browser.post("/settings/", {"name": "Mine", "timezone": "UTC"}).status_code == 403


def test_an_owner_demands_a_second_factor_only_with_one_of_their_own(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)

    refused = browser.post("/settings/second-factor/", {"is_required": "yes"}, follow=True)
    assert b"this would lock you out" in refused.content
    assert not Tenant.objects.get(pk=tenant_a.ref.id).requires_second_factor
    Authenticator.objects.create(user=tenant_a.owner, type="totp", data={})
    browser.post("/settings/second-factor/", {"is_required": "yes"})

    assert Tenant.objects.get(pk=tenant_a.ref.id).requires_second_factor is True
    assert b"demanded" in browser.get("/settings/").content
    browser.post("/settings/second-factor/", {"is_required": "no"})
    assert [entry["requires_second_factor"] for entry in entries(tenant_a)] == [True, False]


def test_an_admin_may_not(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a, "admin")

    assert browser.post("/settings/second-factor/", {"is_required": "yes"}).status_code == 403
    assert b"Only an Owner demands it" in browser.get("/settings/").content


def test_the_team_page_says_who_has_one(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    assert browser.get("/team/").content.decode().count("</svg>on</span>") == 0
    member = Membership.objects.get(tenant_id=tenant_a.ref.id, user=tenant_a.owner)
    Authenticator.objects.create(user_id=member.user_id, type="webauthn", data={})

    assert browser.get("/team/").content.decode().count("</svg>on</span>") == 1
