"""CSV (RFC 4180) that a spreadsheet may open: nothing in it is taken for a formula. Written while it is read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import StreamingHttpResponse

READ_AT_ONCE = 2_000  # rows held at a time, of an export of any length
Row = TypeVar("Row", bound=Model)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_answer(name: str, columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> StreamingHttpResponse:
    """A file called `name`.csv, sent as its rows are read."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingHttpResponse(csv_lines(columns, rows), content_type="text/csv; charset=utf-8", headers=headers)


def in_batches(rows: QuerySet[Row]) -> Iterator[list[Row]]:
    """All of them by rising primary key. Each batch begins after the one before: none is held, nothing is cut off."""
    rows = rows.order_by("pk")
    batch = list(rows[:READ_AT_ONCE])
    while batch:
        yield batch
        batch = list(rows.filter(pk__gt=batch[-1].pk)[:READ_AT_ONCE]) if len(batch) == READ_AT_ONCE else []


def csv_lines(columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """The head and each row, written a line at a time. Texts are made safe; numbers stay numbers.

    >>> list(csv_lines(["name", "amount"], [["=SUM(A1)", -3]]))
    ['name,amount\\r\\n', "'=SUM(A1),-3\\r\\n"]
    """
    line = io.StringIO()
    writer = csv.writer(line)
    for cells in chain([columns], rows):
        writer.writerow([_cell(cell) for cell in cells])
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def _cell(value: Any) -> Any:
    """A text that would be taken for a formula gets an apostrophe (OWASP, CSV injection).

    Times are written in RFC 3339, UTC; lists and objects as JSON.

    >>> _cell("@cmd"), _cell(["a"]), _cell(datetime(2026, 1, 1, tzinfo=UTC))
    ("'@cmd", '["a"]', '2026-01-01T00:00:00.000Z')
    """
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
