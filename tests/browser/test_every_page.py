"""Every page: no violation of WCAG 2.2 AA that axe can see, in light and dark, and no sideways scroll at 320 px."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.accessibility import DESK, too_wide, violations
from tests.browser.conftest import OpenPage, Person
from tests.support.product import Product

pytestmark = pytest.mark.browser


def entrance(page: Page, workspace: str) -> Iterator[str]:
    """What is seen before one is inside, and what is nowhere."""
    app = app_of(workspace)
    for path in ("/signup/", "/login/", "/password/reset/", "/password/reset/done/", "/workspaces/", "/mailbox/"):
        yield f"{app}{path}"
    for path in ("/left/", "/inactive/", "/confirm-email/", "/nothing/", "/invitations/used-up/", "/status/"):
        yield f"{app}{path}"
    yield f"{app}/docs/components/"
    for path in ("/docs/", "/docs/first-run/", "/docs/events/", "/docs/runs/", "/start/", "/nothing/here/"):
        yield f"{workspace}{path}"
    yield f"{workspace}/handover/?ticket=spent"


def lists(page: Page, workspace: str) -> Iterator[str]:
    """With data, empty, and with a filter that is wrong."""
    for path in ("/", "/events/", "/runs/", "/workflows/", "/webhooks/", "/developers/keys/"):
        yield f"{workspace}{path}"
    for path in ("/events/?status=rejected", "/events/?type=none", "/runs/?status=held", "/runs/?since=nonsense"):
        yield f"{workspace}{path}"
    yield from (f"{workspace}/find/", f"{workspace}/find/?q=sample", f"{workspace}/find/?q=nothing+at+all")
    for name in (
        "schedules",
        "team",
        "failures",
        "approvals",
        "settings",
        "settings/exports",
        "settings/deletion",
        "notifications",
        "notifications/settings",
    ):
        yield f"{workspace}/{name}/"
    yield from (f"{workspace}/usage/?meter=runs", f"{workspace}/usage/?period=2020-02")


def governance(page: Page, workspace: str) -> Iterator[str]:
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
    page.goto(f"{workspace}/webhooks/")
    endpoint = f"{app_of(workspace)}{page.locator('a.row').first.get_attribute('href')}"
    yield from (f"{endpoint}{path}" for path in ("", "?verdict=challenge", "test/", "secret/", "removals/"))
    page.goto(f"{workspace}/developers/keys/")
    for name in ("Roll", "Revoke"):
        yield f"{app_of(workspace)}{page.get_by_role('link', name=name).first.get_attribute('href')}"


def workflows(page: Page, workspace: str) -> Iterator[str]:
    """One workflow's pages, and the forms that make what belongs to it."""
    for path in ("/workflows/new/", "/workflows/imports/", "/webhooks/new/"):
        yield f"{workspace}{path}"
    yield first_row(page, f"{workspace}/webhooks/")
    yield from (
        f"{workspace}/connectors/",
        f"{workspace}/connectors/?q=none+such",
        f"{workspace}/connectors/apis/",
        f"{workspace}/connectors/http/",
    )
    sample = first_row(page, f"{workspace}/workflows/")
    yield from (sample, f"{sample}runs/")
    page.goto(f"{sample}rule-tests/")
    event = page.locator("#event option").nth(1).get_attribute("value")
    yield from (f"{sample}rule-tests/", f"{sample}rule-tests/?event={event}")
    yield from (f"{sample}versions/", f"{sample}versions/compare/", f"{sample}rollbacks/")
    for path in ("templates/", "templates/order-parcels/", "trash/", "?q=nothing+at+all"):
        yield f"{workspace}/workflows/{path}"
    yield from (f"{sample}removed/", f"{sample}purges/", f"{sample}?template=order-to-slack")
    page.goto(sample)
    yield f"{app_of(workspace)}{page.locator('.choices a').first.get_attribute('href')}"


def history(page: Page, workspace: str) -> Iterator[str]:
    """One event's and one run's pages, and those on which something is done again."""
    event = first_row(page, f"{workspace}/events/")
    yield from (event, f"{event}replays/")
    yield first_row(page, f"{workspace}/events/?status=no_match")
    run = first_row(page, f"{workspace}/runs/")
    yield from (run, f"{run}retries/")
    yield from (f"{run}?step=echo&tab={tab}" for tab in ("input", "output", "error", "logs", "attempts", "config"))
    page.goto(f"{run}?step=echo&tab=output")
    yield f"{app_of(workspace)}{page.get_by_role('link', name='Reveal raw input and output').get_attribute('href')}"


def app_of(workspace: str) -> str:
    return workspace.partition("/w/")[0]


def first_row(page: Page, url: str) -> str:
    page.goto(url)
    return f"{app_of(url)}{page.locator('a.row').first.get_attribute('href')}"


@pytest.mark.parametrize("area", [entrance, lists, governance, workflows, history])
def test_every_page_is_accessible_narrow_and_keeps_to_itself(
    open_page: OpenPage,
    person: Person,
    running_platform: Product,
    complaints: list[str],
    area: Callable[[Page, str], Iterator[str]],
) -> None:
    """One walk: axe at the desk's width in both schemes, no scroll at 320 px, no other host asked, its CSP kept."""
    page = open_page(person, color_scheme="light", viewport=DESK)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    found, wide = [], []
    for url in list(area(page, person.workspace)):
        page.goto(url)
        found += violations(page)
        wide += too_wide(page)
    assert found == []
    assert wide == []
    assert [url for url in asked if not url.startswith(running_platform.base_url)] == []
    assert [text for text in complaints if "Content Security Policy" in text] == []
