"""Doing it again, from pages."""

from __future__ import annotations

import pytest

from tests.browser.conftest import OpenPage, Person
from tests.browser.test_every_page import first_row

pytestmark = pytest.mark.browser


def test_a_run_is_retried_from_its_page_and_succeeds(open_page: OpenPage, person: Person) -> None:
    page = open_page(person)
    page.goto(first_row(page, f"{person.workspace}/runs/?status=succeeded"))
    page.get_by_role("link", name="Retry").click()

    page.get_by_role("button", name="Retry from the start").click()

    page.get_by_text("This is the retry").wait_for()
    page.locator("h1 + .pill", has_text="Succeeded").wait_for()
    page.get_by_text("Retry of").wait_for()
