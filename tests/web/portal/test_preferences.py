"""Theme and times, kept with the account: every browser of a person draws pages alike, from the first byte."""

from __future__ import annotations

import re

from django.contrib.auth.models import User
from django.test import Client

from automate_tenants.models import Preference
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter, make_runs


def html_of(browser: Client, path: str = "/") -> str:
    return browser.get(path).content.decode()


def test_a_theme_follows_the_person_to_another_browser(enter: Enter, app: Client, tenant_a: Workspace) -> None:
    here, there = enter(tenant_a), enter(tenant_a)
    here.post("/theme/", {"theme": "dark", "next": "/"})

    answer = there.get("/")

    assert '<html lang="en" data-theme="dark">' in answer.content.decode()
    assert answer.cookies["theme"].value == "dark"
    assert "theme" not in there.get("/").cookies  # it knows
    here.post("/theme/", {"theme": "system", "next": "/"})
    assert "data-theme" not in html_of(there)


def test_logging_in_brings_the_accounts_theme_to_the_apps_pages(app: Client, tenant_a: Workspace) -> None:
    Preference.objects.create(user=tenant_a.owner, theme="light")
    person = User.objects.get(pk=tenant_a.owner.pk)  # not the one that other tests share
    person.set_password("correct horse battery")
    person.save()
    app.post("/theme/", {"theme": "dark", "next": "/"})

    answer = app.post("/login/", {"login": tenant_a.owner.email, "password": "correct horse battery"})

    assert answer.cookies["theme"].value == "light"


def test_a_visitors_theme_is_nobody_elses(enter: Enter, app: Client, tenant_a: Workspace) -> None:
    app.post("/theme/", {"theme": "dark", "next": "/"})

    assert not Preference.objects.exists()
    assert "data-theme" not in html_of(enter(tenant_a))


def test_a_member_chooses_how_times_are_drawn(enter: Enter, tenant_a: Workspace) -> None:
    mine, other = enter(tenant_a), enter(tenant_a, "viewer")
    make_runs(tenant_a, 1)

    mine.post("/theme/", {"theme": "dark", "next": "/"})
    mine.post("/theme/", {"times": "local", "next": "/runs/"})

    page = html_of(mine, "/runs/")
    assert 'data-times="local"' in page and 'data-theme="dark"' in page
    assert re.search(r'value="local" aria-pressed="true"', page)
    assert re.search(r'<time datetime="[^"]+" title="[^"]+ UTC" data-relative>', page)
    assert 'data-times="utc"' in html_of(other)
    mine.post("/theme/", {"times": "moon", "theme": "dark", "next": "/"})
    assert 'data-times="local"' in html_of(mine)
