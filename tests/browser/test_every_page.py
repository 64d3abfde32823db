"""Every page: no violation of WCAG 2.2 AA that axe can see, in light and dark, and no sideways scroll at 320 px."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, ViewportSize

from tests.browser.conftest import OpenPage, Person
from tests.support.product import Product

pytestmark = pytest.mark.browser
DESK: ViewportSize = {"width": 1280, "height": 720}
PHONE: ViewportSize = {"width": 320, "height": 640}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def pages_of(page: Page, workspace: str) -> Iterator[str]:
    """Every kind of page of the workspace, with data and empty, with errors, and the app's own."""
    app = workspace.partition("/w/")[0]
    for path in ("/signup/", "/login/", "/password/reset/", "/password/reset/done/", "/workspaces/", "/mailbox/"):
        yield f"{app}{path}"
    for path in ("/left/", "/inactive/", "/confirm-email/", "/nothing/", "/invitations/used-up/"):
        yield f"{app}{path}"
    for path in ("/docs/", "/docs/first-run/", "/docs/events/", "/docs/runs/", "/start/", "/nothing/here/"):
        yield f"{workspace}{path}"
    for path in ("/", "/events/", "/runs/", "/workflows/", "/webhooks/", "/developers/keys/"):
        yield f"{workspace}{path}"
    for path in ("/events/?status=rejected", "/events/?type=none", "/runs/?status=held", "/runs/?since=nonsense"):
        yield f"{workspace}{path}"
    yield from (f"{workspace}/find/", f"{workspace}/find/?q=sample", f"{workspace}/find/?q=nothing+at+all")
    yield f"{workspace}/schedules/"
    yield f"{workspace}/team/"
    yield from (f"{workspace}/usage/?meter=runs", f"{workspace}/usage/?period=2020-02")
    for name in (
        "secrets",
        "secrets/TOKEN",
        "secrets/TOKEN/rotate",
        "secrets/TOKEN/restore",
        "secrets/TOKEN/delete",
        "policies",
        "llm",
        "kill-switch",
        "audit",
    ):
        yield f"{workspace}/governance/{name}/"
    for path in ("/workflows/new/", "/webhooks/new/", "/handover/?ticket=spent"):
        yield f"{workspace}{path}"
    for path in ("/events/", "/events/?status=no_match", "/workflows/", "/webhooks/"):
        yield first_row(page, f"{workspace}{path}")
    run = first_row(page, f"{workspace}/runs/")
    yield from (f"{run}?step=echo&tab={tab}" for tab in ("input", "output", "error", "logs", "attempts", "config"))
    page.goto(f"{run}?step=echo&tab=output")
    yield f"{app}{page.get_by_role('link', name='Reveal raw input and output').get_attribute('href')}"
    page.goto(f"{workspace}/workflows/")
    sample = first_row(page, f"{workspace}/workflows/")
    yield f"{sample}runs/"
    page.goto(f"{sample}rule-tests/")
    event = page.locator("#event option").nth(1).get_attribute("value")
    yield from (f"{sample}rule-tests/", f"{sample}rule-tests/?event={event}")
    yield from (f"{sample}versions/", f"{sample}versions/compare/", f"{sample}rollbacks/")
    yield f"{workspace}/workflows/imports/"
    page.goto(sample)
    yield f"{app}{page.locator('.choices a').first.get_attribute('href')}"
    page.goto(f"{workspace}/developers/keys/")
    for name in ("Roll", "Revoke"):
        yield f"{app}{page.get_by_role('link', name=name).first.get_attribute('href')}"


def first_row(page: Page, url: str) -> str:
    page.goto(url)
    return f"{url.partition('/w/')[0]}{page.locator('a.row').first.get_attribute('href')}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_narrow_and_keeps_to_itself(
    open_page: OpenPage, person: Person, running_platform: Product, complaints: list[str], scheme: str
) -> None:
    """One walk: axe at the desk's width, no sideways scroll at 320 px, no other host asked, its CSP kept."""
    page = open_page(person, color_scheme=scheme, viewport=DESK)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    violations, too_wide = [], []
    for url in list(pages_of(page, person.workspace)):
        page.goto(url)
        results = Axe().run(page, options={"runOnly": TAGS})
        for violation in results.response["violations"]:
            violations += [f"{url}: {violation['id']}: {node['html'][:160]}" for node in violation["nodes"]]
        page.set_viewport_size(PHONE)
        beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if beyond > 0:
            too_wide.append(f"{url}: {beyond} px")
        page.set_viewport_size(DESK)
    assert violations == []
    assert too_wide == []
    assert [url for url in asked if not url.startswith(running_platform.base_url)] == []
    assert [text for text in complaints if "Content Security Policy" in text] == []
