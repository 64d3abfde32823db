"""A whole first day without a mouse: sign up, import and edit a workflow, publish, send, retry, roll a key, invite."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PASSWORD, OpenPage
from tests.support.product import Product

pytestmark = pytest.mark.browser
MAX_TABS = 250
FLOW = {
    "slug": "typed",
    "name": "Typed by hand",
    "trigger": {"type": "webhook", "endpoint": "default"},
    "steps": [{"id": "say", "connector": "core", "action": "log", "params": {"message": "first"}}],
}


def reach(page: Page, wanted: Locator) -> None:
    """Press Tab until the element has the focus, and look whether one sees that it has."""
    wanted.wait_for()
    for _ in range(MAX_TABS):
        if wanted.evaluate("one => one === document.activeElement"):
            seen = wanted.evaluate(
                "one => [getComputedStyle(one).outlineStyle, getComputedStyle(one).boxShadow].join(' ')"
            )
            assert seen != "none none", f"nothing shows that {wanted} has the focus"
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} is not reached with {MAX_TABS} tabs")


def press(page: Page, wanted: Locator) -> None:
    reach(page, wanted)
    page.keyboard.press("Enter")


def write(page: Page, wanted: Locator, text: str) -> None:
    """In place of what is there."""
    reach(page, wanted)
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def test_a_day_with_the_keyboard_alone(open_page: OpenPage, running_platform: Product) -> None:
    page = open_page()
    page.goto(f"{running_platform.base_url}/signup/")
    write(page, page.get_by_label("E-mail"), "keys@example.com")
    write(page, page.get_by_label("Password"), PASSWORD)
    write(page, page.get_by_label("Workspace name"), "Keyboard")
    press(page, page.get_by_role("button", name="Make the workspace"))
    page.wait_for_url("**/start/")

    jump(page, "w")
    press(page, page.get_by_role("link", name="Import", exact=True))
    write(page, page.get_by_label("Or the text"), json.dumps([FLOW]))
    reach(page, page.get_by_role("checkbox", name="Publish what changes"))
    page.keyboard.press("Space")
    press(page, page.get_by_role("button", name="Show what would change"))
    press(page, page.get_by_role("button", name="Import as drafts"))
    page.get_by_text("Imported:").wait_for()

    jump(page, "w")
    press(page, page.get_by_role("link", name="Typed by hand", exact=True))
    editor = page.get_by_label("Definition")
    changed = {**json.loads(editor.input_value()), "note": "edited without a mouse"}
    write(page, editor, json.dumps(changed, indent=2))
    press(page, page.get_by_role("button", name="Publish", exact=True))
    page.get_by_text("Version 1 is live").wait_for()

    press(page, page.get_by_role("navigation", name="Main").get_by_role("link", name="Start", exact=True))
    press(page, page.get_by_role("button", name="Send it for me").first)
    page.get_by_text("Event received", exact=True).wait_for()

    jump(page, "r")
    press(page, page.get_by_role("row", name="typed v1").filter(has_text="Succeeded").get_by_role("link").first)
    press(page, page.get_by_role("link", name="Retry").first)
    press(page, page.get_by_role("button", name="Retry from the start"))
    page.get_by_text("This is the retry").wait_for()

    press(page, page.get_by_role("navigation", name="Main").get_by_role("link", name="API keys"))
    press(page, page.get_by_role("link", name="Roll").first)
    press(page, page.get_by_role("button", name="Roll the key"))
    expect(page.get_by_text(re.compile(r"am_live_\w{20,}")).first).to_be_visible()

    press(page, page.get_by_role("navigation", name="Main").get_by_role("link", name="Start", exact=True))
    write(page, page.get_by_label("Code", exact=True), code_in_the_letter(page, running_platform))
    page.keyboard.press("Enter")
    page.get_by_text("Confirm your e-mail address").wait_for(state="detached")

    jump(page, "t")
    write(page, page.get_by_label("E-mail addresses"), "grace@example.com")
    press(page, page.get_by_role("button", name="Send the letters"))
    page.get_by_role("cell", name="grace@example.com by").wait_for()


def jump(page: Page, key: str) -> None:
    """`g`, then the key of a page, as the list under `?` says."""
    page.wait_for_load_state()  # a robot types before the page listens
    with page.expect_navigation():
        page.keyboard.press("g")
        page.keyboard.press(key)


def code_in_the_letter(page: Page, product: Product) -> str:
    """What a person reads in their mail program."""
    letters = page.context.new_page()
    letters.goto(f"{product.base_url}/mailbox/")
    mine = letters.get_by_role("article").filter(has_text="keys@example.com").filter(has_text=re.compile(r"\b\d{6}\b"))
    text = mine.first.inner_text()
    letters.close()
    found = re.search(r"\b\d{6}\b", text)
    assert found
    return found[0]
