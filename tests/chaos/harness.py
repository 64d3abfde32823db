"""One running product that is made to fail: `automate up` with its own PostgreSQL, every process armed, a port between.

Its demo workspace has two workflows on the default endpoint: `tell` calls a receiver that honours idempotency keys,
`pay` makes a call that must not be repeated. Leases last a second.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import psycopg

from automate_platform.embedded import Postgres
from automate_platform.home import Home
from tests.chaos.processes import child_of, disable_sample, posting, publish, schema_of
from tests.chaos.proxy import Proxy
from tests.chaos.receiver import Receiver
from tests.chaos.senders import Senders
from tests.support.sink import Sink

T = TypeVar("T")
LEASE_SECONDS = 1
START_SECONDS = 120.0
WAIT_SECONDS = 60.0
DISK_MIB = 400
WATCH = (Path(__file__).parent / "watch.sql").read_text()
ROOT = Path(__file__).parents[2]


def wait(state: Callable[[], T], *, seconds: float = WAIT_SECONDS, what: str = "") -> T:
    """The first true answer. Fails after `seconds`, naming the last one."""
    pause, deadline = threading.Event(), time.monotonic() + seconds
    while not (answer := state()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: still {answer!r} after {seconds} s")
        pause.wait(0.02)
    return answer


@dataclass
class Harness:
    """A product, its receiver and its senders. Made by `running`."""

    process: subprocess.Popen[bytes]
    home: Path
    folder: Path  # where the armed processes leave word
    environment: dict[str, str]
    ready: dict[str, str]
    receiver: Receiver
    other: Sink  # for workflows that a test publishes itself
    proxy: Proxy
    senders: Senders
    disk: Path | None  # the database's own small file system, where one could be made
    why_no_disk: str
    reached: list[str] = field(default_factory=list)
    late: set[tuple[str, int]] = field(default_factory=set)  # calls by who had been stopped, seen by the checker

    # -- points ------------------------------------------------------------------------------------------------------

    def arm(self, point: str, action: str = "kill") -> None:
        """The next process that passes this point does it: kill, stop or pause."""
        for name in ("reached", "go"):
            (self.folder / name).unlink(missing_ok=True)
        new = self.folder / "new"
        new.write_text(json.dumps({"point": point, "action": action}))
        new.rename(self.folder / "armed")

    def wait_reached(self, point: str) -> int:
        """Process id of what has reached the point."""
        told = json.loads(wait(lambda: _text(self.folder / "reached"), what=f"{point} is not reached"))
        assert told["point"] == point
        self.reached.append(point)
        return int(told["pid"])

    def go_on(self) -> None:
        """Whatever was made to pause."""
        (self.folder / "go").touch()

    # -- processes ---------------------------------------------------------------------------------------------------

    def pid(self, name: str) -> int:
        return wait(lambda: self._pid(name), what=f"no {name}")

    def wait_reborn(self, name: str, dead: int) -> None:
        wait(lambda: self._pid(name) not in {None, dead}, what=f"no new {name}")

    def _pid(self, name: str) -> int | None:
        """Of the child of `automate up`, or of the life that it has forked."""
        pid = child_of(self, name)
        return int(life) if pid and (life := _text(self.folder / f"life-{pid}")) else pid

    def kill(self, name: str) -> None:
        """With all that it has forked: `automate up` starts another."""
        dead = wait(lambda: child_of(self, name), what=f"no {name}")
        os.killpg(dead, signal.SIGKILL)
        wait(lambda: child_of(self, name) not in {None, dead}, what=f"no new {name}")
        self.wait_reborn(name, dead)

    def end_life(self, name: str) -> None:
        """SIGKILL; the next life begins as soon as it can."""
        dead = self.pid(name)
        os.kill(dead, signal.SIGKILL)
        self.wait_reborn(name, dead)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`automate <arguments>`, armed, to its end; its code is -9 when a point was reached."""
        return subprocess.run(
            [sys.executable, "-m", "tests.chaos.armed", *arguments],
            env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=WAIT_SECONDS,
        )  # fmt: skip

    @contextmanager
    def second_worker(self) -> Iterator[int]:
        """One more, that nobody starts again; its process id, once it works."""
        file = self.home / "log" / "second-worker.log"
        log = file.open("wb")
        environment = {**self.environment, "PORT": str(urlsplit(self.base_url).port)}
        environment |= {"DJANGO_AUTOMATE_BASE_URL": self.base_url}
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.armed", "worker"],
            env=environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        log.close()
        try:
            wait(lambda: "worker ready" in file.read_text(), what="the second worker is not ready")
            yield process.pid
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # whatever state a failed test has left it in
            process.wait(30)

    # -- the database ------------------------------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        return self.ready["api_url"].partition("/api/")[0]

    def as_owner(self) -> psycopg.Connection[Any]:
        url = (self.home / "secrets" / "owner-database-url").read_text().strip()
        return psycopg.connect(url, autocommit=True)

    def as_superuser(self) -> psycopg.Connection[Any]:
        return psycopg.connect(Postgres.of(Home(self.home)).superuser_url("automate"), autocommit=True)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """In the demo workspace's schema. While the server is away this waits for it."""

        def ask() -> list[list[tuple[Any, ...]]]:
            try:
                with self.as_owner() as connection:
                    connection.execute(psycopg.sql.SQL("SET search_path = {}").format(schema_of(connection)))
                    return [connection.execute(query.encode()).fetchall()]
            except psycopg.OperationalError:
                return []

        return wait(ask, what="the database is away")[0]

    def signal_postgres(self, number: signal.Signals) -> None:
        """SIGQUIT: an immediate shutdown."""
        file = Postgres.of(Home(self.home)).data / "postmaster.pid"
        os.kill(int(file.read_text().partition("\n")[0]), number)

    def database_log(self) -> str:
        return (self.home / "log" / "postgres.log").read_text(errors="replace")

    # -- the load ----------------------------------------------------------------------------------------------------

    def wait_progress(self, *, more: int = 3) -> None:
        """Events accepted from now on reach the receiver."""
        newest = max(self.senders.accepted, default=0)
        told = self.receiver.calls["tell"]
        wait(lambda: sum(number > newest for number in dict(told)) >= more, what="no progress")

    def wait_database_seconds(self, seconds: float) -> None:
        """So long by the database's clock: a lease has run out, whatever this machine does."""
        [(until,)] = self.rows(f"SELECT clock_timestamp() + interval '{seconds} s'")
        wait(lambda: self.rows("SELECT clock_timestamp()")[0][0] > until)


