"""GitHub honours no idempotency key, so what we write carries one: a comment that its pages do not show.

A repeat reads the newest entries first and takes the one with its mark for its own.
"""

from __future__ import annotations

from typing import Any

PER_PAGE = 100
MAX_PAGES = 5


def marked(body: str, key: str) -> str:
    """`body` with the mark of this step behind it.

    >>> marked("Hi", "5d41")
    'Hi\\n\\n<!-- automate:5d41 -->'
    """
    return f"{body}\n\n{_mark(key)}" if body else _mark(key)


def find_marked(entries: list[Any], key: str) -> dict[str, Any] | None:
    """The entry (an issue or a comment) that carries the mark."""
    for entry in entries:
        if isinstance(entry, dict) and _mark(key) in str(entry.get("body") or ""):
            return entry
    return None


def _mark(key: str) -> str:
    return f"<!-- automate:{key} -->"
