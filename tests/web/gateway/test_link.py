"""One connection that comes back: what waits for it, what is refused, and what a new one need not ask."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from automate_web.gateway.connection import connect
from automate_web.gateway.link import Link, LinkDown
from automate_web.gateway.sql import statement
from tests.support import server

NOTHING: list[list[Any]] = [[] for _ in range(14)]  # a flush of no event


@contextlib.contextmanager
def closed_to(database_url: str) -> Iterator[Callable[[], None]]:
    """The role of this URL is let in no more and its connections are ended, until the end or until this is called."""
    role = psycopg.conninfo.conninfo_to_dict(database_url)["user"]

    def open_again() -> None:
        with server.admin() as admin:
            admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(server.DATABASE)))

    with server.admin() as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(server.DATABASE)))
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename = %s",
            [server.DATABASE, role],
        )
    try:
        yield open_again
    finally:
        open_again()


def test_a_statement_waits_for_a_connection_that_is_back_in_a_moment(fresh_database: server.DatabaseUrls) -> None:
    async def work() -> list[Any]:
        link = Link(fresh_database.app, name="test", patience_seconds=60)
        with closed_to(fresh_database.app) as open_again:
            waiting = asyncio.create_task(link.run("accept", *NOTHING))
            while not link.is_away:
                assert not waiting.done()
                await asyncio.wait({waiting}, timeout=0.002)
            open_again()
            rows = await waiting
        assert not link.is_away
        await link.close()
        return rows

    [row] = asyncio.run(work())

    assert (row["verdict"], row["ord"]) == ("stored", 0)


def test_a_database_that_stays_away_is_not_waited_for(fresh_database: server.DatabaseUrls) -> None:
    async def work() -> list[Any]:
        link = Link(fresh_database.app, name="test", patience_seconds=0)
        with closed_to(fresh_database.app):
            for _ in range(2):
                with pytest.raises(LinkDown):
                    await link.run("accept", *NOTHING)
        while True:  # it asks for the database only now and then
            with contextlib.suppress(LinkDown):
                rows = await link.run("accept", *NOTHING)
                await link.close()
                return rows
            await asyncio.sleep(0.01)

    assert asyncio.run(work())


def test_only_the_first_connection_asks_what_the_types_are(database_urls: server.DatabaseUrls) -> None:
    """asyncpg's question takes three times as long as connecting: a cut connection must be back at once."""

    async def asked() -> list[str]:
        connection = await connect(database_urls.app, name="test")
        queries: list[str] = []
        with connection.query_logger(lambda record: queries.append(record.query)):
            await connection.prepare(statement("accept"))
            assert await connection.fetchval("SELECT $1::uuid[]", []) == []
        await connection.close()
        return queries

    async def twice() -> tuple[list[str], list[str]]:
        return await asked(), await asked()

    _, second = asyncio.run(twice())

    assert second == ["SELECT $1::uuid[]"]
