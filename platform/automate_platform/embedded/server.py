"""One PostgreSQL server for one data folder: made, started, found again, stopped.

The server outlives us if we are killed; the next `start` finds it through `postmaster.pid` and stops it first. It
listens on a Unix socket only, every connection needs a password (SCRAM), and what is committed is on the disk.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from automate_platform.embedded import binaries, identity
from automate_platform.home import Home, write_private

SUPERUSER = "postgres"
START_SECONDS = 60  # recovery after a crash may take a while
STOP_SECONDS = 20
CRASH_SECONDS = 5  # after a crash its processes may still hold the shared memory for a moment
# For a small machine (2 cores, a few GiB) shared with the product itself.
SERVER_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "1GB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "random_page_cost": "1.1",
    "idle_in_transaction_session_timeout": "60s",
    "log_min_duration_statement": "1s",
    "log_line_prefix": "%m [%p] %u@%d ",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


_started: dict[int, subprocess.Popen[bytes]] = {}  # by us, by process id: they are waited for when they end


class PostgresFailed(Exception):
    """PostgreSQL did not do what was asked; the message carries the end of its log."""


@dataclass(frozen=True)
class Postgres:
    """The server of `home`. `settings` replaces single server settings (tests turn fsync off)."""

    home: Home
    run_as: identity.Identity
    settings: dict[str, str]

    @classmethod
    def of(cls, home: Home, *, run_as: str = "", settings: dict[str, str] | None = None) -> Postgres:
        """Raises PostgresMissing, RootRefused."""
        chosen = identity.choose(binaries=binaries.find(), data=home.postgres, socket_folder=home.run, kind=run_as)
        return cls(home, chosen, {**SERVER_SETTINGS, **(settings or {})})

    def url(self, *, user: str, password: str, database: str) -> str:
        """A connection URL over the socket, in the form libpq, asyncpg and our settings understand."""
        return (
            f"postgresql://{user}:{quote(password, safe='')}@/{database}?host={quote(str(self.run_as.socket_folder))}"
        )

    def superuser_url(self, database: str = "postgres") -> str:
        return self.url(user=SUPERUSER, password=self.home.secret("postgres"), database=database)

    @property
    def data(self) -> Path:
        return self.run_as.data

    @property
    def log_file(self) -> Path:
        return self.home.log / "postgres.log"

    def start(self) -> None:
        """Make the data folder if it is missing and serve it. Returns when connections are answered."""
        self._check_version()
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self.stop()  # one left behind by a start that was killed
        has_crashed = (self.data / "postmaster.pid").exists()
        deadline = time.monotonic() + (CRASH_SECONDS if has_crashed else 0)
        while True:
            try:
                return self._launch()
            except PostgresFailed:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
                _reap()  # a crashed one of ours that had not quite ended blocks the next until it is waited for

    def _launch(self) -> None:
        """Raises PostgresFailed, with the end of the log."""
        with self.log_file.open("ab") as log:
            process = subprocess.Popen(
                self.run_as.command("postgres", "-D", str(self.data), *self._options()),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                **self.run_as.process,
            )  # fmt: skip
        _started[process.pid] = process
        with self._log_on_failure("did not start"):
            _wait(lambda: process.poll() is not None or self.answers(), START_SECONDS)
            if process.poll() is not None:
                raise PostgresFailed(f"PostgreSQL ended with code {process.returncode}")

    def stop(self) -> None:
        """Stop the server of this data folder, if one runs: open transactions are rolled back, data is flushed."""
        if (pid := self.pid()) is None:
            return
        os.kill(pid, signal.SIGINT)  # "fast" shutdown
        _wait(lambda: _reaped(pid) or self.pid() is None, STOP_SECONDS)

    def pid(self) -> int | None:
        """Process id of the server of this data folder. A stale file, or a recycled id, counts as none."""
        _reap()  # or a crashed one of ours would look alive to the next
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, ValueError, IndexError):
            return None
        return pid if os.fsencode(self.data) in arguments else None

    def answers(self) -> bool:
        try:
            with psycopg.connect(self.superuser_url(), connect_timeout=5):
                return True
        except psycopg.OperationalError:
            return False

    def _options(self) -> Iterator[str]:
        settings = {
            **self.settings,
            "unix_socket_directories": str(self.run_as.socket_folder),
            "unix_socket_permissions": "0700" if self.run_as.kind != "nobody" else "0777",
        }
        for name, value in settings.items():
            yield from ("-c", f"{name}={value}")

    def _check_version(self) -> None:
        version = self.data / "PG_VERSION"
        if version.exists() and (found := version.read_text().strip()) != str(self.run_as.binaries.major):
            raise PostgresFailed(
                f"{self.data} was written by PostgreSQL {found}, but PostgreSQL {self.run_as.binaries.major} is "
                "installed. Dump it with the old version and restore it, or point DJANGO_AUTOMATE_HOME elsewhere."
            )

    def _initialise(self) -> None:
        """initdb, which leaves nothing behind when it fails."""
        self.data.parent.mkdir(parents=True, exist_ok=True)
        locale = ["--locale=C"]  # the same order and case rules on every machine
        if self.run_as.binaries.major >= 17:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        password = self.run_as.socket_folder / "initdb-password"
        write_private(password, self.home.secret("postgres"))
        try:
            os.chown(password, self.run_as.process.get("user", -1), -1)
            done = subprocess.run(
                self.run_as.command(
                    "initdb", "-D", str(self.data), f"--username={SUPERUSER}", "--auth=scram-sha-256",
                    f"--pwfile={password}", "--encoding=UTF8", *locale,
                ),
                capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
                **self.run_as.process,
            )  # fmt: skip
        finally:
            password.unlink()
        if done.returncode:
            raise PostgresFailed(f"initdb failed: {done.stderr.strip()[-2000:]}")

    @contextlib.contextmanager
    def _log_on_failure(self, what: str) -> Iterator[None]:
        try:
            yield
        except (TimeoutError, PostgresFailed) as error:
            tail = self.log_file.read_text(errors="replace")[-2000:]
            raise PostgresFailed(f"PostgreSQL {what} ({error}). The end of {self.log_file}:\n{tail}") from error


def _reap() -> None:
    for process in _started.values():
        process.poll()


def _reaped(pid: int) -> bool:
    """True when `pid` was started by us and has ended; such a process stays visible until it is waited for."""
    return pid in _started and _started[pid].poll() is not None


def _wait(done: Callable[[], bool], seconds: float) -> None:
    """Wait until `done()`. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s")
        time.sleep(0.02)
