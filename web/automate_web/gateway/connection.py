"""Connections to PostgreSQL: how each is opened, and what none need ask that an earlier one has asked.

Before its first statement with an array of numbers, times or ids, asyncpg asks the server what such an array is made
of. That query takes longer than opening the connection (25 ms beside 8 ms); about built-in types the answer is the same
everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import asyncpg

CONNECT_SECONDS = 3.0
STATEMENT_SECONDS = 5.0  # the server ends a longer statement: a clean failure
FIRST_OWN_TYPE = 16384  # PostgreSQL, "System Catalog Initial Data": smaller numbers belong to built-in types

_answers: dict[frozenset[int], Any] = {}  # about built-in types, by their numbers
_NOT_ASKED = SimpleNamespace(name="not asked")  # stands for the statement that asked; only its name is looked at


class Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg is untyped
    """Asks about built-in types once a process."""

    async def _introspect_types(self, typeoids: Iterable[int], timeout: float | None) -> tuple[Any, Any]:  # noqa: ASYNC109
        """Overrides asyncpg's own: the types' descriptions, and the statement that asked for them."""
        asked = frozenset(typeoids)
        if asked in _answers:
            return _answers[asked], _NOT_ASKED
        types, statement = await super()._introspect_types(asked, timeout)
        if all(oid < FIRST_OWN_TYPE for oid in asked):
            _answers[asked] = types
        return types, statement


async def connect(database_url: str, *, name: str) -> Connection:
    """A new connection of the gateway's link `name`."""
    connection: Connection = await asyncpg.connect(
        database_url,
        timeout=CONNECT_SECONDS,
        connection_class=Connection,
        server_settings={
            "application_name": f"automate gateway {name}",
            "synchronous_commit": "on",  # a 202 means that the disk has it
            "statement_timeout": str(int(STATEMENT_SECONDS * 1000)),
            "idle_in_transaction_session_timeout": "10000",
            "jit": "off",
        },
    )
    return connection
