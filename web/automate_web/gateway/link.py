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


class LinkDown(LinkLost):
    """There is no connection and none could be made: the statement was not sent."""


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
                prepared = await self._prepare(name)
                return list(await prepared.fetch(*arguments, timeout=ANSWER_SECONDS))
            except asyncpg.QueryCanceledError:
                raise  # by statement_timeout: it had no effect, the connection is sound
            except LinkDown:
                raise
            except (*_LOST, *_SERVER_ENDS) as error:
                self._drop()
                raise LinkLost(type(error).__name__) from error
            except (asyncpg.InvalidCachedStatementError, asyncpg.InvalidSQLStatementNameError):
                self._drop()  # a migration replaced what it read, or a pooler changed the server: prepare anew
                raise
            except asyncio.CancelledError:
                self._drop()
                raise

    async def close(self) -> None:
        async with self._lock:
            self._drop()

    async def _prepare(self, name: str) -> Any:
        if self._connection is None or self._connection.is_closed():
            self._drop()
            self._connection = await self._connect()
        prepared = self._prepared.get(name)
        if prepared is None:
            prepared = self._prepared[name] = await self._connection.prepare(statement(name))
        return prepared

    async def _connect(self) -> asyncpg.Connection[Any]:
        """A new connection. Raises LinkDown."""
        if time.monotonic() - self._failed_at < RECONNECT_SECONDS:
            raise LinkDown("the database was away a moment ago")
        try:
            return await asyncpg.connect(
                self._url,
                timeout=CONNECT_SECONDS,
                server_settings={
                    "application_name": f"automate gateway {self._name}",
                    "synchronous_commit": "on",  # a 202 means that the disk has it
                    "statement_timeout": str(int(STATEMENT_SECONDS * 1000)),
                    "idle_in_transaction_session_timeout": "10000",
                    "jit": "off",
                },
            )
        except (asyncpg.PostgresError, *_LOST) as error:
            self._failed_at = time.monotonic()
            raise LinkDown(type(error).__name__) from error

    def _drop(self) -> None:
        self._prepared.clear()
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
