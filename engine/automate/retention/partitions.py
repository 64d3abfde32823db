"""Monthly partitions of the events' table, for a schema with very many of them. PostgreSQL only; run as their owner.

Event ids begin with their millisecond, so a month is a range of ids and the primary key stays what it was. Converting
copies nothing: the table as it is becomes the first partition of a twin that takes its name, in a transaction of a few
milliseconds; every lock is waited for 40 ms at most and tried again, so events are accepted all the while. A DEFAULT
partition takes what no month does: nothing is refused when nobody has made the next month.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, transaction

from automate import ids
from automate.outbox import sql

TABLE = "automate_event"
TWIN = "automate_event_twin"
REST = "automate_event_rest"
LOCK_TIMEOUT = "40ms"  # below the 50 ms that accepting an event waits
TRIES = 300
IMMUTABLE = "event_immutable"  # the trigger that refuses to change an event; attached tables inherit the parent's
_BOUNDS = re.compile(r"FROM \((MINVALUE|'[0-9a-f-]{36}')\) TO \('([0-9a-f-]{36})'\)")
_LOCKED = {"55P03", "40P01"}  # lock_not_available, deadlock_detected
_LOWEST = UUID(int=0)


@dataclass
class Partitioned:
    """What was done."""

    converted: bool = False
    made: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)  # past their time, but a run or an open job needs them


@dataclass(frozen=True)
class Partition:
    name: str
    low: UUID
    high: UUID


def partition_events(*, now: datetime, ahead: int, cutoff: datetime | None) -> Partitioned:
    """Convert the table if it is not yet, make the months up to `ahead` from now, drop those that ended before `cutoff`
    (None: none), and ANALYZE the whole, which autovacuum does for partitions only.

    May be stopped anywhere and run again. Raises ImproperlyConfigured away from PostgreSQL, DatabaseError when a lock
    was not to be had in 300 tries.
    """
    if connection.vendor != "postgresql":
        raise ImproperlyConfigured("Partitions need PostgreSQL.")
    done = Partitioned()
    if not is_partitioned():
        _convert(now)
        done.converted = True
    done.made = _make_months(now, ahead)
    if cutoff is not None:
        _drop_old(cutoff, done)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {TABLE}")
    return done


def is_partitioned() -> bool:
    return bool(_rows(f"SELECT relkind = 'p' FROM pg_class WHERE oid = '{TABLE}'::regclass")[0][0])  # noqa: S608


def partitions() -> list[Partition]:
    """The months, oldest first, without the DEFAULT one."""
    found = []
    for name, bounds in _rows(_statement("partitions")):
        if match := _BOUNDS.search(bounds):
            low, high = match.groups()
            found.append(Partition(name, _LOWEST if low == "MINVALUE" else UUID(low.strip("'")), UUID(high)))
    return sorted(found, key=lambda partition: partition.high)


# -- converting --------------------------------------------------------------------------------------------------------


def _convert(now: datetime) -> None:
    boundary = ids.first_id_at(_month(now + timedelta(days=2), 1))
    old = f"{TABLE}_before_{_month(now + timedelta(days=2), 1):%Y_%m}"
    guard = "event_before_partitions"
    _quickly(
        f"ALTER TABLE {TABLE} DROP CONSTRAINT IF EXISTS {guard}",
        f"ALTER TABLE {TABLE} ADD CONSTRAINT {guard} CHECK (id < '{boundary}') NOT VALID",
    )
    with connection.cursor() as cursor:  # reads the whole table, beside its writers; the switch then need not
        cursor.execute(f"ALTER TABLE {TABLE} VALIDATE CONSTRAINT {guard}")
    indexes = _rows(_statement("partition_indexes"))
    others = _rows(_statement("partition_triggers"))
    _build_twin(indexes, others)
    _quickly(
        f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE",
        f"DROP TRIGGER IF EXISTS {IMMUTABLE} ON {TABLE}",  # it comes back with the parent's
        *(f"DROP TRIGGER IF EXISTS {name} ON {TABLE}" for name, _, _ in others),
        f"ALTER TABLE {TABLE} RENAME TO {old}",
        *(f"ALTER INDEX {name} RENAME TO {_short(name)}_before" for name, _, _ in indexes),
        f"ALTER TABLE {TWIN} RENAME TO {TABLE}",
        *(f"ALTER INDEX {_short(name)}_twin RENAME TO {name}" for name, _, _ in indexes),
        f"ALTER TABLE {TABLE} ATTACH PARTITION {old} FOR VALUES FROM (MINVALUE) TO ('{boundary}')",
    )
    _quickly(f"ALTER TABLE {old} DROP CONSTRAINT {guard}")


def _build_twin(indexes: list[tuple[Any, ...]], others: list[tuple[Any, ...]]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {TWIN}")
        cursor.execute(_statement("partition_build"))
        for name, is_primary, made_by in indexes:
            twin = f"{_short(name)}_twin"
            if is_primary:
                cursor.execute(f"ALTER TABLE {TWIN} ADD CONSTRAINT {twin} PRIMARY KEY (id)")
            else:
                method = made_by[made_by.index(" USING ") :]
                unique = "UNIQUE " if made_by.startswith("CREATE UNIQUE") else ""
                cursor.execute(f"CREATE {unique}INDEX {twin} ON {TWIN}{method}")
        cursor.execute(f"CREATE TABLE {REST} PARTITION OF {TWIN} DEFAULT")
        cursor.execute(_statement("partition_trigger"))
        for _, before_table, after_table in others:  # what a host counts by goes on counting
            cursor.execute(f"{before_table}{TWIN}{after_table}")
        cursor.execute(_statement("partition_rights"))
        for (grant,) in cursor.fetchall():
            cursor.execute(grant)
            cursor.execute(grant.replace(TWIN, REST))


# -- months ------------------------------------------------------------------------------------------------------------


def _make_months(now: datetime, ahead: int) -> list[str]:
    made = []
    covered = max((partition.high for partition in partitions()), default=_LOWEST)
    for offset in range(ahead + 1):
        start, end = _month(now, offset), _month(now, offset + 1)
        low, high = max(ids.first_id_at(start), covered), ids.first_id_at(end)
        if low < high:
            made.append(_make(f"{TABLE}_{start:%Y_%m}", low, high))
    return made


def _make(name: str, low: UUID, high: UUID) -> str:
    """A month; what the DEFAULT partition already has of it moves in."""
    where = f"id >= '{low}' AND id < '{high}'"
    rights = [grant.replace(TWIN, name) for (grant,) in _rows(_statement("partition_rights"))]
    _quickly(
        f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING ALL)",
        f"WITH moved AS (DELETE FROM {REST} WHERE {where} RETURNING *) INSERT INTO {name} SELECT * FROM moved",  # noqa: S608  # our own names
        f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM ('{low}') TO ('{high}')",
        *rights,
    )
    return name


def _drop_old(cutoff: datetime, done: Partitioned) -> None:
    for partition in partitions():
        if partition.high > ids.first_id_at(cutoff):
            return
        bounds = {"low": str(partition.low), "high": str(partition.high)}
        if _rows(sql.load("partition_needed"), bounds)[0][0]:
            done.kept.append(partition.name)
            continue
        _quickly(f"ALTER TABLE {TABLE} DETACH PARTITION {partition.name}", f"DROP TABLE {partition.name}")
        done.dropped.append(partition.name)


def _month(at: datetime, offset: int) -> datetime:
    """The start of the month `offset` months after that of `at`, UTC.

    >>> _month(datetime(2026, 11, 22, tzinfo=timezone.utc), 2).isoformat()
    '2027-01-01T00:00:00+00:00'
    """
    at = at.astimezone(timezone.utc)
    month = at.year * 12 + at.month - 1 + offset
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=timezone.utc)


# -- statements --------------------------------------------------------------------------------------------------------


def _quickly(*statements: str, pause: Callable[[float], None] = time.sleep) -> None:
    """All of them in one transaction that waits 40 ms for a lock at most, again and again until it had them all."""
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
                for statement in statements:
                    cursor.execute(statement)
            return
        except DatabaseError as error:
            if getattr(error.__cause__, "sqlstate", None) not in _LOCKED or attempt == TRIES:
                raise
            pause(random.uniform(0.02, 0.2))  # so that two of them part


def _rows(statement: str, values: dict[str, str] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def _statement(name: str) -> str:
    return sql.load(name).format(table=TABLE, parent=TWIN)


def _short(name: str) -> str:
    return name[:50]
