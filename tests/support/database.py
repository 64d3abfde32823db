"""The database of one pytest process: made from the template, put back as it was after each test that commits."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connections
from django.test import TransactionTestCase
from psycopg import sql

from tests.support import server
from tests.support.contents import Changed, Contents

SNAPSHOT = f"{server.DATABASE}_snapshot"


class Restorer:
    """Puts the database back to the latest snapshot: exact, whatever a test did.

    Rows are put back where they changed; who changed a definition (a schema, a table, a right) costs a new copy.
    """

    def __init__(self) -> None:
        self.source = ""
        self.contents: Contents | None = None

    def begin(self) -> None:
        self.source = server.ensure_template()
        self._copy()

    def snapshot(self) -> None:
        """From now on, `restore` goes back to this."""
        connections.close_all()
        with server.admin() as connection:
            server.copy(connection, server.DATABASE, SNAPSHOT)
        self.source = SNAPSHOT
        self.contents = Contents(server.urls(server.DATABASE).superuser)

    def restore(self) -> None:
        connections.close_all()
        assert self.contents is not None  # `begin` comes first
        try:
            self.contents.put_back(server.urls(server.DATABASE).superuser)
        except (Changed, psycopg.Error):
            self._copy()
        shutil.rmtree(Path(settings.KEY_STORE_DIR) / "audit-heads", ignore_errors=True)  # they remember what is undone

    def _copy(self) -> None:
        connections.close_all()
        with server.admin() as connection:
            server.copy(connection, self.source, server.DATABASE)
        self.contents = Contents(server.urls(server.DATABASE).superuser)


restorer = Restorer()
# pytest-django's transactional tests end here; Django would TRUNCATE, which the product's role may not.
TransactionTestCase._fixture_teardown = lambda self: restorer.restore()


@pytest.fixture(scope="session")
def django_db_setup() -> Iterator[None]:
    """Replaces pytest-django's: no test database is made by Django, and no migration is run here."""
    restorer.begin()
    yield
    connections.close_all()


@pytest.fixture(scope="session")
def database_urls(django_db_setup: None) -> server.DatabaseUrls:
    """URLs of this process's database as app, owner and superuser."""
    return server.urls(server.DATABASE)


@pytest.fixture
def fresh_database(database_urls: server.DatabaseUrls) -> Iterator[server.DatabaseUrls]:
    """For tests that write without Django: the database is put back afterwards."""
    yield database_urls
    restorer.restore()


@contextlib.contextmanager
def owner_role() -> Iterator[None]:
    """Every new Django connection is the owner role's, as in `automate migrate`; needs a test that commits."""
    from automate_platform import environment

    entry = connections.databases["default"]
    before = {name: entry[name] for name in ("USER", "PASSWORD")}
    connections.close_all()
    entry.update({name: environment.database(server.urls(server.DATABASE).owner)[name] for name in before})
    try:
        yield
    finally:
        connections.close_all()
        entry.update(before)


@pytest.fixture
def owner_connection(database_urls: server.DatabaseUrls) -> Iterator[psycopg.Connection[Any]]:
    """Autocommit, as the role that owns the tables: sees what the product's role may not."""
    with psycopg.connect(database_urls.owner, autocommit=True) as connection:
        yield connection


@pytest.fixture
def superuser_connection(database_urls: server.DatabaseUrls) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_urls.superuser, autocommit=True) as connection:
        yield connection


@pytest.fixture
def empty_database(django_db_setup: None) -> Iterator[server.DatabaseUrls]:
    """A second database with both roles and no table yet, for tests of migrations and of the engine alone."""
    from automate_tenants import roles

    name = f"{server.DATABASE}_empty"
    with server.admin() as connection:
        server.drop(connection, name)
        roles.create_database(connection, name)
    with psycopg.connect(server.postgres().superuser_url(name), autocommit=True) as connection:
        roles.prepare_database(connection)
    yield server.urls(name)
    with server.admin() as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
