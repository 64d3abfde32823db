"""The walk over every page would find a word that is too faint in dark, a button without a name, a wide table."""

from __future__ import annotations

import pytest

from tests.browser.accessibility import DESK, too_wide, violations
from tests.browser.conftest import OpenPage

pytestmark = pytest.mark.browser
PAGE = """<!doctype html><html lang="en"><title>Page</title><style>
p { color: #333 } @media (prefers-color-scheme: dark) { body { background: #111 } p { color: #222 } }
</style><main><h1>Page</h1><p>%s</p></main></html>"""


def test_a_word_that_is_faint_in_dark_alone_is_found(open_page: OpenPage) -> None:
    page = open_page(color_scheme="light", viewport=DESK)
    page.set_content(PAGE % "A word")

    assert [text.partition("color-contrast")[0] for text in violations(page)] == ["about:blank, dark: "] * 2
    assert too_wide(page) == []


def test_what_has_no_name_and_what_is_too_wide_is_found(open_page: OpenPage) -> None:
    page = open_page(color_scheme="light", viewport=DESK)
    page.set_content(PAGE.replace("#222", "#ddd") % "<button></button><span style='padding-left:400px'>x</span>")

    assert any("button-name" in text for text in violations(page))
    assert too_wide(page) != []
