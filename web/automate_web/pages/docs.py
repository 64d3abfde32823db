"""The documentation, rendered by the product itself from `docs/*.md`; each page also as the Markdown behind it.

Inside of a workspace the addresses of its examples are the installation's own, so that a copied line works as it is;
a page asked for by a script is the article alone, for the panel that `?` opens.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from html import escape, unescape
from itertools import count
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_GET
from markdown_it import MarkdownIt

from automate_governance.errors import NotFound
from automate_tenants.middleware import without_membership
from automate_web.requests import tenant_of, wants_fragment

FOLDER = Path(__file__).resolve().parent.parent / "docs"
_NAME = re.compile(r"[a-z0-9-]+")
_LINK = re.compile(r'href="([a-z0-9-]+)\.md(#[^"]*)?"')  # between pages, written as files lie beside each other
_HEADING = re.compile(r"<h([23])>(.*?)</h\1>")
_BLOCK = re.compile(r"<pre>(.*?)</pre>", re.DOTALL)
_ANY_HEADING = re.compile(r"(</?h)([1-5])\b")
_ADDRESS_IN_COMMAND = re.compile(r"(?<=&quot;)\$(API|BASE)_URL\b")
_HOSTS = re.compile(r"https?://(?:app\.example\.com|localhost:8000|127\.0\.0\.1:8000|&lt;host&gt;)(?=[/\s\"'`<]|$)")


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
    """GET /docs/<name>/; the article alone for a script."""
    found = _page(_known(name))
    html = with_own_addresses(found.html) if tenant_of(request) else found.html
    if wants_fragment(request):
        return render(request, "docs/_fragment.html", {"page": found, "html": _beside(html, name)})
    return render(request, "docs/page.html", {"page": found, "html": html})


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


def with_own_addresses(html: str) -> SafeString:
    """The examples' hosts, and `$API_URL` in commands, replaced by the addresses that this installation has."""
    own = escape(settings.BASE_URL.rstrip("/"))
    filled = _ADDRESS_IN_COMMAND.sub(
        lambda found: own + ("/api/v1" if found[1] == "API" else ""), _HOSTS.sub(own, html)
    )
    return mark_safe(filled)  # noqa: S308  see `_page`


def _beside(html: str, name: str) -> SafeString:
    """For use inside of another page: links from the root, ids that are not that page's, headings below its `h1`."""
    root, own = reverse("docs"), reverse("doc", args=[name])
    html = html.replace(' href="../', f' data-doc href="{root}').replace(' src="../', f' src="{root}')
    html = html.replace(' href="#', f' data-doc href="{own}#').replace(' id="', ' id="help-')
    html = html.replace(' data-copy="#', ' data-copy="#help-')
    return mark_safe(_ANY_HEADING.sub(lambda found: f"{found[1]}{int(found[2]) + 1}", html))  # noqa: S308  see `_page`


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
    html = _BLOCK.sub(_with_copy_button(), html)
    html = _HEADING.sub(_named_heading, html)
    html = _LINK.sub(r'href="../\1/\2"', html)
    html = html.replace('src="img/', 'src="../img/')
    return Page(name, title, mark_safe(html))  # noqa: S308  our own files, raw HTML is off


def _with_copy_button() -> Callable[[re.Match[str]], str]:
    """Wraps a block of code: long lines scroll, also by keyboard, and a button copies it."""
    numbers = count(1)

    def wrapped(block: re.Match[str]) -> str:
        name = f"code-{next(numbers)}"
        pre = f'<pre id="{name}" tabindex="0">{block[1]}</pre>'
        copy = f'class="btn small copy" data-copy="#{name}" hidden><span class="word">Copy</span>'
        return f'<div class="code">{pre}<button type="button" {copy}</button></div>'

    return wrapped


def _named_heading(heading: re.Match[str]) -> str:
    """The heading with the name under which `#name` finds it: lower case, hyphens for spaces, nothing but words."""
    level, content = heading.groups()
    words = re.sub(r"[^\w\s-]", "", unescape(re.sub(r"<[^>]+>", "", content))).lower().split()
    return f'<h{level} id="{"-".join(words)}">{content}</h{level}>'
