"""Every table that a test can see, on any database."""

from __future__ import annotations

from typing import Any

from django.db import connection

SEEN = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN (current_schema(), 'public')"


def quoted(cursor: Any, *, public: bool = True) -> list[str]:
    """Their names as SQL; on PostgreSQL those of the first schema of the path, and with `public` those of that one."""
    quote = connection.ops.quote_name
    if connection.vendor != "postgresql":
        return [quote(name) for name in connection.introspection.table_names(cursor)]
    cursor.execute(SEEN if public else SEEN.replace(", 'public'", ""))
    return [f"{quote(schema)}.{quote(name)}" for schema, name in cursor.fetchall()]


def rows_as_text(cursor: Any, table: str) -> list[str]:
    """Each row, every column."""
    if connection.vendor == "postgresql":
        cursor.execute(f"SELECT to_jsonb(t)::text FROM {table} t")
        return [text for (text,) in cursor.fetchall()]
    cursor.execute(f"SELECT * FROM {table}")
    return [
        str([bytes(value) if isinstance(value, memoryview) else value for value in row]) for row in cursor.fetchall()
    ]
