"""When rows of a table end: each app says it of each of its tables, in a module `row_ends` with `TABLES: {table: End}`.

Everything that grows has an end that somebody carries out, or a reason to be kept. `automate.retention.ends` collects
what was said, and a test asks for every table there is.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class End:
    """`how`: kept (for good), purged (by a job, after a time) or bounded (as many rows as there are of something)."""

    how: str
    why: str  # what it is kept for, by what and when it is purged, or what bounds it


def kept(why: str) -> End:
    """Rows stay until their workspace is deleted."""
    return End("kept", why)


def purged(by: str) -> End:
    """Rows go by themselves."""
    return End("purged", by)


def bounded(by: str) -> End:
    """Rows are changed in place or replaced; there are as many as of something that people make by hand."""
    return End("bounded", by)
