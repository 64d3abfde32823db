"""A passkey from its making to a log-in by it alone, with Chromium's virtual authenticator; how Account looks."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import too_wide, violations
from tests.browser.conftest import OpenPage
from tests.support.product import Product

pytestmark = pytest.mark.browser


def with_authenticator(page: Page) -> None:
    """A device that keeps passkeys and says that its owner was there."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def looks_right(page: Page) -> None:
    assert violations(page) == []
    assert too_wide(page) == []


def test_a_passkey_is_made_and_logs_in_by_itself(open_page: OpenPage, running_platform: Product) -> None:
    app = running_platform.base_url.replace("127.0.0.1", "localhost")  # passkeys are kept for names
    page = open_page()
    with_authenticator(page)
    page.goto(f"{app}/login/")
    page.get_by_label("E-mail").fill(running_platform.ready["email"])
    page.get_by_label("Password").fill(running_platform.ready["password"])
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url("**/w/demo/**")
    page.goto(f"{app}/account/")
    looks_right(page)
    page.get_by_role("link", name="Add a passkey").click()
    looks_right(page)
    page.get_by_label("Password").fill(running_platform.ready["password"])
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Log in with it alone").check()
    looks_right(page)
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    looks_right(page)
    page.goto(f"{app}/w/demo/settings/")
    looks_right(page)

    page.goto(f"{app}/workspaces/")
    page.get_by_role("button", name="Log out").click()
    page.goto(f"{app}/login/")
    looks_right(page)
    page.get_by_role("button", name="Log in with a passkey").click()

    page.wait_for_url("**/w/demo/**")
    page.goto(f"{app}/account/")
    page.get_by_role("link", name="Remove Passkey").click()
    page.get_by_label("Password").fill(running_platform.ready["password"])
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.get_by_text("Off. With one, a stolen password alone opens nothing.")).to_be_visible()
