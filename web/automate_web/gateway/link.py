"""Link: one connection to PostgreSQL that comes back by itself.

A statement runs once. When the connection is lost under it, `LinkLost` says that its outcome is unknown; the next
statement connects anew, at most every 100 ms, so a database that restarts is found again without anybody's help.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import asyncpg

from automate_web.gateway.sql import statement

CONNECT_SECONDS = 3.0
STATEMENT_SECONDS = 5.0  # the server ends a longer statement: a clean failure
ANSWER_SECONDS = 8.0  # past it the connection is given up and the outcome is unknown
RECONNECT_SECONDS = 0.1

_LOST = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresConnectionError)
_SERVER_ENDS = (asyncpg.exceptions.OperatorInterventionError, asyncpg.exceptions.IdleInTransactionSessionTimeoutError)


class LinkLost(Exception):
    """No connection, or it was lost: whether the statement took effect is unknown."""


class Link:
    """One connection, one statement at a time; callers wait their turn."""

    def __init__(self, database_url: str, *, name: str):
        self._url = database_url
        self._name = name
        self._lock = asyncio.Lock()
        self._connection: asyncpg.Connection[Any] | None = None
        self._prepared: dict[str, Any] = {}
        self._failed_at = -1e9

    async def run(self, name: str, *arguments: Any) -> list[Any]:
        """The rows of statement `name`. Raises LinkLost, or asyncpg.PostgresError when the server refused it."""
        async with self._lock:
            try:
                prepared = self._prepared.get(name) or await self._prepare(name)
                return list(await prepared.fetch(*arguments, timeout=ANSWER_SECONDS))
            except asyncpg.QueryCanceledError:
                raise  # by statement_timeout: it had no effect, the connection is sound
            except (*_LOST, *_SERVER_ENDS) as error:
                self._drop()
                raise LinkLost(type(error).__name__) from error
            except (asyncpg.InvalidCachedStatementError, asyncpg.InvalidSQLStatementNameError):
                self._drop()  # a migration replaced what it read, or a pooler changed the server: prepare anew
                raise
            except asyncio.CancelledError:
                self._drop()
                raise

    async def connection(self) -> asyncpg.Connection[Any]:
        """The open connection, for LISTEN. Raises LinkLost."""
        async with self._lock:
            try:
                return await self._connect()
            except _LOST as error:
                self._drop()
                raise LinkLost(type(error).__name__) from error

    async def close(self) -> None:
        async with self._lock:
            self._drop()

    async def _prepare(self, name: str) -> Any:
        connection = await self._connect()
        prepared = self._prepared[name] = await connection.prepare(statement(name))
        return prepared

    async def _connect(self) -> asyncpg.Connection[Any]:
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        self._drop()
        if time.monotonic() - self._failed_at < RECONNECT_SECONDS:
            raise ConnectionRefusedError("the database was away a moment ago")
        try:
            self._connection = await asyncpg.connect(
                self._url,
                timeout=CONNECT_SECONDS,
                server_settings={
                    "application_name": f"automate gateway {self._name}",
                    "synchronous_commit": "on",  # a 202 means that the disk has it
                    "statement_timeout": str(int(STATEMENT_SECONDS * 1000)),
                    "idle_in_transaction_session_timeout": "10000",
                    "plan_cache_mode": "force_generic_plan",
                    "jit": "off",
                },
            )
        except (asyncpg.PostgresError, *_LOST) as error:
            self._failed_at = time.monotonic()
            raise ConnectionRefusedError(type(error).__name__) from error
        return self._connection

    def _drop(self) -> None:
        self._prepared.clear()
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
