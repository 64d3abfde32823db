"""Folding: deltas become days, exactly once.

Every worker calls it each few seconds; a transaction lock lets one at a time. Deltas are deleted and their sums added
in that one transaction, so a folder that dies has done nothing, and one that commits has done all of it. A delta that
commits late is simply taken by a later fold: nothing is skipped by its id.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime

from django.db import connection, transaction

from automate_billing import statements
from automate_llm.budgets.periods import zone_of
from automate_tenants.context import public_scope

LIMIT = 50_000  # deltas folded in one transaction
_LOCK_KEY = 0x6175746F_464F4C44  # "auto" "FOLD"
Key = tuple[int, date, str, str]  # tenant, day, meter, subject


def fold(*, limit: int = LIMIT) -> set[int]:
    """Fold what is there, at most `limit` deltas. Returns the workspaces (ids) whose usage changed.

    An empty set also where another process is folding.
    """
    with public_scope(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK_KEY])
        if not cursor.fetchone()[0]:
            return set()
        cursor.execute(statements.load("take_deltas"), {"limit": limit})
        sums = _by_day(cursor.fetchall())
        if sums:
            add(sums)
        return {tenant_id for tenant_id, *_ in sums}


def add(sums: dict[Key, int]) -> None:
    """Add to the days, in the caller's transaction."""
    keys = sorted(sums)
    columns = [list(column) for column in zip(*keys, strict=True)]
    names = ("tenant_ids", "days", "meters", "subjects")
    values = dict(zip(names, columns, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(statements.load("add_usage"), {**values, "amounts": [sums[key] for key in keys]})


def _by_day(rows: list[tuple[int, str, str, str, datetime, int]]) -> dict[Key, int]:
    """Sums on the days of each workspace's own zone."""
    sums: Counter[Key] = Counter()
    for tenant_id, zone, meter, subject, at, amount in rows:
        sums[tenant_id, at.astimezone(zone_of(zone)).date(), meter, subject] += amount
    return dict(sums)
