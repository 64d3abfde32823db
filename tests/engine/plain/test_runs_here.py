"""Whole runs in the plain project: what is tested of runs in a workspace holds without tenants and without PostgreSQL.

A selection on SQLite in the suite; all of them on every database that `make test-databases` has a server for.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable

import pytest

from tests.engine.plain.project import GIVEN, PYTHON, ROOT, Project

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900 if GIVEN else 240)]
DATABASES = ("sqlite", *GIVEN)
FOLDER = "tests/engine/automate/execution"
FILES = [f"{FOLDER}/test_{name}.py" for name in ("graph_runs", "waiting_runs", "child_runs", "stopped_runs", "runs")]
PLUGINS = ("--noconftest", "-p", "no:django", "-p", "no:cacheprovider", "-p", "tests.engine.plain.here")
# What asks the dispatch of tenants, or changes the settings of the hosted product.
NOT_HERE = "dead or hear or secrets_never or cancel_while or settings"
SELECTION = "join or each_with_its_own_key or latest_first or rule_means or goes_on_with_what or reaches_the_child"


@pytest.mark.parametrize("kind", DATABASES)
def test_runs(kind: str, make_project: Callable[[str], Project]) -> None:
    project = make_project(kind)
    chosen = f"not ({NOT_HERE})" if GIVEN else f"({SELECTION}) and not dead"
    command = [PYTHON, "-m", "pytest", "-q", *PLUGINS, "-o", "addopts=", "-o", "filterwarnings=", "-k", chosen]
    environment = {name: value for name, value in project.environment.items() if not name.startswith("PYTEST_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "engine"), str(ROOT)])

    ran = subprocess.run([*command, *FILES], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=800)

    assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr
    passed = re.search(r"(\d+) passed", ran.stdout)
    assert passed is not None
    assert int(passed[1]) >= (35 if GIVEN else 6), ran.stdout
