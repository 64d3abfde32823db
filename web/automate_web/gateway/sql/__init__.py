"""The gateway's statements, one file each, loaded by name. Parameters are $1, $2, ... in asyncpg's way."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def statement(name: str) -> str:
    """The text of `<name>.sql`."""
    return (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")
