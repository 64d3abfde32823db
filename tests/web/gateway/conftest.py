"""A gateway process on a free port, in front of this test process's database."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from tests.support import server
from tests.support.workspaces import Workspace

START_SECONDS = 20.0


@dataclass(frozen=True)
class Reply:
    """What the gateway said."""

    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["code"])


@dataclass
class GatewayProcess:
    """One `automate gateway`; may be killed and started again on the same port."""

    database_url: str
    home: Path
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_file(self) -> Path:
        return self.home / f"gateway-{self.port}.log"

    def start(self) -> None:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("DJANGO_AUTOMATE_OWNER")}
        told = {"DJANGO_AUTOMATE_HOME": str(self.home), "DATABASE_URL": self.database_url, **self.environment}
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "automate_platform", "gateway", "--port", str(self.port)],
                env={**inherited, **told}, stdout=log, stderr=log,
            )  # fmt: skip
        pause, deadline = threading.Event(), time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the gateway did not start:\n{self.log_file.read_text()}")
            pause.wait(0.05)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self, *, seconds: float = 15.0) -> int:
        """SIGTERM; its exit code. Fails if it takes longer."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def send(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, names, answer.read())
        finally:
            connection.close()

    def raw(self, request: bytes) -> bytes:
        """Send these bytes and read until the gateway closes the connection: the request must ask it to."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(request)
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
            return answer

    def _answers(self) -> bool:
        try:
            return self.send("GET", "/healthz").status == 200
        except OSError:
            return False


@dataclass(frozen=True)
class Sender:
    """Somebody who posts to one workspace's endpoint with its API key."""

    gateway: GatewayProcess
    workspace: Workspace

    @property
    def path(self) -> str:
        return self.workspace.webhook_url_path

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.workspace.api_key}"}

    def headers(self, **more: str) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return {"Content-Type": "application/json", **self.authorization, **named}

    def post(self, body: bytes = b'{"a":1}', **more: str) -> Reply:
        return self.gateway.send("POST", self.path, body, self.headers(**more))


@dataclass(frozen=True)
class Inside:
    """What a workspace's tables hold."""

    connection: psycopg.Connection[Any]
    schema: str

    def rows(self, table: str, columns: str = "*", order: str = "id") -> list[tuple[Any, ...]]:
        query = f'SELECT {columns} FROM "{self.schema}".automate_{table} ORDER BY {order}'
        return list(self.connection.execute(query).fetchall())

    def count(self, table: str) -> int:
        return len(self.rows(table, "1", "1"))

    def event_ids(self) -> set[str]:
        return {str(row[0]) for row in self.rows("event", "id")}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def gateway(workspaces: tuple[Workspace, Workspace], database_urls: server.DatabaseUrls) -> Iterator[GatewayProcess]:
    """Shared by a module's tests; the database under it is put back after each one that asks for `alpha` or `beta`."""
    process = GatewayProcess(database_urls.app, server.run_folder() / server.WORKER, free_port())
    process.start()
    yield process
    process.stop()


@pytest.fixture
def alpha(gateway: GatewayProcess, tenant_a: Workspace, fresh_database: object) -> Sender:
    return Sender(gateway, tenant_a)


@pytest.fixture
def beta(gateway: GatewayProcess, tenant_b: Workspace, fresh_database: object) -> Sender:
    return Sender(gateway, tenant_b)


@pytest.fixture
def alone(tenant_a: Workspace, database_urls: server.DatabaseUrls, fresh_database: object) -> Iterator[Sender]:
    """Like `alpha`, with a gateway of its own: for tests that change routes or keys, which a gateway remembers."""
    process = GatewayProcess(database_urls.app, server.run_folder() / server.WORKER, free_port())
    process.start()
    yield Sender(process, tenant_a)
    process.stop()


@pytest.fixture
def inside(database_urls: server.DatabaseUrls) -> Iterator[Callable[[Sender], Inside]]:
    with psycopg.connect(database_urls.superuser, autocommit=True) as connection:
        yield lambda sender: Inside(connection, sender.workspace.ref.schema_name)


Post = Callable[..., Awaitable[tuple[int, Any]]]


def many(sender: Sender, work: Callable[[Post], Awaitable[Any]]) -> Any:
    """Run `work` with a `post(body, **headers)` that keeps connections open; many may be under way at once.

    A request that got no answer comes back as (0, None).
    """

    async def run() -> Any:
        connector = aiohttp.TCPConnector(limit=64)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def post(body: bytes = b'{"a":1}', to: Sender = sender, **more: str) -> tuple[int, Any]:
                try:
                    async with session.post(to.gateway.url + to.path, data=body, headers=to.headers(**more)) as answer:
                        return answer.status, await answer.json()
                except (aiohttp.ClientError, OSError):
                    return 0, None

            return await work(post)

    return asyncio.run(run())


def token_hash(path: str) -> bytes:
    return hashlib.sha256(path.removeprefix("/hooks/").encode()).digest()
