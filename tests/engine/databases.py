"""`make test-databases`: the engine in a plain project on every database there is a server for.

usage: python -m tests.engine.databases [pytest arguments]

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


def main() -> int:
    arguments = sys.argv[1:] or [environments.PLAIN]
    given: dict[str, Database] = {}
    with tempfile.TemporaryDirectory(prefix="engine-databases-") as name, ExitStack() as servers:
        folder, packages = Path(name), ("pytest>=8",)  # whole runs are tested in the project's own processes
        for programs in sorted(DEBIAN_POSTGRES.glob("*/bin")):
            release = programs.parent.name
            given[f"postgresql{release}"] = servers.enter_context(debian_postgres(folder / release, programs))
        if shutil.which("mariadb-install-db"):
            given["mariadb"] = servers.enter_context(mariadb(folder / "mariadb"))
            packages = ("pytest>=8", "mysqlclient>=2.2")
        else:
            print(f"No MariaDB here: it was not run (Debian: apt-get install {NEEDED})", flush=True)
        python = environments.make(folder / "env", python=sys.executable, django="5.2", packages=packages)
        code, said = environments.run_plain(python, *arguments, ENGINE_DATABASES=json.dumps(given))
        print(f"sqlite, postgresql (the wheel's), {', '.join(given) or 'no other'}: {said}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
