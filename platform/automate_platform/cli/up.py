"""`automate up`: everything on one port, from nothing, with a demo workspace.

Takes the lock of HOME, starts PostgreSQL (unless DATABASE_URL names one), brings the schema up to date, starts the
gateway, web and worker, waits until they answer, writes HOME/ready.json and looks after them until Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from automate_platform import environment as env
from automate_platform import installation
from automate_platform.cli import CommandFailed, _broker, say
from automate_platform.embedded import Keeper, Postgres, PostgresFailed, PostgresMissing, RootRefused
from automate_platform.home import Home, write_private
from automate_platform.supervisor import Child, ChildFailed, Supervisor

READY_SECONDS = 60.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(options: argparse.Namespace) -> int:
    started_at = time.monotonic()
    home = Home(env.home())
    host = env.text("DJANGO_AUTOMATE_LISTEN", "127.0.0.1")
    supervisor = Supervisor(progress)
    with supervisor.stopped_by_signals(SIGNALS), locked(home):
        port = free_port(host, options.port if options.port is not None else env.port())
        home.ready.unlink(missing_ok=True)
        try:
            with database(home, supervisor):
                try:
                    serve(home, supervisor, host, port, started_at)
                    supervisor.watch()
                finally:
                    home.ready.unlink(missing_ok=True)
                    progress("stopping (a running step may take up to 30 s)")
                    supervisor.stop()
        except KeyboardInterrupt:
            pass  # asked to stop before it was ready
        except (ChildFailed, PostgresFailed, PostgresMissing, RootRefused) as error:
            raise CommandFailed(str(error)) from error
    progress("stopped")
    return 0


def progress(line: str) -> None:
    say(f"· {line}")


@contextlib.contextmanager
def locked(home: Home) -> Iterator[None]:
    """One `up` for one HOME; the lock goes with the process, however it ends."""
    with (home.run / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CommandFailed(
                f"automate up already runs with {home.root}. For a second copy: "
                "DJANGO_AUTOMATE_HOME=var2 PORT=8001 make up"
            ) from error
        yield


def free_port(host: str, port: int) -> int:
    """`port` if it can be taken, a free one for 0. Raises CommandFailed."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandFailed(
                f"Port {port} is in use ({error.strerror}). Take another: PORT={port + 1} make up"
            ) from error
        taken: int = probe.getsockname()[1]
        return taken


@contextlib.contextmanager
def database(home: Home, supervisor: Supervisor) -> Iterator[None]:
    """PostgreSQL with roles and database, its URLs in `home.secrets`; or the one DATABASE_URL names."""
    if env.text("DATABASE_URL"):
        progress("using the PostgreSQL of DATABASE_URL")
        yield
        return
    postgres = Postgres.of(home, run_as=env.text("DJANGO_AUTOMATE_POSTGRES_AS"))
    is_new = not (postgres.data / "PG_VERSION").exists()
    progress(f"PostgreSQL {postgres.run_as.binaries.major}: {'making' if is_new else 'starting'} {postgres.data}")
    if postgres.run_as.notice:
        progress(postgres.run_as.notice)
    postgres.start()
    try:
        installation.prepare_database(postgres, home)
        supervisor.guards.append(Keeper(postgres, progress))
        yield
    finally:
        postgres.stop()


def serve(home: Home, supervisor: Supervisor, host: str, port: int, started_at: float) -> None:
    """Schema, processes, demo workspace, ready.json. Raises ChildFailed; CommandFailed for a broker's wrong address."""
    broker = _broker.url()
    installation.make_secrets(home)
    environment = installation.child_environment(home, port)
    progress("bringing the schema up to date")
    command(home, "migrate", environment)
    progress("starting gateway, web and worker")
    supervisor.start(child(home, "gateway", environment, "--host", host, "--port", str(port), stops_first=True))
    supervisor.start(child(home, "web", environment))
    installation.worker_mark(home).unlink(missing_ok=True)
    supervisor.start(child(home, "worker", environment))
    if broker:
        supervisor.start(child(home, "ringer", environment))
    demo = json.loads(command(home, "demo", environment, "--json"))
    supervisor.wait_until(
        lambda: (
            worker_is_ready(home)
            and answers(f"http://127.0.0.1:{port}/healthz")
            and answers(demo["portal_url"].partition("/w/")[0] + "/login/")
        ),
        seconds=READY_SECONDS,
        what="gateway, web or worker",
    )
    write_private(home.ready, json.dumps(demo, indent=2))
    announce(demo, home, time.monotonic() - started_at)


def child(home: Home, name: str, environment: dict[str, str], *arguments: str, stops_first: bool = False) -> Child:
    return Child(
        name,
        (sys.executable, "-m", "automate_platform", name, *arguments),
        environment,
        home.log / f"{name}.log",
        stops_first,
    )


def command(home: Home, name: str, environment: dict[str, str], *arguments: str) -> str:
    """Run one of our own commands to its end, in its own process; what it printed. Raises ChildFailed."""
    done = subprocess.run(
        [sys.executable, "-m", "automate_platform", name, *arguments],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    (home.log / f"{name}.log").write_text(done.stderr)
    if done.returncode:
        raise ChildFailed(f"automate {name} failed:\n{done.stderr.strip()[-3000:]}")
    return done.stdout


def answers(url: str) -> bool:
    """True when something answers without a server error; a missing key (401) is an answer."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own address
            return bool(response.status < 500)
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def worker_is_ready(home: Home) -> bool:
    return installation.worker_mark(home).exists()


def announce(demo: dict[str, Any], home: Home, seconds: float) -> None:
    """What a person needs next, on stdout."""
    curl = " \\\n    ".join(
        (
            f"curl -X POST {shlex.quote(demo['webhook_url'])}",
            f"-H {shlex.quote('Authorization: Bearer ' + demo['api_key'])} -H 'Content-Type: application/json'",
            f"-d {shlex.quote(json.dumps(installation.SAMPLE_EVENT))}",
        )
    )
    print(
        f"\nReady in {seconds:.1f} s\n\n"
        f"  Portal    {demo['portal_url']}\n"
        f"  Log-in    {demo['email']}  {demo['password']}\n\n"
        f"  Send an event:\n\n    {curl}\n\n"
        f"  next: open {demo['portal_url']}start/\n"
        f"  logs: {home.log}    the same as JSON: {home.ready}    Ctrl-C stops it all\n",
        flush=True,
    )
