"""The documentation as it is served: every page is listed, every link and place in it is there."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from django.test import Client

from automate_web.pages import docs

PAGES = sorted(path.stem for path in Path(docs.__file__).parents[1].joinpath("docs").glob("*.md"))


def links(page: str, address: str) -> list[str]:
    """Where the page's body leads inside this site, with the place in the page."""
    body = page.partition("<main")[2].partition("</main>")[0]
    found = [urljoin(address, link) for link in re.findall(r'(?:href|src)="([^"]+)"', body)]
    return [link for link in found if link.startswith("/")]


@pytest.mark.django_db
def test_every_page_is_listed_on_the_first(app: Client) -> None:
    index = app.get("/docs/").content.decode()

    assert len(PAGES) > 10
    assert [name for name in PAGES if f"/docs/{name}/" not in index] == []


@pytest.mark.django_db
@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(app: Client, name: str) -> None:
    address = f"/docs/{name}/"
    page = app.get(address)
    assert page.status_code == 200
    assert app.get(f"/docs/{name}.md").status_code == 200

    found = links(page.content.decode(), address)
    assert found
    for link in found:
        target = app.get(urlsplit(link).path)
        assert target.status_code == 200, link
        if place := urlsplit(link).fragment:
            assert f'id="{place}"'.encode() in target.content, link
