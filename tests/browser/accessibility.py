"""What axe sees on a page in light and dark, and how far the page reaches beyond a narrow screen."""

from __future__ import annotations

from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, ViewportSize

DESK: ViewportSize = {"width": 1280, "height": 720}
PHONE: ViewportSize = {"width": 320, "height": 640}
STANDARD = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
# What axe loads beforehand (nested style sheets, media) is for rules that are not asked; it would break a page's CSP.
_RUN = """rules => axe.run(document, {runOnly: rules, resultTypes: ['violations'], preload: false})
    .then(found => found.violations)"""
_axe = Axe()


def violations(page: Page) -> list[str]:
    """Every violation of WCAG 2.2 AA in light, and of what colours decide in dark: the document is the same one."""
    page.evaluate(_axe.axe_script)
    found = [f"{page.url}: {text}" for text in _ask(page, "light", STANDARD)]
    found += [f"{page.url}, dark: {text}" for text in _ask(page, "dark", COLOURS)]
    page.emulate_media(color_scheme="light")
    return found


def too_wide(page: Page) -> list[str]:
    """How far the page reaches beyond 320 px, when it does. The page is as wide as a desk's screen afterwards."""
    page.set_viewport_size(PHONE)
    beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    page.set_viewport_size(DESK)
    return [f"{page.url}: {beyond} px"] if beyond > 0 else []


def _ask(page: Page, scheme: Literal["light", "dark"], rules: dict[str, Any]) -> list[str]:
    page.emulate_media(color_scheme=scheme)
    found = page.evaluate(_RUN, rules)
    return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]]
