"""Print data: one JSON document for programs, short lines for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


def show(rows: Mapping[str, Any] | Iterable[Mapping[str, Any]], *, as_json: bool) -> None:
    """One mapping as `name: value` lines, many as a table with a heading; or either as JSON."""
    if not isinstance(rows, Mapping):
        rows = list(rows)
    if as_json:
        print(json.dumps(rows, default=str, ensure_ascii=False))
    elif isinstance(rows, Mapping):
        for name, value in rows.items():
            print(f"{name}: {value}")
    elif rows:
        _table(rows)


def _table(rows: list[Mapping[str, Any]]) -> None:
    columns = list(rows[0])
    lines = [columns, *([str(row[name]) for name in columns] for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
