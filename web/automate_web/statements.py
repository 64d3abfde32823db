"""The pages' own SQL, one statement a file under `sql/`, loaded by name."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).with_name("sql")


@cache
def load(name: str) -> str:
    """The text of `sql/<name>.sql`. Raises FileNotFoundError for an unknown name.

    >>> "automate_executionrun" in load("recent_runs")
    True
    """
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
