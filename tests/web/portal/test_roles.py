"""Who may see and do what: by role, refused with the permission's name, and never by a dead button."""

from __future__ import annotations

import pytest
from django.test import Client

from automate.models import WebhookEndpoint, Workflow
from automate_tenants.context import tenant_scope
from automate_tenants.models import Membership
from automate_tenants.permissions import role_allows
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter

PAGES = {
    "/start/": "view_event",
    "/events/": "view_event",
    "/runs/": "view_run",
    "/workflows/": "view_workflow",
    "/workflows/new/": "view_workflow",
    "/webhooks/": "view_event",
    "/webhooks/new/": "manage_endpoints",
    "/developers/keys/": "view_keys",
    "/team/": "view_members",
    "/live-token/": "view_event",
}


@pytest.mark.parametrize("role", Membership.Role.values)
def test_each_role_sees_what_the_matrix_allows_and_is_told_what_is_missing(
    enter: Enter, tenant_a: Workspace, role: str
) -> None:
    browser = enter(tenant_a, role)
    for path, permission in PAGES.items():
        answer = browser.get(path)
        if role_allows(role, f"automate.{permission}"):
            assert answer.status_code == 200, path
        else:
            assert answer.status_code == 403, path
            assert f"automate.{permission}".encode() in answer.content
            assert b"Owner" in answer.content  # who can give it


def changes(workspace: Workspace) -> dict[str, tuple[str, dict[str, str]]]:
    with tenant_scope(workspace.ref):
        workflow, endpoint = Workflow.objects.get(), WebhookEndpoint.objects.get()
    return {
        f"/workflows/{workflow.pk}/draft/": ("change_workflow", {"definition": "{}", "revision": "1"}),
        f"/workflows/{workflow.pk}/versions/": ("publish_workflow", {"definition": "{}", "revision": "1"}),
        f"/workflows/{workflow.pk}/enabled/": ("publish_workflow", {"is_enabled": "yes"}),
        "/workflows/new/": ("change_workflow", {"definition": "{}"}),
        "/start/events/": ("send_event", {}),
        "/start/github/": ("manage_endpoints", {}),
        f"/webhooks/{endpoint.pk}/": ("manage_endpoints", {"auth": "none", "event_type": "x"}),
        "/developers/keys/": ("manage_keys", {"name": "n", "scopes": "events:write"}),
    }


@pytest.mark.parametrize("role", Membership.Role.values)
def test_a_change_without_the_permission_is_refused(enter: Enter, tenant_a: Workspace, role: str) -> None:
    browser = enter(tenant_a, role)
    for path, (permission, form) in changes(tenant_a).items():
        if not role_allows(role, f"automate.{permission}"):
            assert browser.post(path, form).status_code == 403, path


def test_a_viewer_reads_the_reason_instead_of_a_button(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a, "viewer")

    assert b"Making one needs the role" in browser.get("/workflows/").content
    assert b"Sending from here needs the role" in browser.get("/start/").content
    assert b"New workflow" not in browser.get("/workflows/").content


def test_a_stranger_is_sent_to_log_in_and_a_member_of_another_workspace_finds_nothing(
    enter: Enter, tenant_a: Workspace, tenant_b: Workspace
) -> None:
    stranger = Client(headers={"host": "alpha.localhost"})
    neighbour = enter(tenant_b)
    neighbour.defaults["HTTP_HOST"] = "alpha.localhost"

    assert stranger.get("/runs/").headers["Location"].startswith("http://app.localhost/login/?next=")
    for path in PAGES:
        assert neighbour.get(path, headers={"host": "alpha.localhost"}).status_code in {302, 404}, path


def test_pages_of_a_workspace_do_not_exist_on_the_apps_host(app: Client) -> None:
    for path in PAGES:
        assert app.get(path).status_code == 404, path


def test_the_apps_pages_do_not_exist_inside_a_workspace(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)
    for path in ("/signup/", "/login/", "/workspaces/", "/mailbox/", "/password/reset/", "/left/"):
        assert browser.get(path).status_code == 404, path
