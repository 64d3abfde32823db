"""A Chromium, a person with a workspace, and pages that fail a test when the browser complains."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.product import Product

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
EXPECT_MS = 20_000  # a busy machine may take its time; what is expected must come
NO_FAULTS = (
    "the server responded with a status of 4",
    "htmx:afterRequest", "htmx:sendError", "htmx:sendAbort",  # a list was being refreshed when its page was left
)  # fmt: skip
PASSWORD = "correct horse battery"
OpenPage = Callable[..., Page]


@dataclass(frozen=True)
class Person:
    """Someone who signed up, with their workspace, its first key, and the cookies of their browser."""

    email: str
    workspace: str  # the folder's URL, without a slash at the end
    hook_url: str
    api_key: str
    cookies: Any

    def post(self, body: Any, *, key: str | None = None) -> tuple[int, dict[str, Any]]:
        """What their program would send; status and answer."""
        request = urllib.request.Request(
            self.hook_url,
            data=body if isinstance(body, bytes) else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {key or self.api_key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.load(refusal)


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Browser]:
    expect.set_options(timeout=EXPECT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console said against the pages of this test."""
    return []


@pytest.fixture
def open_page(browser: Browser, complaints: list[str]) -> Iterator[OpenPage]:
    """A page in a fresh browser context; `person` brings their cookies. Complaints fail the test at its end."""
    contexts: list[BrowserContext] = []

    def open_(person: Person | None = None, **options: Any) -> Page:
        context = browser.new_context(storage_state=person.cookies if person else None, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_
    for context in contexts:
        context.close()
    unexpected = [text for text in complaints if not any(known in text for known in NO_FAULTS)]
    assert unexpected == []


def sign_up(page: Page, base_url: str, *, name: str) -> str:
    """Fill the form as a person would; the e-mail address used. The page is at /start/ afterwards."""
    email = f"{uuid4().hex[:12]}@example.com"
    page.goto(f"{base_url}/signup/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Workspace name").fill(name)
    page.get_by_role("button", name="Make the workspace").click()
    page.wait_for_url("**/start/")
    return email


def read_curl(page: Page) -> tuple[str, str]:
    """The address and the key in the curl on the page."""
    code = page.locator("#code-curl").inner_text()
    url = re.search(r"https?://\S+/hooks/\w+", code)
    key = re.search(r"am_live_\w+", code)
    assert url and key, code
    return url[0], key[0]


def newcomer(browser: Browser, product: Product, *, name: str) -> tuple[Page, Person]:
    """Someone who has just signed up, and their page, which is at /start/. Its context is the caller's to close."""
    context = browser.new_context()
    page = context.new_page()
    email = sign_up(page, product.base_url, name=name)
    hook_url, key = read_curl(page)
    return page, Person(email, page.url.removesuffix("/start/"), hook_url, key, context.storage_state())


@pytest.fixture(scope="session")
def person(browser: Browser, running_platform: Product) -> Person:
    """Signed up, with one succeeded run, one event that matched nothing, one refused request, a secret."""
    page, made = newcomer(browser, running_platform, name="Long Name Trading Company of Ulaanbaatar")
    assert made.post({"name": "Ada", "order": {"id": "A-1"}})[0] == 202
    assert made.post({"skip": True})[0] == 202
    assert made.post(b"{not json")[0] == 400
    page.goto(f"{made.workspace}/governance/secrets/")
    page.get_by_label("Name").fill("TOKEN")
    page.get_by_label("Value").fill("a value of a token")
    page.get_by_role("button", name="Store the secret").click()
    page.get_by_role("link", name="Rotate TOKEN").wait_for()
    page.goto(f"{made.workspace}/runs/?status=succeeded")
    page.get_by_role("row", name="Succeeded").wait_for()
    page.context.close()
    return made
