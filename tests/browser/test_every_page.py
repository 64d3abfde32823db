"""Every page: no violation of WCAG 2.2 AA that axe can see, in light and dark, no scroll at 320 px, its weight."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.accessibility import DESK, bring_axe, too_wide, violations
from tests.browser.conftest import OpenPage, Person, newcomer
from tests.browser.weights import MAX_BYTES, MAX_SCRIPT_BYTES, Scales
from tests.support.product import Product

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Opened:
    """A page with something opened on it that covers it."""

    url: str
    open: Callable[[Page], None]


API = """{"openapi": "3.1.0", "info": {"title": "Parcels", "version": "2"},
"servers": [{"url": "https://api.parcels.example"}], "paths": {"/parcels/{id}": {"get": {"summary": "Track a parcel"},
"delete": {"summary": "Cancel a parcel", "security": [{"key": []}]}}},
"components": {"securitySchemes": {"key": {"type": "apiKey", "in": "query", "name": "key"}}}}"""
# Run beside the product, with its settings: an operator with a second factor; prints the address and a recovery code.
OPERATOR = """
import sys
from automate_platform.cli import _django
_django.setup()
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.contrib.auth import get_user_model
from automate_tenants.context import public_scope
with public_scope():
    user = get_user_model().objects.create_user(username=sys.argv[1], email=sys.argv[1], password=sys.argv[2])
    user.is_staff = True
    user.save()
    print("code:", RecoveryCodes.activate(user).get_unused_codes()[0])
"""
OPERATOR_PASSWORD = "operators-correct-horse"


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


def opened(page: Page, workspace: str) -> Iterator[str | Opened]:
    """What lies over a page, what a page says of many at once, and what is there only when somebody made it."""
    yield Opened(f"{workspace}/runs/", lambda page: page.locator("#copy-as > summary").click())
    yield Opened(f"{workspace}/runs/", open_palette)
    yield from (f"{workspace}/runs/bulk/?action=replay", f"{workspace}/runs/bulk/?action=retry&status=failed")
    page.goto(f"{workspace}/runs/bulk/?action=replay&status=succeeded")
    page.locator("main form[method=post] button.primary").click()
    page.wait_for_url(f"{workspace}/runs/bulk/*-*/")
    yield page.url
    page.goto(f"{workspace}/connectors/apis/")
    page.locator("main textarea").fill(API)
    page.get_by_role("button", name="Import").click()
    page.wait_for_url(f"{workspace}/connectors/apis/parcels/")
    yield page.url
    page.goto(f"{workspace}/webhooks/new/")
    page.get_by_label("Name").fill("short-lived")
    page.get_by_role("button", name="Make the endpoint").click()
    page.wait_for_url(f"{workspace}/webhooks/*-*/**")
    endpoint = "/".join(page.url.split("/")[:7]) + "/"
    page.goto(f"{endpoint}removals/")
    page.get_by_label("Type the endpoint").fill("short-lived")
    page.get_by_role("button", name="Delete for good").click()
    page.wait_for_url(f"{workspace}/webhooks/")
    yield endpoint
    page.goto(f"{workspace}/developers/keys/")
    page.get_by_role("textbox", name="Name").fill("Tried first")
    page.locator("main input[name=scopes]").first.check()
    page.locator("main input[name=kind][value=test]").check()
    page.get_by_role("button", name="Make the key").click()
    page.get_by_role("heading", name="Tried first").wait_for()
    yield page.url
    yield f"{workspace}/developers/keys/"


def open_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.get_by_role("dialog", name="Command palette").get_by_role("option").first.wait_for()


def empty(page: Page, workspace: str) -> Iterator[str | Opened]:
    """Lists of a workspace in which nothing has happened yet."""
    for path in ("", "events/", "runs/", "failures/", "schedules/", "approvals/", "notifications/", "usage/"):
        yield f"{workspace}/{path}"
    for path in ("governance/secrets/", "governance/llm/", "workflows/trash/", "runs/bulk/?action=retry", "start/"):
        yield f"{workspace}/{path}"


def operators(page: Page, base: str, typed: dict[str, str]) -> Iterator[str | Opened]:
    """`typed`: what the operator fills in to log in, by label."""
    page.goto(f"{base}/login/")
    assert violations(page) == []
    for label, text in typed.items():
        page.get_by_label(label).fill(text)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="This installation").wait_for()
    yield from (f"{base}{path}" for path in ("/", "/stuck/", "/switch/", "/nothing/", "/auth/user/"))
    tenants = f"{base}/automate_tenants/tenant/"
    page.goto(tenants)
    one = f"{base}{page.locator('#result_list th a').first.get_attribute('href')}".partition("?")[0]
    yield from (tenants, one, one.replace("change/", "do/suspend/"), f"{base}/automate_tenants/failedsignup/")


def app_of(workspace: str) -> str:
    return workspace.partition("/w/")[0]


def first_row(page: Page, url: str) -> str:
    page.goto(url)
    return f"{app_of(url)}{page.locator('a.row').first.get_attribute('href')}"


def walk(page: Page, area: Iterator[str | Opened], *, base_url: str, complaints: list[str]) -> None:
    """axe at the desk's width in both schemes, no scroll at 320 px, no other host asked, its CSP kept, its weight."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    bring_axe(page)
    scales = Scales(page)
    steps = list(area)
    found, wide, heavy, heaviest = [], [], [], (0, 0, "")
    for step in steps:
        scales.empty()
        page.goto(step if isinstance(step, str) else step.url)
        if isinstance(step, Opened):
            step.open(page)
        found += violations(page)
        wide += too_wide(page)
        weight = scales.read()
        heaviest = max(heaviest, (weight.total, weight.scripts, page.url))
        if weight.total > MAX_BYTES or weight.scripts > MAX_SCRIPT_BYTES:
            heavy.append(f"{page.url}: {weight}")
    print(f"{len(steps)} pages, the heaviest {heaviest}")
    assert found == []
    assert wide == []
    assert heavy == []
    assert heaviest[0] > 0 and "Stylesheet" in scales.kinds()
    assert [url for url in asked if not url.startswith(base_url)] == []
    assert [text for text in complaints if "Content Security Policy" in text] == []


