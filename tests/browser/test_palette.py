"""The command palette and the shortcuts, by keyboard alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import violations
from tests.browser.conftest import OpenPage, Person

pytestmark = pytest.mark.browser


def test_it_jumps_to_pages_workflows_and_ids_and_remembers(open_page: OpenPage, person: Person) -> None:
    page = open_page(person)
    page.goto(f"{person.workspace}/developers/keys/")
    palette, query = page.get_by_role("dialog", name="Command palette"), page.get_by_label("Jump to a page, a workflow")

    page.keyboard.press("Control+k")
    page.keyboard.type("echo every")
    expect(palette.get_by_role("option", name="Sample: echo every event")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sample: echo every event")

    page.get_by_role("link", name="Search or jump to").click()
    expect(palette.get_by_role("group", name="Recent")).to_contain_text("Sample: echo every event")
    page.keyboard.press("ArrowUp")
    expect(palette.get_by_role("option").last).to_have_attribute("aria-selected", "true")
    expect(query).to_have_attribute("aria-activedescendant", re.compile("."))
    assert violations(page) == []
    query.fill("no such thing")
    expect(palette.get_by_role("option", name="Runs that match “no such thing”")).to_be_visible()
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()
    expect(page.get_by_role("link", name="Search or jump to")).to_be_focused()


def test_a_pasted_id_opens_what_it_names(open_page: OpenPage, person: Person) -> None:
    page = open_page(person)
    page.goto(f"{person.workspace}/runs/")
    address = page.locator("main tbody tr a").first.get_attribute("href") or ""
    run_id = address.rstrip("/").rpartition("/")[2]
    page.goto(f"{person.workspace}/developers/keys/")

    page.keyboard.press("Control+k")
    page.get_by_label("Jump to a page, a workflow").fill(run_id)
    expect(page.get_by_role("option", name=f"Run {run_id}")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")

    page.wait_for_url(f"**{address}")


def test_single_keys_work_outside_of_fields_and_can_be_switched_off(open_page: OpenPage, person: Person) -> None:
    page = open_page(person)
    page.goto(f"{person.workspace}/events/")
    shortcuts = page.get_by_role("dialog", name="Keyboard shortcuts")

    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("?")  # a letter in a field
    expect(page.get_by_role("searchbox")).to_have_value("?")
    expect(shortcuts).to_be_hidden()

    page.goto(f"{person.workspace}/events/")
    page.keyboard.press("j")
    expect(page.locator("main tbody tr").first.locator("a").first).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url("**/runs/")

    boxes = page.locator("main tbody input[type=checkbox]")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(boxes.first).to_be_checked()
    page.keyboard.press("x")
    expect(boxes.first).not_to_be_checked()
    page.keyboard.press("X")
    expect(boxes.first).to_be_checked()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}/$"))
    page.keyboard.press("3")
    page.wait_for_url("**tab=error**")
    expect(page.get_by_role("link", name=re.compile("^Retry"))).to_be_visible()  # it has ended
    page.keyboard.press("r")
    page.wait_for_url("**/retries/")

    page.keyboard.press("?")
    shortcuts.get_by_label("Single keys work on this browser").uncheck()
    page.keyboard.press("Escape")
    expect(shortcuts).to_be_hidden()
    page.reload()
    page.keyboard.press("?")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog", name="Command palette")).to_be_visible()
    expect(shortcuts).to_be_hidden()


def test_without_javascript_it_is_a_page(open_page: OpenPage, person: Person) -> None:
    page = open_page(person, java_script_enabled=False)
    page.goto(f"{person.workspace}/runs/")

    page.get_by_role("link", name="Search or jump to").click()
    page.get_by_role("searchbox").fill("sample")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Sample: echo every event").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("Sample: echo every event")


def test_help_opens_beside_the_page_and_gives_the_focus_back(open_page: OpenPage, person: Person) -> None:
    page = open_page(person)
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{person.workspace}/developers/keys/")
    address, panel = page.url, page.get_by_role("dialog", name="Make, roll and revoke an API key")
    link = page.get_by_role("link", name="Help: API keys")

    link.focus()
    page.keyboard.press("Enter")
    expect(panel.get_by_role("heading", name="Roll it")).to_be_attached()
    expect(panel.locator("#help-text")).to_be_focused()
    panel.get_by_role("link", name="below").click()
    expect(panel.get_by_role("heading", name="Test keys")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.evaluate("document.getElementById('help').scrollWidth") <= 320
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(link).to_be_focused()
    assert page.url == address
