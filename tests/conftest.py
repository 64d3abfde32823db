"""Set-up shared by all tests: environment before Django's settings, one PostgreSQL, groups with time budgets."""

from __future__ import annotations

import os
import shutil
from typing import Any

import django
import hypothesis
import pytest

from tests.support import examples, groups, server, sockets

_home = server.Home(server.run_folder() / server.WORKER)
_urls = server.urls(server.DATABASE)
os.environ.update(
    DJANGO_SETTINGS_MODULE="automate_platform.settings",
    DJANGO_AUTOMATE_HOME=str(_home.root),
    DATABASE_URL=_urls.app,
    DJANGO_AUTOMATE_OWNER_DATABASE_URL=_urls.owner,
    DJANGO_AUTOMATE_BASE_URL="http://testserver",
)
server.installation.make_secrets(_home)
django.setup()
del os.environ["DJANGO_SETTINGS_MODULE"]  # xdist's workers inherit this environment and must come here first

from tests.support.database import (  # noqa: E402 - needs Django to be set up
    database_urls,
    django_db_setup,
    empty_database,
    fresh_database,
    owner_connection,
    superuser_connection,
)
from tests.support.llm_server import llm_server  # noqa: E402
from tests.support.product import running_platform  # noqa: E402
from tests.support.sink import http_sink  # noqa: E402
from tests.support.waiting import at_once, eventually  # noqa: E402
from tests.support.workspaces import tenant_a, tenant_b, workspaces  # noqa: E402

__all__ = [
    "at_once", "database_urls", "django_db_setup", "empty_database", "eventually", "fresh_database", "http_sink",
    "llm_server", "owner_connection", "running_platform", "superuser_connection", "tenant_a", "tenant_b", "workspaces",
]  # fmt: skip

# The suite tries the same examples each time; `make fuzz` looks for new ones. A busy machine is no finding.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=examples.TIMES == 1)
hypothesis.settings.load_profile("suite")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_is_controller = "PYTEST_XDIST_WORKER" not in os.environ


def pytest_configure(config: pytest.Config) -> None:
    sockets.close_the_outside()
    if _is_controller:
        config.stash[_membership] = server.join()


def pytest_unconfigure(config: pytest.Config) -> None:
    if _is_controller:
        server.leave(config.stash[_membership])


_membership = pytest.StashKey[Any]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    groups.assign(items)
    if chromium() is None:
        why = "no Chromium on this machine"
        if os.environ.get("CI") and any(item.get_closest_marker("browser") for item in items):
            raise pytest.UsageError(f"{why}, and CI needs one")
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason=why))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if _is_controller:
        groups.count(report)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    groups.summarise(terminalreporter)
    if chromium() is None:
        terminalreporter.line(
            "!!! BROWSER TESTS WERE SKIPPED: install Chromium (Debian: apt-get install chromium) !!!", red=True
        )


def chromium() -> str | None:
    """Path of a Chromium on this machine."""
    return next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = chromium()
    assert path is not None  # browser tests are skipped without one
    return path