@pytest.mark.parametrize("area", [entrance, lists, governance, workflows, history, opened])
def test_every_page_is_accessible_narrow_light_and_keeps_to_itself(
    open_page: OpenPage,
    person: Person,
    running_platform: Product,
    complaints: list[str],
    area: Callable[[Page, str], Iterator[str | Opened]],
) -> None:
    page = open_page(person, color_scheme="light", viewport=DESK)
    walk(page, area(page, person.workspace), base_url=running_platform.base_url, complaints=complaints)


def test_an_empty_workspace_too(
    open_page: OpenPage, browser: Browser, running_platform: Product, complaints: list[str]
) -> None:
    first, person = newcomer(browser, running_platform, name="Nothing yet")
    first.context.close()
    page = open_page(person, color_scheme="light", viewport=DESK)
    walk(page, empty(page, person.workspace), base_url=running_platform.base_url, complaints=complaints)


def test_the_operators_pages_too(open_page: OpenPage, running_platform: Product, complaints: list[str]) -> None:
    email, base = f"{uuid4().hex[:12]}@example.com", running_platform.base_url.replace("127.0.0.1", "admin.localhost")
    code = running_platform.run_beside(OPERATOR, email, OPERATOR_PASSWORD).partition("code: ")[2].strip()
    typed = {"E-mail": email, "Password": OPERATOR_PASSWORD, "Code": code}
    page = open_page(color_scheme="light", viewport=DESK)
    walk(page, operators(page, base, typed), base_url=base, complaints=complaints)
