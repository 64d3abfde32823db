"""The documentation, rendered by the product itself from `docs/*.md`; each page also as the Markdown behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_GET
from markdown_it import MarkdownIt

from automate_governance.errors import NotFound
from automate_tenants.middleware import without_membership

FOLDER = Path(__file__).resolve().parent.parent / "docs"
_NAME = re.compile(r"[a-z0-9-]+")
_LINK = re.compile(r'href="([a-z0-9-]+)\.md(#[^"]*)?"')  # between pages, written as files lie beside each other
_HEADING = re.compile(r"<h([23])>(.*?)</h\1>")


@dataclass(frozen=True)
class Page:
    name: str
    title: str
    html: SafeString


@require_GET
@without_membership
def index(request: HttpRequest) -> HttpResponse:
    """GET /docs/"""
    return render(request, "docs/index.html", {"pages": all_pages()})


@require_GET
@without_membership
def page(request: HttpRequest, name: str) -> HttpResponse:
    """GET /docs/<name>/"""
    return render(request, "docs/page.html", {"page": _page(_known(name))})


@require_GET
@without_membership
def source(request: HttpRequest, name: str) -> HttpResponse:
    """GET /docs/<name>.md"""
    return HttpResponse(_path(_known(name)).read_text(), content_type="text/markdown; charset=utf-8")


@require_GET
@without_membership
def picture(request: HttpRequest, name: str) -> HttpResponse:
    """GET /docs/img/<name>.png"""
    path = FOLDER / "img" / f"{name}.png"
    if not _NAME.fullmatch(name) or not path.is_file():
        raise NotFound("There is no such picture.")
    return HttpResponse(path.read_bytes(), content_type="image/png")


def all_pages() -> list[Page]:
    """By name."""
    return [_page(path.stem) for path in sorted(FOLDER.glob("*.md"))]


def _known(name: str) -> str:
    if not _NAME.fullmatch(name) or not _path(name).is_file():
        raise NotFound("There is no such page in the documentation.")
    return name


def _path(name: str) -> Path:
    return FOLDER / f"{name}.md"


@lru_cache(maxsize=64)
def _page(name: str) -> Page:
    text = _path(name).read_text()
    title = next((line[2:].strip() for line in text.splitlines() if line.startswith("# ")), name)
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    html = html.replace("<pre>", '<pre tabindex="0">')  # long lines scroll, also by keyboard
    html = _HEADING.sub(_named_heading, html)
    html = _LINK.sub(r'href="../\1/\2"', html)
    html = html.replace('src="img/', 'src="../img/')
    return Page(name, title, mark_safe(html))  # noqa: S308  our own files, raw HTML is off


def _named_heading(heading: re.Match[str]) -> str:
    """The heading with the name under which `#name` finds it: lower case, hyphens for spaces, nothing but words."""
    level, content = heading.groups()
    words = re.sub(r"[^\w\s-]", "", unescape(re.sub(r"<[^>]+>", "", content))).lower().split()
    return f'<h{level} id="{"-".join(words)}">{content}</h{level}>'
