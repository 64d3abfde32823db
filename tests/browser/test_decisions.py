"""What people decide in the browser: an answer to a run that asks, a redrive seen before it is done, a way back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.accessibility import violations
from tests.browser.conftest import OpenPage, Person, newcomer
from tests.browser.test_every_page import first_row
from tests.support.product import Product

pytestmark = pytest.mark.browser


def flow(slug: str, name: str, *steps: dict[str, Any]) -> dict[str, Any]:
    return {"slug": slug, "name": name, "trigger": {"type": "manual"}, "rule": None, "steps": list(steps)}


def step(step_id: str, action: str, **params: Any) -> dict[str, Any]:
    return {"id": step_id, "connector": "core", "action": action, "params": params}


ASKS = flow("asks", "Asks first", step("ask", "approve", message="Refund 120 EUR?"), step("done", "log", message="ok"))
BREAKS = flow("breaks", "Breaks", step("before", "log", message="charged"), step("break", "fail", message="No luck"))


@pytest.fixture(scope="module")
def decider(browser: Browser, running_platform: Product) -> Person:
    """Somebody whose workspace has the two workflows, imported on the page."""
    page, made = newcomer(browser, running_platform, name="Decisions")
    import_flows(page, made.workspace, ASKS, BREAKS)
    page.context.close()
    return made


def import_flows(page: Page, workspace: str, *flows: dict[str, Any]) -> None:
    page.goto(f"{workspace}/workflows/imports/")
    page.get_by_label("Or the text").fill(json.dumps(flows))
    page.get_by_role("button", name="Show what would change").click()
    page.get_by_role("button", name="Import and publish").click()
    page.get_by_text("Imported:").wait_for()


def run_by_hand(page: Page, workspace: str, name: str) -> None:
    """Start it from its page; the page is the run's afterwards."""
    page.goto(f"{workspace}/workflows/")
    page.get_by_role("link", name=name).click()
    page.get_by_role("link", name="Run…").click()
    page.get_by_role("button", name="Run it").click()
    page.wait_for_url("**/runs/**")


def test_a_run_that_asks_goes_on_when_somebody_says_yes(open_page: OpenPage, decider: Person) -> None:
    page = open_page(decider)
    run_by_hand(page, decider.workspace, "Asks first")
    page.locator("h1 + .pill", has_text="Waiting").wait_for()
    page.goto(f"{decider.workspace}/approvals/")
    page.get_by_role("link", name="Refund 120 EUR?").click()

    page.get_by_role("button", name="Approve").click()

    page.locator("h1 + .pill", has_text="Succeeded").wait_for()
    page.goto(f"{decider.workspace}/approvals/")
    page.get_by_text("Nothing waits for an answer").wait_for()


def test_failures_are_redriven_after_a_look_at_what_repeats(open_page: OpenPage, decider: Person) -> None:
    page = open_page(decider)
    run_by_hand(page, decider.workspace, "Breaks")
    page.locator("h1 + .pill", has_text="Failed").wait_for()
    page.goto(first_row(page, f"{decider.workspace}/failures/"))  # a live list may change under a click
    page.get_by_role("link", name="Redrive 1…").click()
    page.get_by_role("row", name="before").wait_for()  # kept: it succeeded

    page.get_by_role("button", name="Redrive 1 run").click()

    page.goto(f"{decider.workspace}/runs/?workflow=breaks")
    page.locator("tbody tr").nth(1).wait_for()


def test_a_version_is_gone_back_to_after_a_look_at_what_changes(open_page: OpenPage, decider: Person) -> None:
    page = open_page(decider)
    import_flows(page, decider.workspace, {**BREAKS, "deadline_seconds": 60, "rule": {"var": "payload.id"}})
    page.get_by_role("link", name="Breaks", exact=True).click()
    page.get_by_role("link", name="All versions").click()
    page.get_by_role("link", name="Roll back").click()
    shown = page.locator(".changes")
    assert shown.locator("h3").all_inner_texts() == ["Rule\nChanged", "Settings\nChanged"]
    assert "60" in shown.locator("del").last.inner_text()
    assert violations(page) == []

    page.get_by_role("button", name="Roll back to version 1").click()

    page.get_by_text("Version 3 is live and says what version 1 said").wait_for()
    page.get_by_role("link", name="Compare version 2").click()
    page.get_by_role("heading", name="What changed from v2 to v3").wait_for()
