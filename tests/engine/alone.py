"""A pytest plugin: the engine's own tests without the hosted platform, on whatever Python and Django runs it.

usage: python -m pytest -p tests.engine.alone --confcutdir=tests/engine tests/engine/automate …
(`make test-matrix` starts it with the engine on PYTHONPATH.)

Only the unit group stays: tests of databases and processes are deselected (the plain project's tests hold those), and a
module that imports the platform is skipped as a whole. Pytest's closing line counts both.
"""

from __future__ import annotations

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.engine.alone_settings"
os.environ["PLAIN_DATABASE"] = '{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}'

import django
import hypothesis
import pytest

django.setup()

import tests.engine.one_schema  # noqa: E402, F401 - needs Django to be set up; before what imports tenants
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
    unit = [item for item in items if groups.group_of(item) == "unit"]
    config.hook.pytest_deselected(items=[item for item in items if groups.group_of(item) != "unit"])
    items[:] = unit
