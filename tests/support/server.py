"""One PostgreSQL for all tests of this checkout, started by whoever needs it first and stopped by the last one out.

Every pytest process (and every xdist worker) has a database of its own, copied from a template that was migrated once
and is kept until a migration, a model or an SQL file changes. Several pytest runs at the same time are fine.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import sql

from automate_platform import installation
from automate_platform.embedded import Postgres, PostgresFailed
from automate_platform.home import Home
from automate_tenants import roles

ROOT = Path(__file__).parents[2]
HOME = Home(ROOT / "var" / "tests")
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
RUN = os.environ.setdefault("TESTS_RUN", str(os.getpid()))  # the controller's process id; workers inherit it
DATABASE = f"run_{RUN}_{WORKER}"
STATIC_FILES = {"DJANGO_AUTOMATE_STATIC_ROOT": str(HOME.root / "static")}  # collected once, for every started product
SERVER_SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_connections": "300", "max_wal_size": "2GB"}
TEMPLATE_PARTS = (
    "automate_platform/settings.py",
    "**/migrations/*.py",
    "**/models/*.py",
    "**/sql/*.sql",
    "**/roles.py",
    "**/template.py",
    "**/installation.py",
)


@dataclass(frozen=True)
class DatabaseUrls:
    """The same database as three roles: what the product uses, who owns the tables, who may do anything."""

    app: str
    owner: str
    superuser: str


def postgres() -> Postgres:
    return Postgres.of(HOME, settings=SERVER_SETTINGS)


def run_folder() -> Path:
    """Where this run keeps what it makes; removed at its end."""
    folder = HOME.root / "runs" / RUN
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def urls(database: str) -> DatabaseUrls:
    server = postgres()
    app, owner = (
        server.url(user=role, password=HOME.secret(f"role-{role}"), database=database)
        for role in (roles.APP, roles.OWNER)
    )
    return DatabaseUrls(app=app, owner=owner, superuser=server.superuser_url(database))


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    with (HOME.run / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def join() -> IO[str]:
    """Say that this run may use the server. Keep the file open for as long as that is so."""
    file = (HOME.run / "users.lock").open("w")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def leave(file: IO[str]) -> None:
    """Drop what this run made; stop the server when no other run uses it."""
    server = postgres()
    if server.pid() is not None:
        with admin() as connection:
            for name in databases(connection, f"run_{RUN}_%"):
                drop(connection, name)
    shutil.rmtree(run_folder(), ignore_errors=True)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    with file:
        server.stop()


def ensure_template() -> str:
    """Start the server and migrate the template if that has not been done; the template's name."""
    name = f"template_{schema_hash()}"
    with locked("template.lock"):
        server = postgres()
        if server.pid() is None or not server.answers():
            _start(server)
        with admin() as connection:
            if name in databases(connection, "template_%"):
                return name
            for old in databases(connection, "template_%"):
                drop(connection, old)
            building = f"building_{name}"
            drop(connection, building)
            _migrate(server, building)
            connection.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(building), sql.Identifier(name))
            )
    return name


def _start(server: Postgres) -> None:
    """Start it; data that does not start (fsync is off, the machine may have crashed) is made anew."""
    try:
        server.start()
    except PostgresFailed:
        server.stop()
        shutil.rmtree(server.data)
        server.start()


def _migrate(server: Postgres, database: str) -> None:
    """`automate migrate`, as an installation runs it, on a new database."""
    home = Home(run_folder() / "template")
    installation.make_secrets(home)
    with psycopg.connect(server.superuser_url(), autocommit=True) as connection:
        passwords = {role: HOME.secret(f"role-{role}") for role in (roles.OWNER, roles.APP)}
        roles.create_roles(connection, owner_password=passwords[roles.OWNER], app_password=passwords[roles.APP])
        roles.create_database(connection, database)
    with psycopg.connect(server.superuser_url(database), autocommit=True) as connection:
        roles.prepare_database(connection)
    found = urls(database)
    environment = {"DJANGO_AUTOMATE_HOME": str(home.root), "DATABASE_URL": found.app}
    environment["DJANGO_AUTOMATE_OWNER_DATABASE_URL"] = found.owner
    done = subprocess.run(
        [sys.executable, "-m", "automate_platform", "migrate"],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"automate migrate failed:\n{done.stderr}")


def schema_hash() -> str:
    digest = hashlib.sha256()
    files = {
        file
        for root in ("engine", "platform", "tenants", "billing", "web")
        for part in TEMPLATE_PARTS
        for file in (ROOT / root).glob(part)
    }
    for file in sorted(files):
        digest.update(str(file).encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def admin() -> psycopg.Connection[Any]:
    return psycopg.connect(postgres().superuser_url(), autocommit=True)


def databases(connection: psycopg.Connection[Any], like: str) -> list[str]:
    pattern = like.replace("_", r"\_")
    return [name for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [pattern])]


def drop(connection: psycopg.Connection[Any], name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def copy(connection: psycopg.Connection[Any], source: str, target: str) -> None:
    """Replace `target` by a copy of `source`, with the rights that a copy lacks. Both lose their users."""
    drop(connection, target)
    connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [source])
    connection.execute(
        sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY file_copy").format(
            sql.Identifier(target), sql.Identifier(roles.OWNER), sql.Identifier(source)
        )
    )
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(target)))
    connection.execute(
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(target), sql.Identifier(roles.APP))
    )
