"""A migrated database and a plain Django project on it, which runs in processes of its own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.support import server

ROOT = Path(__file__).resolve().parents[3]
GIVEN = json.loads(os.environ.get("ENGINE_DATABASES", "{}"))  # further servers: `make test-databases`
DATABASES = ("sqlite", "postgresql", *GIVEN)
PYTHON = os.environ.get("ENGINE_PYTHON", sys.executable)  # which the project runs on: `make test-matrix`
_running: dict[str, subprocess.Popen[str]] = {}  # by environment, as JSON


def is_postgresql(kind: str) -> bool:
    return kind.startswith("postgresql")


@dataclass(frozen=True)
class Project:
    """A migrated database and a way to run Python in the plain project."""

    environment: dict[str, str]

    def python(self, *arguments: str) -> str:
        """What a new interpreter prints. Costs its imports; `manage` and `script` do not pay them each time."""
        ran = subprocess.run(
            [PYTHON, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=120
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def manage(self, *arguments: str) -> str:
        return self._forked(arguments=arguments)

    def script(self, code: str) -> Any:
        """Run `code` after django.setup(), in a process of its own; the value it leaves in `answer`."""
        return json.loads(self._forked(code=f"{code}\nprint(json.dumps(answer))").splitlines()[-1])

    def fate(self, code: str) -> tuple[int, str]:
        """Run `code` after django.setup(), in a process of its own: its exit status (-9: killed), what it printed."""
        return self._ended(code=code)

    def _forked(self, *, arguments: tuple[str, ...] = (), code: str | None = None) -> str:
        status, said = self._ended(arguments=arguments, code=code)
        assert status == 0, f"exit status {status}\n{said}"
        return said

    def _ended(self, *, arguments: tuple[str, ...] = (), code: str | None = None) -> tuple[int, str]:
        process = self._process()
        assert process.stdin is not None
        assert process.stdout is not None
        with tempfile.NamedTemporaryFile("r") as out:
            process.stdin.write(json.dumps({"arguments": arguments, "code": code, "out": out.name}) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline()), out.read()

    def _process(self) -> subprocess.Popen[str]:
        key = json.dumps(self.environment, sort_keys=True)
        if key not in _running:
            process = subprocess.Popen(
                [PYTHON, "-m", "tests.engine.plain.prefork"],
                cwd=ROOT, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            _running[key] = process
        return _running[key]


def stop_all() -> None:
    while _running:
        with _running.popitem()[1] as process:
            process.communicate(timeout=20)  # the end of its input ends it


def new_project(kind: str, folder: Path) -> Project:
    """On a new database of this kind, with the engine's tables."""
    if kind in GIVEN:  # one database for all modules
        made = _on(GIVEN[kind])
        made.manage("migrate", "--verbosity", "0")
        made.manage("flush", "--no-input", "--verbosity", "0")
        return made
    if kind == "sqlite":
        file = folder / "db.sqlite3"
        shutil.copy(_sqlite_template(), file)
        return _on(_sqlite(file))
    name = f"{server.DATABASE}_plain"
    template = _postgresql_template()
    with server.admin() as connection:
        server.drop(connection, name)
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    return _on(_postgresql(name))


def _on(database: dict[str, Any]) -> Project:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DJANGO_", "DATABASE_URL"))}
    told = {"DJANGO_SETTINGS_MODULE": "tests.engine.plain.settings", "PLAIN_DATABASE": json.dumps(database)}
    return Project({**inherited, **told})


def _sqlite(file: Path) -> dict[str, Any]:
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file), "OPTIONS": {"timeout": 20}}


def _postgresql(name: str) -> dict[str, Any]:
    info = psycopg.conninfo.conninfo_to_dict(server.postgres().superuser_url(name))
    keys = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    values = {key: str(info.get(option) or "") for key, option in keys.items()}
    return {"ENGINE": "django.db.backends.postgresql", **values}


def _template_name() -> str:
    """The same for the same migrations, run by the same Python (and with it the same Django)."""
    return f"plain_{server.schema_hash()}_{hashlib.sha256(PYTHON.encode()).hexdigest()[:8]}"


def _sqlite_template() -> Path:
    """A migrated file, made by whoever needs it first and kept until a migration changes."""
    file = server.HOME.run / f"{_template_name()}.sqlite3"
    with server.locked("plain.lock"):
        if not file.exists():
            for old in server.HOME.run.glob("plain_*.sqlite3"):
                old.unlink()
            building = file.with_suffix(".building")
            building.unlink(missing_ok=True)
            _on(_sqlite(building)).python("-m", "django", "migrate", "--verbosity", "0")
            building.rename(file)
    return file


def _postgresql_template() -> str:
    name = _template_name()
    with server.locked("plain.lock"), server.admin() as connection:
        if name not in server.databases(connection, "plain_%"):
            for old in server.databases(connection, "plain_%"):
                server.drop(connection, old)
            server.drop(connection, "building_plain")
            connection.execute("CREATE DATABASE building_plain")
            _on(_postgresql("building_plain")).python("-m", "django", "migrate", "--verbosity", "0")
            connection.execute(sql.SQL("ALTER DATABASE building_plain RENAME TO {}").format(sql.Identifier(name)))
    return name
