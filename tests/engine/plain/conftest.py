"""The plain project on a database of each kind, for one module."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.engine.plain.project import Project, new_project, stop_all


@pytest.fixture(scope="module")
def make_project(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Project]]:
    made: dict[str, Project] = {}

    def make(kind: str) -> Project:
        if kind not in made:
            made[kind] = new_project(kind, tmp_path_factory.mktemp(kind))
        return made[kind]

    yield make
    stop_all()
