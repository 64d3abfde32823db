"""Link: one connection to PostgreSQL that comes back by itself.

A statement runs once. When the connection is lost under it, `LinkLost` says that its outcome is unknown. A connection
that was cut is mostly back at once, so the next statement waits for it up to a second before `LinkDown` says that it
was never sent. A database that stays away is asked for every 100 ms, and found again without anybody's help.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import asyncpg

from automate_web.gateway.connection import Connection, connect
from automate_web.gateway.sql import statement

ANSWER_SECONDS = 8.0  # past it the connection is given up and the outcome is unknown
PATIENCE_SECONDS = 1.0  # how long a statement waits for a connection that was lost a moment ago
AGAIN_SECONDS = 0.01  # between two tries meanwhile
RECONNECT_SECONDS = 0.1  # between two tries after that

_LOST = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresConnectionError)
_SERVER_ENDS = (asyncpg.exceptions.OperatorInterventionError, asyncpg.exceptions.IdleInTransactionSessionTimeoutError)


class LinkLost(Exception):
    """No connection, or it was lost: whether the statement took effect is unknown."""


class LinkDown(LinkLost):
    """There is no connection and none could be made: the statement was not sent."""


class Link:
    """One connection, one statement at a time; callers wait their turn."""

    def __init__(self, database_url: str, *, name: str, patience_seconds: float = PATIENCE_SECONDS):
        self._url = database_url
        self._name = name
        self._patience_seconds = patience_seconds
        self._lock = asyncio.Lock()
        self._connection: Connection | None = None
        self._prepared: dict[str, Any] = {}
        self._away_since: float | None = None  # monotonic; None: the latest try had a connection
        self._failed_at = -1e9

    @property
    def is_away(self) -> bool:
        """Whether the latest try to connect failed."""
        return self._away_since is not None

    async def run(self, name: str, *arguments: Any) -> list[Any]:
        """The rows of statement `name`. Raises LinkLost, or asyncpg.PostgresError when the server refused it."""
        async with self._lock:
            try:
                prepared = await self._ready(name)
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

    async def _ready(self, name: str) -> Any:
        """Statement `name`, prepared on a connection that is there. Raises LinkDown."""
        if self.is_away and time.monotonic() - self._failed_at < RECONNECT_SECONDS:
            raise LinkDown("the database was away a moment ago")
        while True:
            try:
                prepared = await self._prepare(name)
            except (*_LOST, *_SERVER_ENDS, _NotConnected) as error:
                self._drop()
                self._failed_at = time.monotonic()
                if self._away_since is None:
                    self._away_since = self._failed_at
                if self._failed_at - self._away_since >= self._patience_seconds:
                    raise LinkDown(type(error.__cause__ or error).__name__) from error
            else:
                self._away_since = None
                return prepared
            await asyncio.sleep(AGAIN_SECONDS)

    async def _prepare(self, name: str) -> Any:
        if self._connection is None or self._connection.is_closed():
            self._drop()
            try:
                self._connection = await connect(self._url, name=self._name)
            except asyncpg.PostgresError as error:
                raise _NotConnected from error
        prepared = self._prepared.get(name)
        if prepared is None:
            prepared = self._prepared[name] = await self._connection.prepare(statement(name))
        return prepared

    def _drop(self) -> None:
        self._prepared.clear()
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


class _NotConnected(Exception):
    """The server let nobody in; its reason is the cause."""
