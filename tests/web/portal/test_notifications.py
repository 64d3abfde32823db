"""The bell, the inbox, choices and webhooks of one's own, and banners that are put away: by plain forms."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from automate.services.halts import halt
from automate_tenants.context import tenant_scope
from automate_tenants.notifications.models import Choice, Destination, Seen
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter

pytestmark = pytest.mark.django_db


def halted(workspace: Workspace) -> None:
    with tenant_scope(workspace.ref):
        halt(actor="test", now=timezone.now())


def bell(page: str) -> str:
    """The number beside the bell."""
    found = re.search(r'class="bell".*?<b class="count">(\d+)', page, re.S)
    return found.group(1) if found else ""


def test_following_a_notification_leads_to_its_object_and_marks_it_read_for_this_member_alone(
    tenant_a: Workspace, enter: Enter
) -> None:
    halted(tenant_a)
    browser, other = enter(tenant_a), enter(tenant_a, "viewer")
    page = browser.get("/notifications/").content.decode()
    link = re.search(r'href="(/notifications/\d+/)"', page)
    assert link is not None
    assert bell(page) == "1"
    assert "The engine is paused in this workspace" in page

    followed = browser.get(link.group(1))

    assert followed.headers["Location"] == "/governance/kill-switch/"
    assert bell(browser.get("/runs/").content.decode()) == ""
    assert bell(other.get("/runs/").content.decode()) == "1"
    assert "Nothing matches" in browser.get("/notifications/", {"status": "unread"}).content.decode()


def test_all_are_marked_read_and_one_unread_again(tenant_a: Workspace, enter: Enter) -> None:
    halted(tenant_a)
    browser = enter(tenant_a)
    page = browser.post("/notifications/reads/", {"all": "yes"}, follow=True).content.decode()
    number = re.search(r"/notifications/(\d+)/", page)
    assert number is not None
    assert bell(page) == ""

    page = browser.post("/notifications/reads/", {"id": number.group(1), "is_read": "no"}, follow=True)

    assert bell(page.content.decode()) == "1"


def test_choices_are_saved_from_boxes_and_a_kind_that_is_off_leaves_the_inbox(
    tenant_a: Workspace, enter: Enter
) -> None:
    halted(tenant_a)
    browser = enter(tenant_a)
    page = browser.get("/notifications/settings/").content.decode()
    ticked = re.findall(r'name="on" value="([a-z_.]+)"[^>]* checked', page)
    assert "engine_paused.in_app" in ticked

    saved = browser.post(
        "/notifications/settings/", {"on": [one for one in ticked if one != "engine_paused.in_app"]}, follow=True
    )

    assert "Saved." in saved.content.decode()
    assert bell(saved.content.decode()) == ""
    with tenant_scope(tenant_a.ref):
        assert list(Choice.objects.values_list("kind", "channel", "is_on")) == [("engine_paused", "in_app", False)]


def test_a_webhooks_secret_is_shown_once_and_a_private_address_is_refused_at_its_field(
    tenant_a: Workspace, enter: Enter
) -> None:
    browser = enter(tenant_a)
    refused = browser.post("/notifications/webhooks/", {"url": "http://10.0.0.8/"})
    made = browser.post("/notifications/webhooks/", {"url": "https://hooks.example.com/a"}, follow=True)
    path = made.redirect_chain[-1][0]
    again = browser.get(path).content.decode()

    assert refused.status_code == 422
    assert "may not be called" in refused.content.decode()
    assert "whsec_" in made.content.decode()
    assert "whsec_" not in again
    assert enter(tenant_a, "admin").get(path).status_code == 404
    browser.post(f"{path}removals/")
    with tenant_scope(tenant_a.ref):
        assert not Destination.objects.exists()


def test_a_banner_is_put_away_by_one_member_and_a_grave_one_by_nobody(tenant_a: Workspace, enter: Enter) -> None:
    browser, other = enter(tenant_a), enter(tenant_a, "admin")
    page = browser.get("/runs/").content.decode()
    key = re.search(r'name="key" value="(banner:email:[^"]+)"', page)
    assert key is not None

    shown = browser.post("/notifications/banners/", {"key": key.group(1), "next": "/runs/"}, follow=True)

    assert shown.redirect_chain[-1][0] == "/runs/"
    assert 'class="banner' not in shown.content.decode()
    assert 'class="banner' in other.get("/runs/").content.decode()
    halted(tenant_a)
    page = browser.post("/notifications/banners/", {"key": "banner:paused", "next": "/runs/"}, follow=True)
    assert "The engine is paused" in page.content.decode()
    with tenant_scope(tenant_a.ref):
        assert not Seen.objects.filter(key="banner:paused").exists()
