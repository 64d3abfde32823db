"""Doing it again, from pages: no violation that axe can see, no sideways scroll, and a retry that succeeds."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

from tests.browser.conftest import OpenPage, Person
from tests.browser.test_every_page import TAGS, first_row

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_operations_are_accessible_and_narrow(open_page: OpenPage, person: Person, scheme: str) -> None:
    page = open_page(person, color_scheme=scheme, viewport={"width": 320, "height": 640})
    run, event = (first_row(page, f"{person.workspace}/{kind}/") for kind in ("runs", "events"))
    paths = [
        f"{person.workspace}/failures/",
        f"{person.workspace}/approvals/",
        f"{run}retries/",
        f"{event}replays/",
        run,
    ]

    found = []
    for url in paths:
        page.goto(url)
        results = Axe().run(page, options={"runOnly": TAGS})
        for violation in results.response["violations"]:
            found += [f"{url}: {violation['id']}: {node['html'][:160]}" for node in violation["nodes"]]
        if page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") > 0:
            found.append(f"{url}: scrolls sideways")
    assert found == []


def test_a_run_is_retried_from_its_page_and_succeeds(open_page: OpenPage, person: Person) -> None:
    page = open_page(person)
    page.goto(first_row(page, f"{person.workspace}/runs/?status=succeeded"))
    page.get_by_role("link", name="Retry").click()

    page.get_by_role("button", name="Retry from the start").click()

    page.get_by_text("This is the retry").wait_for()
    page.locator("h1 + .pill", has_text="Succeeded").wait_for()
    page.get_by_text("Retry of").wait_for()
