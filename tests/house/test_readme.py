"""The README and the pages for operators tell what is there: links, commands and variables exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from automate_platform.cli import parser

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "web" / "automate_web" / "docs"
GUIDES = [DOCS / f"{name}.md" for name in ("install", "command-line", "fleet")]
PAGES = [ROOT / "README.md", ROOT / "platform" / "README.md", *GUIDES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    missing = [link for link in links if not link.startswith("/") and not (page.parent / link).exists()]

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_variable_is_read_by_the_platform_or_the_client(page):
    named = set(re.findall(r"\b(DJANGO_AUTOMATE_[A-Z_]+|DATABASE_URL|PORT)\b", page.read_text()))
    code = "".join(f.read_text() for root in ("platform", "web/automate_client") for f in (ROOT / root).rglob("*.py"))

    assert {name for name in named if f'"{name}"' not in code} == set()


def test_every_command_shown_is_understood():
    shown = [line for page in PAGES for line in re.findall(r"^(?:\.venv/bin/)?automate .*$", page.read_text(), re.M)]
    words = [re.sub(r"\s+#.*", "", line).split()[1:] for line in shown]

    assert len(words) >= 6
    for command in words:
        parser.build().parse_args([word.strip("'") for word in _with_quotes_joined(command)])


def _with_quotes_joined(words: list[str]) -> list[str]:
    """`'{"a":`, `1}'` were one word between quotes."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1].startswith("'") and not joined[-1].endswith("'"):
            joined[-1] += f" {word}"
        else:
            joined.append(word)
    return joined


def test_the_first_forty_lines_hold_promise_start_and_features():
    top = "\n".join((ROOT / "README.md").read_text().splitlines()[:40])

    assert all(part in top for part in ("make up", "make test", "/start/", "## What it does", "CHANGELOG.md"))
