"""What the tables of one database hold, remembered, so that it can be put back where a test has changed it.

A copy of a whole database costs a quarter of a second, most of it waiting for checkpoints; a test changes a few tables.
A table whose rows are the same row versions (`ctid`, `xmin`) as then has not changed. Definitions (schemas, tables,
functions, rights) are only compared: who changed one needs a new copy of the database.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg
from psycopg import sql

Row = tuple[Any, ...]

DEFINED_IN = (
    "pg_attrdef", "pg_attribute", "pg_constraint", "pg_default_acl", "pg_event_trigger", "pg_extension", "pg_index",
    "pg_inherits", "pg_policy", "pg_proc", "pg_rewrite", "pg_trigger", "pg_type",
)  # fmt: skip
# Of pg_class and pg_namespace not the row version: TRUNCATE writes the one, a temporary table the other.
DEFINITIONS = """
SELECT array_agg((oid, relname, relnamespace, relowner, relkind, relacl, reloptions, relpersistence, relrowsecurity,
                  pg_get_expr(relpartbound, oid))::text ORDER BY oid)
    FROM pg_class WHERE relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg\\_%temp\\_%')
UNION ALL SELECT array_agg(n::text ORDER BY oid) FROM pg_namespace n WHERE nspname NOT LIKE 'pg\\_%temp\\_%'
UNION ALL SELECT array_agg((datacl, datallowconn, datconnlimit)::text) FROM pg_database
    WHERE datname = current_database()
UNION ALL SELECT array_agg(s::text ORDER BY s::text) FROM pg_db_role_setting s
    JOIN pg_database d ON d.oid = s.setdatabase WHERE datname = current_database()
"""
TABLES = """
SELECT c.oid, n.nspname, relname, pg_relation_size(c.oid) > 0,
    ARRAY(SELECT attname::text FROM pg_attribute a
          WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum),
    EXISTS (SELECT FROM pg_constraint WHERE confrelid = c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema') AND nspname NOT LIKE 'pg\\_%temp\\_%'
ORDER BY c.oid
"""
SEQUENCES = "SELECT schemaname, sequencename, start_value, last_value FROM pg_sequences"
BUSY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
GONE_SECONDS = 5.0
ROWS = "SELECT {}, count(*), sum(hashtextextended(ctid::text || ' ' || xmin::text, 0)) FROM {}"


class Changed(Exception):
    """A definition is not what it was: rows alone do not put this database back."""


class Contents:
    """Takes what is there when made; `put_back` needs the URL of a superuser of the same database."""

    def __init__(self, url: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            self.definitions = _definitions(connection)
            self.sequences = set(connection.execute(SEQUENCES))
            tables = connection.execute(TABLES).fetchall()
            self.versions = _versions(connection, tables)
            self.rows = {table[0]: _copy_out(connection, table) for table in tables if table[0] in self.versions}

    def put_back(self, url: str) -> None:
        """Raises Changed or psycopg.Error; the database may then be anything."""
        with psycopg.connect(url, autocommit=True) as connection:
            _end_others(connection)
            if _definitions(connection) != self.definitions:
                raise Changed
            tables = connection.execute(TABLES).fetchall()
            found = _versions(connection, tables)
            changed = [table for table in tables if found.get(table[0]) != self.versions.get(table[0])]
            with connection.transaction():
                # No trigger and no foreign key takes part: what is put back was consistent.
                connection.execute("SET LOCAL session_replication_role = replica")
                connection.execute("SET LOCAL lock_timeout = '5s'")
                _empty(connection, changed)
                for table in changed:
                    _copy_in(connection, table, self.rows.get(table[0], []))
                for schema, name, start, last in self.sequences - set(connection.execute(SEQUENCES)):
                    identifier = sql.Identifier(schema, name).as_string()
                    connection.execute("SELECT setval(%s, %s, %s)", [identifier, last or start, last is not None])
            self.versions = {oid: of for oid, of in found.items() if oid in self.versions}
            self.versions.update(_versions(connection, [table for table in changed if table[0] in self.rows]))


def _end_others(connection: psycopg.Connection[Any]) -> None:
    deadline = time.monotonic() + GONE_SECONDS
    while connection.execute(BUSY).rowcount:
        if time.monotonic() > deadline:
            raise Changed


def _definitions(connection: psycopg.Connection[Any]) -> list[Row]:
    catalogs = [sql.SQL(ROWS).format(sql.Literal(name), sql.Identifier(name)) for name in DEFINED_IN]
    return [
        *connection.execute(DEFINITIONS).fetchall(),
        *connection.execute(sql.SQL(" UNION ALL ").join(catalogs)).fetchall(),
    ]


def _versions(connection: psycopg.Connection[Any], tables: list[Row]) -> dict[int, Row]:
    """Of each table that has rows, by its oid: what changes with any of them."""
    asked = [
        sql.SQL(ROWS).format(sql.Literal(oid), sql.Identifier(schema, name))
        for oid, schema, name, has_pages, *_ in tables
        if has_pages
    ]
    if not asked:
        return {}
    found = connection.execute(sql.SQL(" UNION ALL ").join(asked)).fetchall()
    return {oid: (count, total) for oid, count, total in found if count}


def _empty(connection: psycopg.Connection[Any], tables: list[Row]) -> None:
    """TRUNCATE refuses a table that a foreign key points at, alone."""
    quick = [sql.Identifier(schema, name) for _, schema, name, _, _, is_target in tables if not is_target]
    if quick:
        connection.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(quick)))
    for _, schema, name, _, _, is_target in tables:
        if is_target:
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(schema, name)))


def _copy_out(connection: psycopg.Connection[Any], table: Row) -> list[bytes]:
    with connection.cursor().copy(_copy("COPY {} ({}) TO STDOUT", table)) as copy:
        return [bytes(part) for part in copy]


def _copy_in(connection: psycopg.Connection[Any], table: Row, rows: list[bytes]) -> None:
    if rows:
        with connection.cursor().copy(_copy("COPY {} ({}) FROM STDIN", table)) as copy:
            for part in rows:
                copy.write(part)


def _copy(statement: str, table: Row) -> sql.Composed:
    _, schema, name, _, columns, _ = table
    return sql.SQL(statement).format(sql.Identifier(schema, name), sql.SQL(", ").join(map(sql.Identifier, columns)))
