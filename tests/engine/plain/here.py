"""A pytest plugin: the engine's own tests of the database, written for a workspace, about a plain project's one schema.

usage: PLAIN_DATABASE='{"ENGINE": …}' python -m pytest -p tests.engine.plain.here --confcutdir=tests/engine FOLDER…
(with the engine on PYTHONPATH; `make test-databases` starts it for every database there is a server for.)

What tests import of tenants is replaced by the one schema before they are collected. A test that needs more of the
platform than that, or of PostgreSQL where this is another database, is skipped and says so. Django makes a test
database beside the one given, and empties it after each test.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.engine.plain.here_settings"

import django
import hypothesis
import pytest

django.setup()

from django.db import connection, connections  # noqa: E402 - after the set-up

from tests.engine.one_schema import OneSchema  # noqa: E402 - before what imports tenants
from tests.support import groups, sockets  # noqa: E402
from tests.support.llm_server import llm_server  # noqa: E402
from tests.support.sink import http_sink  # noqa: E402
from tests.support.waiting import at_once, eventually  # noqa: E402

__all__ = ["at_once", "eventually", "http_sink", "llm_server"]

hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine is no finding
hypothesis.settings.load_profile("untimed")


def pytest_configure() -> None:
    sockets.close_the_outside()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Only tests of the database; each with the time limit of its group."""
    groups.assign(items)
    chosen = [item for item in items if groups.group_of(item) == "integration"]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def pytest_runtest_setup(item: pytest.Item) -> None:
    needs = item.get_closest_marker("postgresql")
    if needs is not None and connection.vendor != "postgresql":
        pytest.skip(f"needs PostgreSQL: {needs.args[0]}")


@pytest.fixture
def tenant_a() -> Iterator[OneSchema]:
    yield OneSchema()
    connections.close_all()


@pytest.fixture
def tenant_b() -> None:
    pytest.skip("needs a second workspace")


@pytest.fixture(scope="session")
def database_urls() -> Any:
    pytest.skip("needs the roles of the hosted database")


@pytest.fixture
def fresh_database() -> Any:
    pytest.skip("needs the hosted database")


@pytest.fixture
def owner_connection() -> Any:
    pytest.skip("needs the roles of the hosted database")


@pytest.fixture
def superuser_connection() -> Any:
    pytest.skip("needs the roles of the hosted database")