@contextmanager
def running(home: Path, *, quick_lives: bool = False) -> Iterator[Harness]:
    """A product in `home`, ready and watched; all of it is gone at the end. `quick_lives`: see `armed`."""
    home.mkdir(parents=True)
    folder = home / "chaos"
    folder.mkdir()
    disk, why = _own_disk(home)
    receiver, other = Receiver(), Sink()
    proxy = Proxy(lambda: _socket(home))
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("DJANGO_")}
    environment = {
        **inherited,
        "DJANGO_AUTOMATE_HOME": str(home),
        "DATABASE_URL": "",
        "DJANGO_AUTOMATE_OWNER_DATABASE_URL": "",
        "DJANGO_AUTOMATE_PRIVATE_TARGETS": f"{receiver.sink.target},{other.target}",
        "DJANGO_AUTOMATE_EXECUTION_LEASE_SECONDS": str(LEASE_SECONDS),
        "DJANGO_AUTOMATE_EXECUTION_BATCH_SIZE": "20",
        "CHAOS_FOLDER": str(folder),
        "CHAOS_PROXY_PORT": str(proxy.port),
        "CHAOS_LIVES": "1" if quick_lives else "",
    }
    with (home / "up.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.armed", "up", "--port", "0"],
            env=environment, cwd=ROOT, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        wait(lambda: (home / "ready.json").exists() or process.poll() is not None, seconds=START_SECONDS)
        assert process.poll() is None, (home / "up.log").read_text()
        ready = json.loads((home / "ready.json").read_text())
        senders = Senders(ready["webhook_url"], ready["api_key"], told=receiver.calls["tell"].keys())
        harness = Harness(process, home, folder, environment, ready, receiver, other, proxy, senders, disk, why)
        _prepare(harness)
        yield harness
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(90)
        finally:
            process.kill()
            receiver.close()
            other.close()
            proxy.close()
            if disk is not None:
                subprocess.run(["umount", "--lazy", disk], check=False)


def _prepare(harness: Harness) -> None:
    """The two workflows, and the watch over their tables."""
    disable_sample(harness)
    target, trigger = harness.receiver.sink.target, {"type": "webhook", "endpoint": "default"}
    tell = posting("tell", target, {"n": "{{ payload.n }}"}, trigger=trigger)
    pay = posting("pay", target, {"n": "{{ payload.n }}"}, trigger=trigger)
    pay["steps"][0]["idempotent"] = False
    for definition in (tell, pay):
        publish(harness, harness.ready["api_key"], definition)
    with harness.as_superuser() as connection:
        connection.execute(psycopg.sql.SQL(WATCH).format(schema=schema_of(connection)))
        connection.execute("GRANT USAGE ON SCHEMA chaos TO automate_owner")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA chaos TO automate_owner")


def _own_disk(home: Path) -> tuple[Path | None, str]:
    """A file system of DISK_MIB for the database alone, so that it can be filled; or why there is none."""
    data = Postgres.of(Home(home)).data
    if data != home / "postgres":
        return None, "the database's data may not lie in a file system of ours"
    data.mkdir(mode=0o700)
    options = f"size={DISK_MIB}m,mode=0700"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "chaos", data], capture_output=True, text=True)
    return (data, "") if done.returncode == 0 else (None, f"no file system may be mounted here: {done.stderr.strip()}")


def _socket(home: Path) -> str:
    """Of the embedded server."""
    url = (home / "secrets" / "database-url").read_text().strip()
    return f"{parse_qs(urlsplit(url).query)['host'][0]}/.s.PGSQL.5432"


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""
