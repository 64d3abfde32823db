"""One product to be killed, for all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.harness import Harness, running
from tests.support import server


@pytest.fixture(scope="package")
def harness(django_db_setup: None) -> Iterator[Harness]:
    with running(server.run_folder() / server.WORKER / "chaos", quick_lives=True) as made:
        yield made
