"""The engine's own tests of runs, written for a workspace, hold in a plain project: a selection, on SQLite.

`make test-databases` runs every test of the database that needs no tenants, on each database there is a server for.
"""

from __future__ import annotations

import re
import sys

import pytest

from tests.engine import environments

SELECTION = "join or each_with_its_own_key or latest_first or rule_means or goes_on_with_what or reaches_the_child"


@pytest.mark.processes
def test_runs_in_one_schema() -> None:
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    files = [
        f"tests/engine/automate/execution/test_{name}_runs.py" for name in ("graph", "waiting", "child", "stopped")
    ]

    code, said = environments.run_here(sys.executable, database, "--no-migrations", "-k", SELECTION, *files)

    assert code == 0, said
    passed = re.match(r"(\d+) passed", said)
    assert passed is not None
    assert int(passed[1]) >= 6, said
