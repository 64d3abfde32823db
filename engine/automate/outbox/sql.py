"""The engine's SQL, one statement a file under `automate/sql/`, loaded by name."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent.parent / "sql"


@cache
def load(name: str) -> str:
    """The text of `sql/<name>.sql`. Raises FileNotFoundError for an unknown name.

    >>> "SKIP LOCKED" in load("claim_outbox")
    True
    """
    return (_FOLDER / f"{name}.sql").read_text()
