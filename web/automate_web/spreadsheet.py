"""CSV (RFC 4180) that a spreadsheet may open: nothing in it is taken for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(columns: Sequence[str], rows: Iterable[Iterable[str | int]]) -> Iterator[str]:
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


def _cell(value: str | int) -> str | int:
    """A text that would be taken for a formula gets an apostrophe (OWASP, CSV injection)."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
