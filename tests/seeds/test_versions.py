"""The welcome page, "Versioning & Compatibility": which Python, Django and databases; what ran is on a page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.engine.environments import DJANGOS, PYTHONS
from tests.seeds.promise import promise

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "web" / "automate_web" / "docs"


def engine_project() -> str:
    return (ROOT / "engine" / "pyproject.toml").read_text()


@promise("index", "Python: 3.10, 3.11, 3.12+", note="What ran: the page “Databases and versions”")
def test_the_engine_is_for_python_3_10_and_later() -> None:
    assert 'requires-python = ">=3.10"' in engine_project()
    assert {release for releases in DJANGOS.values() for release in releases} == set(PYTHONS)
    assert {"3.10", "3.11", "3.12"} <= set(PYTHONS)


@promise("index", "Django: 4.2 (LTS), 5.0+", note="What ran: the page “Databases and versions”")
def test_the_engine_is_for_django_4_2_and_later() -> None:
    assert '"django>=4.2' in engine_project()
    assert "4.2" in DJANGOS
    assert [series for series in DJANGOS if series >= "5"]


@promise("index", "DRF: 3.14+", note="The engine needs none; the hosted platform's API uses a newer one")
def test_django_rest_framework_is_of_the_platform_only() -> None:
    assert "djangorestframework" not in engine_project()
    assert re.search(r'"djangorestframework>=3\.(1[4-9]|[2-9]\d)', (ROOT / "pyproject.toml").read_text())


@promise("index", "Postgres: Recommended (Required for SKIP LOCKED high-throughput).")
def test_on_postgresql_a_claim_uses_skip_locked() -> None:
    claim = (ROOT / "engine" / "automate" / "sql" / "claim_outbox.sql").read_text()

    assert "FOR UPDATE SKIP LOCKED" in claim


@promise(
    "index",
    "MySQL 8+: Supported (No JSON index optimizations).",
    note="Run on MariaDB 10.11 by `make test-databases`; MySQL 8 itself was not at hand",
)
def test_mysql_has_a_page_that_says_what_it_lacks() -> None:
    page = (DOCS / "databases.md").read_text()

    assert "MariaDB" in page
    assert "SKIP LOCKED" in page


@promise("index", "SQLite: Dev/Test only.", note="A whole run on SQLite: `tests/engine/plain`")
def test_sqlite_has_a_store_of_its_own(installed: Any) -> None:
    code = (
        "from django.conf import settings\n"
        "settings.configure(INSTALLED_APPS=['automate'], DATABASES={'default': {'ENGINE':"
        " 'django.db.backends.sqlite3', 'NAME': ':memory:'}})\n"
        "import django; django.setup()\n"
        "from automate import host\nprint(type(host.current().outbox()).__name__)"
    )
    assert installed(code) == "OrmStore"
    assert "SQLite" in (DOCS / "databases.md").read_text()
