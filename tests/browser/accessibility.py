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
# A selector of each node that passed costs as much as the rules; the report names nodes by their HTML.
_RUN = """rules => axe.run(document, {
    runOnly: rules, resultTypes: ['violations'], preload: false, selectors: false, elementRef: true,
}).then(found => found.violations.map(each => ({
    id: each.id, nodes: each.nodes.map(node => (node.element || document.documentElement).outerHTML.slice(0, 160)),
})))"""
_axe = Axe()


def bring_axe(page: Page) -> None:
    """Have it in every page that `page` goes to, sent to the browser once."""
    page.add_init_script(_axe.axe_script)


def violations(page: Page) -> list[str]:
    """Every violation of WCAG 2.2 AA in light, and of what colours decide in dark: the document is the same one."""
    if not page.evaluate("'axe' in window"):
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
    return [f"{each['id']}: {html}" for each in found for html in each["nodes"]]
