"""The process list at work without containers, each process as a container would have it.

A PostgreSQL of its own, whose roles the script of the image makes; the code out of the wheels that the image installs;
a home of its own for every process, the key store alone shared; nothing told but by the environment, secrets as files.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import pytest

from automate_platform.cli.up import free_port
from automate_platform.embedded import Postgres
from automate_platform.home import Home
from automate_tenants import roles
from tests.deploy.chart import DEPLOY
from tests.deploy.procfile import processes
from tests.support import server
from tests.support.waiting import Eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]

ROOT = DEPLOY.parent
SERVING = ("gateway", "web", "worker")
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Containers:
    """What all processes are told, and where each answers."""

    folder: Path
    environment: dict[str, str]
    addresses: dict[str, str]  # http://127.0.0.1:port by process

    def of(self, process: str) -> dict[str, str]:
        """The environment of one: no other process sees its home."""
        return {**self.environment, **server.STATIC_FILES, "DJANGO_AUTOMATE_HOME": str(self.folder / process)}

    def run(self, process: str, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "automate_platform", *command],
            env=self.of(process), capture_output=True, text=True, check=False, cwd=self.folder, timeout=200,
        )  # fmt: skip


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory, secrets: Path) -> Iterator[Postgres]:
    """A server with nothing in it but what the script for its image makes."""
    made = Postgres.of(Home(server.run_folder() / server.WORKER / "deploy"), settings=server.SERVER_SETTINGS)
    made.start()
    try:
        with psycopg.connect(made.superuser_url(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE automate")
        path = f"{made.run_as.binaries.folder}:{os.environ['PATH']}"
        told = {"PGHOST": str(made.run_as.socket_folder), "PGPASSWORD": made.home.secret("postgres"), "PATH": path}
        named = {"POSTGRES_USER": "postgres", "POSTGRES_DB": "automate", "SECRETS_DIR": str(secrets)}
        subprocess.run([DEPLOY / "chart" / "files" / "roles.sh"], env={**os.environ, **told, **named}, check=True)
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `deploy/make-secrets` fills; the URLs in it are mended below, once the server has its place."""
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    subprocess.run([DEPLOY / "make-secrets", folder], check=True)
    return folder


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image's wheels hold, unpacked: a file that a wheel forgets is missing here as it would be there."""
    wheels, unpacked = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("code")
    for project in (ROOT / "engine", ROOT):
        build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(wheels)]
        subprocess.run(build, cwd=project, check=True, capture_output=True)
    for wheel in wheels.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(unpacked)
    return unpacked


@pytest.fixture(scope="module")
def containers(code: Path, secrets: Path, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Containers:
    host = quote(str(postgres.run_as.socket_folder), safe="/")
    for file in ("database-url", "owner-database-url"):
        url = (secrets / file).read_text().replace("@postgres:5432/automate", f"@/automate?host={host}")
        (secrets / file).write_text(url)
    ports = {name: free_port("127.0.0.1", 0) for name in SERVING}
    folder = tmp_path_factory.mktemp("containers")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("DJANGO_", "DATABASE_"))}
    environment = {
        **inherited,
        "PYTHONPATH": str(code),
        "PORT": str(ports["gateway"]),
        "DATABASE_URL_FILE": str(secrets / "database-url"),
        "DJANGO_AUTOMATE_OWNER_DATABASE_URL_FILE": str(secrets / "owner-database-url"),
        "DJANGO_AUTOMATE_SECRET_KEY_FILE": str(secrets / "secret-key"),
        "DJANGO_AUTOMATE_LIVE_SECRET_FILE": str(secrets / "live-secret"),
        "DJANGO_AUTOMATE_KEY_STORE": str(folder / "keys"),
        "DJANGO_AUTOMATE_BASE_URL": f"http://127.0.0.1:{ports['gateway']}",
        "DJANGO_AUTOMATE_INTERNAL_URL": f"http://localhost:{ports['gateway']}",
        "DJANGO_AUTOMATE_WEB_URL": f"http://127.0.0.1:{ports['web']}",
        "DJANGO_AUTOMATE_WEB_LISTEN": f"127.0.0.1:{ports['web']}",
        "DJANGO_AUTOMATE_WORKER_LISTEN": f"127.0.0.1:{ports['worker']}",
    }
    return Containers(folder, environment, {name: f"http://127.0.0.1:{port}" for name, port in ports.items()})


