"""A live list that holds still when asked to, kept as a view, and taken away as code."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage, Person

pytestmark = pytest.mark.browser


def test_a_live_list_is_paused_kept_as_a_view_and_copied(open_page: OpenPage, person: Person) -> None:
    page = open_page(person)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{person.workspace}/events/?type=webhook.received")
    top = page.locator("a.row").first
    shown = str(top.get_attribute("id"))
    badge = page.locator("[data-live-new]")

    page.get_by_role("button", name="Pause").click()
    for number in range(2):
        assert person.post({"name": "Ada", "order": {"id": f"P-{number}"}})[0] == 202
    expect(badge).to_have_text("2 new")
    expect(page.locator("#announce")).to_have_text("2 new events")
    assert top.get_attribute("id") == shown

    badge.click()
    expect(page.locator("a.row").nth(2)).to_have_id(shown)
    expect(badge).to_be_hidden()
    page.get_by_role("button", name="Go on").click()
    assert person.post({"name": "Ada", "order": {"id": "P-9"}})[0] == 202
    expect(page.locator("a.row").nth(3)).to_have_id(shown)

    page.get_by_text("Save as a view").click()
    page.get_by_label("Name").fill("Received")
    page.get_by_role("button", name="Save the view").click()
    expect(page.get_by_role("link", name="Received", exact=True)).to_have_attribute("aria-current", "page")

    page.get_by_text("Copy as").click()
    page.get_by_role("button", name="Copy curl: This list").click()
    expect(page.locator("#announce")).to_have_text("Copied")
    assert "/api/v1/events?type=webhook.received'" in page.evaluate("navigator.clipboard.readText()")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Copy curl: This list")).to_be_hidden()


def test_an_offer_to_undo_waits_for_who_reaches_for_it_and_goes_by_itself(open_page: OpenPage, person: Person) -> None:
    page = open_page(person)
    page.emulate_media(reduced_motion="no-preference")
    page.goto(f"{person.workspace}/workflows/")
    page.locator("a.row").first.click()
    offer, undo = page.locator("[data-undo]"), page.locator("[data-undo] button")
    page.clock.install(time="2026-01-01T00:00:00Z")
    page.clock.pause_at("2026-01-01T01:00:00Z")
    page.get_by_role("button", name="Turn off").click()
    expect(undo).to_be_visible()

    undo.focus()
    page.clock.run_for(30_000)
    expect(undo).to_be_focused()
    undo.blur()
    page.mouse.move(0, 0)
    page.clock.run_for(9_000)
    expect(offer).to_be_visible()
    page.clock.run_for(2_000)
    expect(offer).to_have_count(0)
    page.get_by_role("button", name="Turn on").click()  # what it offered can still be had

    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("button", name="Turn off").click()
    expect(undo).to_be_visible()
    page.clock.run_for(60_000)
    expect(undo).to_be_visible()
    undo.click()
    expect(page.get_by_role("button", name="Turn off")).to_be_visible()
