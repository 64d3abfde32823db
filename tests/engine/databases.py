"""`make test-databases`: the engine on every database there is a server for.

usage: python -m tests.engine.databases [plain | own] [pytest arguments]

`plain`: the tests of a plain project, each of which visits every database. `own`: the engine's own tests that use a
database, once for each (see tests.engine.plain.here). Without a word, both.

SQLite and the PostgreSQL of the wheel are always there. MariaDB and an older PostgreSQL are Debian's; each is started
here, on a socket of its own below a temporary folder, and stopped at the end: no system service is needed or touched.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from automate_platform.embedded import Postgres
from automate_platform.home import Home
from tests.engine import environments

START_SECONDS = 60.0
DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
NEEDED = "mariadb-server-core mariadb-client-core libmariadb-dev gcc pkg-config"
Database = dict[str, Any]  # as in Django's settings


@contextmanager
def mariadb(folder: Path) -> Iterator[Database]:
    """A MariaDB of its own, on a Unix socket, with one empty database."""
    folder.mkdir()
    socket, me = folder / "socket", pwd.getpwuid(os.getuid()).pw_name
    install = ["mariadb-install-db", "--no-defaults", f"--user={me}", f"--datadir={folder / 'data'}",
               "--auth-root-authentication-method=normal", "--skip-test-db"]  # fmt: skip
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
    program = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
    client = ["mariadb", "--no-defaults", f"--socket={socket}", "--user=root"]
    command = [program, "--no-defaults", f"--user={me}", f"--datadir={folder / 'data'}", f"--socket={socket}",
               "--skip-networking", f"--pid-file={folder / 'pid'}", "--innodb-flush-log-at-trx-commit=0"]  # fmt: skip
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_for(lambda: subprocess.run([*client, "-e", "SELECT 1"], capture_output=True).returncode == 0)
        subprocess.run([*client, "-e", "CREATE DATABASE plain CHARACTER SET utf8mb4"], check=True)
        yield {"ENGINE": "automate.backends.mariadb", "NAME": "plain", "USER": "root", "HOST": str(socket)}
    finally:
        server.terminate()
        server.wait(30)


@contextmanager
def debian_postgres(folder: Path, programs: Path) -> Iterator[Database]:
    """A PostgreSQL of Debian's, on a Unix socket, as an ordinary user where this is root."""
    folder.mkdir(mode=0o755)
    user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []
    if user:
        shutil.chown(folder, "nobody", "nogroup")
        folder.parent.chmod(0o755)
    data = folder / "data"
    initdb = [programs / "initdb", "-D", data, "-U", "plain", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"]
    subprocess.run([*user, *initdb], check=True, cwd=folder, stdout=subprocess.DEVNULL)
    command = [programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*user, *command], cwd=folder, stdout=log, stderr=log)
    make = [programs / "createdb", "-h", folder, "-U", "plain", "plain"]
    try:
        _wait_for(lambda: subprocess.run(make, capture_output=True, cwd=folder).returncode == 0)
        yield {"ENGINE": "django.db.backends.postgresql", "NAME": "plain", "USER": "plain", "HOST": str(folder)}
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(is_up: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_up():
        if time.monotonic() > deadline:
            raise RuntimeError("The server did not start.")
        time.sleep(0.1)


@contextmanager
def wheels_postgres(folder: Path) -> Iterator[Database]:
    """The PostgreSQL that the product brings along, with one empty database."""
    server = Postgres.of(Home(folder), settings={"fsync": "off", "full_page_writes": "off"})
    server.start()
    try:
        info = psycopg.conninfo.conninfo_to_dict(server.superuser_url())
        yield {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            **{key: str(info.get(key.lower()) or "") for key in ("USER", "PASSWORD", "HOST", "PORT")},
        }
    finally:
        server.stop()


def main() -> int:
    word = sys.argv[1] if sys.argv[1:2] in (["plain"], ["own"]) else ""
    arguments = sys.argv[2 if word else 1 :]
    given: dict[str, Database] = {}
    codes = []
    with tempfile.TemporaryDirectory(prefix="engine-databases-") as name, ExitStack() as servers:
        folder, packages = Path(name), environments.TESTING
        for programs in sorted(DEBIAN_POSTGRES.glob("*/bin")):
            release = programs.parent.name
            given[f"postgresql{release}"] = servers.enter_context(debian_postgres(folder / release, programs))
        if shutil.which("mariadb-install-db"):
            given["mariadb"] = servers.enter_context(mariadb(folder / "mariadb"))
            packages = (*environments.TESTING, "mysqlclient>=2.2")
        else:
            print(f"No MariaDB here: it was not run (Debian: apt-get install {NEEDED})", flush=True)
        python = environments.make(folder / "env", python=sys.executable, django="5.2", packages=packages)
        if word != "own":
            tests = arguments or [environments.PLAIN]
            code, said = environments.run_plain(python, *tests, ENGINE_DATABASES=json.dumps(given))
            print(f"plain projects, sqlite, postgresql (the wheel's), {', '.join(given)}: {said}", flush=True)
            codes.append(code)
        if word != "plain":
            sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "own.sqlite3")}
            wheels = servers.enter_context(wheels_postgres(folder / "wheel"))
            for kind, database in {"sqlite": sqlite, "postgresql (the wheel's)": wheels, **given}.items():
                code, said = environments.run_here(python, database, *arguments)
                print(f"the engine's own tests, {kind}: {said}", flush=True)
                codes.append(code)
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