class Children:
    """Processes of the list, each as its line says; what still runs at the end is told to stop."""

    def __init__(self, containers: Containers) -> None:
        self._containers = containers
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        command = [sys.executable, "-m", "automate_platform", *processes()[name][1:]]
        folder = self._containers.folder
        with (folder / f"{name}.log").open("wb") as log:
            self._running[name] = subprocess.Popen(
                command, env=self._containers.of(name), stdout=log, stderr=log, cwd=folder
            )

    def stop(self) -> dict[str, int]:
        """Tell all to stop, as whoever runs containers does; the exit code of each."""
        for child in self._running.values():
            child.send_signal(signal.SIGTERM)
        codes = {name: child.wait(60) for name, child in self._running.items()}
        self._running.clear()
        return codes

    def kill(self) -> None:
        for child in self._running.values():
            child.kill()
            child.wait()


@pytest.fixture
def children(containers: Containers) -> Iterator[Children]:
    made = Children(containers)
    yield made
    made.kill()


def ask(url: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """Status and body; 0 while nothing answers."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()
    except OSError:
        return 0, b""


class Browser:
    """Someone with cookies who follows redirects."""

    def __init__(self, base: str) -> None:
        self.base, self.cookies = base, CookieJar()
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies)).open

    def get(self, path: str) -> str:
        with self._open(self.base + path, timeout=60) as answer:
            return str(answer.read().decode())

    def post(self, path: str, **fields: str) -> str:
        self.get(path)
        token = next(cookie.value for cookie in self.cookies if "csrf" in cookie.name)
        form = urlencode({**fields, "csrfmiddlewaretoken": token}).encode()
        with self._open(urllib.request.Request(self.base + path, form, {"Referer": self.base + path})) as answer:
            return str(answer.read().decode())


def test_the_process_list_serves_a_new_customer_and_stops_when_told(
    containers: Containers, children: Children, eventually: Eventually
) -> None:
    at, base = containers.addresses, containers.environment["DJANGO_AUTOMATE_BASE_URL"]
    children.start("web")
    eventually(lambda: ask(at["web"] + "/healthz")[0] == 200, seconds=90)
    assert ask(at["web"] + "/readyz")[0] == 503  # the database is empty: nobody is sent here
    release = containers.run("release", *processes()["release"][1:])
    assert release.returncode == 0, release.stderr
    assert containers.run("release", "migrate", "--wait").returncode == 0
    children.start("gateway")
    children.start("worker")
    for name, url in at.items():
        eventually(lambda url=url: ask(url + "/readyz")[0] == 200, seconds=90)
        assert containers.run(name, "probe", name, "--ready").returncode == 0

    page = Browser(base).post(
        "/signup/", email="ada@example.com", password1="correct horse battery", workspace_name="Engines", address=""
    )
    key = {"Authorization": f"Bearer {_first(r'am_live_[A-Za-z0-9]{38}', page)}"}
    sent = ask(base + _first(r"/hooks/[A-Za-z0-9_-]+", page), b'{"name": "Ada"}', **key, **JSON)
    assert sent[0] == 202, sent

    [run] = eventually(lambda: _succeeded(base, key), seconds=90)
    assert run["steps_done"] == run["steps_total"] == 3  # its call to the gateway's echo among them
    eventually(lambda: b'automate_runs_total{status="succeeded"} 1.0' in ask(at["worker"] + "/metrics")[1])

    codes = children.stop()
    assert codes["worker"] == 0  # it drained
    assert set(codes.values()) <= {0, -signal.SIGTERM}
    with psycopg.connect(Path(containers.environment["DATABASE_URL_FILE"]).read_text().strip()) as connection:
        assert roles.missing_promises(connection.cursor()) == []


def _first(pattern: str, page: str) -> str:
    found = re.search(pattern, page)
    assert found, page
    return found[0]


def _succeeded(base: str, key: dict[str, str]) -> list[dict[str, Any]]:
    status, body = ask(f"{base}/api/v1/runs?status=succeeded", **key)
    return list(json.loads(body)["results"]) if status == 200 else []
