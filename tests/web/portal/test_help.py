"""The `?` of every page: its own page of the documentation, beside it, with addresses that work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

import automate_web
from automate_web.pages import docs
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter

TEMPLATES = Path(automate_web.__file__).parent / "templates"
SHELL = "workspace.html"
HELP = re.compile(
    r"""{% block help %}<a class="help" href="{% url 'doc' '([a-z-]+)' %}(?:#([a-z0-9-]+))?" aria-label="Help: """
)


def workspace_templates() -> list[Path]:
    """Every template of a page in the workspace's shell."""
    return [path for path in sorted(TEMPLATES.rglob("*.html")) if f'{{% extends "{SHELL}" %}}' in path.read_text()]


@pytest.mark.parametrize("path", workspace_templates(), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_every_page_links_its_own_part_of_the_documentation(path: Path) -> None:
    found = HELP.search(path.read_text())
    assert found, "no {% block help %} with a link to a page of the documentation"

    name, place = found.groups()
    assert (docs.FOLDER / f"{name}.md").is_file()
    assert place is None or f'id="{place}"' in docs._page(name).html


def test_there_are_pages_to_look_at() -> None:
    assert len(workspace_templates()) > 60


def test_the_panel_is_given_the_article_alone(enter: Enter, tenant_a: Workspace) -> None:
    browser = enter(tenant_a)

    answer = browser.get("/docs/webhooks/", headers={"HX-Request": "true"}).content.decode()

    assert "<html" not in answer and "<h1" not in answer
    assert 'data-title="Send events to a webhook"' in answer
    assert 'id="help-roll-a-secret"' in answer
    assert not re.search(r'(href|src)="(\.\./|#)', answer)
    assert len(set(re.findall(r'id="([^"]+)"', answer))) == len(re.findall(r'id="', answer))
    for target in re.findall(r'data-copy="#([^"]+)"', answer):
        assert f'<pre id="{target}"' in answer
    assert "<html" in browser.get("/docs/webhooks/").content.decode()


def test_examples_hold_the_addresses_of_this_installation(
    enter: Enter, app: Client, tenant_a: Workspace, settings: Any
) -> None:
    settings.BASE_URL = "https://flows.example.org/"
    browser = enter(tenant_a)

    api, hooks, line = (browser.get(f"/docs/{name}/").content.decode() for name in ("api", "webhooks", "command-line"))

    assert "curl &quot;https://flows.example.org/api/v1/events&quot;" in api
    assert "https://flows.example.org/hooks/" in hooks
    assert "automate login --url https://flows.example.org " in line
    for page in (api, hooks, line):
        assert not re.search(r"https?://(app\.example\.com|127\.0\.0\.1:8000|&lt;host&gt;)", page)
    assert "flows.example.org" not in app.get("/docs/api/").content.decode()
