"""One statement in one transaction: bound values, a time limit in the server, and a bound on rows and bytes.

Read-only holds twice: the server enforces it (`BEGIN READ ONLY`), and it is asked before and after, because a pooler or
a statement that ends the transaction would lift it unseen. The extended protocol takes one statement, never two.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from automate_connectors.models import ConnectorError
from automate_governance.storable import storable

if TYPE_CHECKING:
    from psycopg import Connection

_ROOM_BYTES = 900_000  # of all rows as JSON, so that the output fits


def run(
    connection: Connection[tuple[Any, ...]], params: Mapping[str, Any], *, is_read_only: bool, timeout_seconds: float
) -> dict[str, Any]:
    """The statement's rows, before COMMIT: until then nothing has happened. Raises psycopg.Error, ConnectorError."""
    milliseconds = max(1, int(timeout_seconds * 1000))
    connection.execute("BEGIN READ ONLY" if is_read_only else "BEGIN READ WRITE")
    connection.execute("SELECT set_config('statement_timeout', %s, true)", (str(milliseconds),))
    connection.execute("SELECT set_config('lock_timeout', %s, true)", (str(milliseconds),))
    _check(connection, is_read_only=is_read_only)
    answer = _read(connection, params) if is_read_only else _write(connection, params)
    _check(connection, is_read_only=is_read_only)
    return answer


def _read(connection: Connection[tuple[Any, ...]], params: Mapping[str, Any]) -> dict[str, Any]:
    """Through a cursor in the server: no more rows are fetched than are wanted, and only a SELECT can be declared."""
    with connection.cursor(name="automate") as cursor:
        cursor.execute(params["query"].encode(), params.get("values"))
        columns = [column.name for column in cursor.description or ()]
        rows, truncated = _bounded(cursor.fetchmany(params["max_rows"] + 1), columns, params["max_rows"])
    return {"rows": rows, "columns": columns, "row_count": len(rows), "truncated": truncated}


def _write(connection: Connection[tuple[Any, ...]], params: Mapping[str, Any]) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(params["query"].encode(), params.get("values"), prepare=True)
        columns = [column.name for column in cursor.description or ()]
        found = cursor.fetchmany(params["max_rows"] + 1) if columns else []
        rows, truncated = _bounded(found, columns, params["max_rows"])
        affected = max(cursor.rowcount, 0)
    return {
        "rows": rows, "columns": columns, "row_count": len(rows), "truncated": truncated, "affected": affected,
    }  # fmt: skip


def _bounded(found: list[tuple[Any, ...]], columns: list[str], max_rows: int) -> tuple[list[dict[str, Any]], bool]:
    """Rows as objects of JSON, as many as are wanted and fit; whether there were more."""
    rows: list[dict[str, Any]] = []
    left = _ROOM_BYTES
    for row in found[:max_rows]:
        shown = storable(dict(zip(columns, row, strict=False)), max_bytes=_ROOM_BYTES)
        left -= len(json.dumps(shown, ensure_ascii=False).encode()) + 1
        if left < 0:
            break
        rows.append(shown)
    return rows, len(rows) < len(found)


def _check(connection: Connection[tuple[Any, ...]], *, is_read_only: bool) -> None:
    """The transaction is still the one that was begun, and as it was begun. Raises ConnectorError."""
    from psycopg.pq import TransactionStatus

    if connection.info.transaction_status == TransactionStatus.INTRANS:
        found = connection.execute("SHOW transaction_read_only").fetchone()
        if found is not None and (found[0] == "on") is is_read_only:
            return
    raise ConnectorError(
        "The statement ended its transaction or changed what it may do; BEGIN, COMMIT, ROLLBACK and SET are not taken.",
        code="postgres_transaction_control",
        in_doubt=not is_read_only,
    )
