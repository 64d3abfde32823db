"""/live/: changes reach a page within a second; nobody hears of another workspace; nobody listening costs nothing."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import psycopg
import pytest
from django.conf import settings

from automate_web.gateway import live_token
from automate_web.gateway.changes import View
from tests.support.waiting import Eventually
from tests.web.gateway.conftest import GatewayProcess, Inside, Sender

LATER = datetime(2030, 1, 1, tzinfo=UTC)


class Stream:
    """A page's live stream, read by a thread."""

    def __init__(self, gateway: GatewayProcess, token: str):
        self.changes: list[tuple[float, dict[str, Any]]] = []
        self.ready = threading.Event()
        self.ended = threading.Event()
        self._socket = socket.create_connection(("127.0.0.1", gateway.port), timeout=30)
        self._socket.sendall(f"GET /live/?token={quote(token)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        self._lines = self._socket.makefile("rb")
        self.status = int(self._lines.readline().split()[1])
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        kind = ""
        with contextlib.suppress(OSError):
            for line in self._lines:  # the chunks' sizes are lines of their own, and mean nothing here
                if line.startswith(b"event: "):
                    kind = line[7:].strip().decode()
                elif line.startswith(b"data: ") and kind == "ready":
                    self.ready.set()
                elif line.startswith(b"data: "):
                    self.changes.append((time.monotonic(), json.loads(line[6:])))
                elif line == b"0\r\n":
                    break
        self.ended.set()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._lines.close()
        self._socket.close()

    def total(self, what: str) -> int:
        return sum(data[what] for _, data in self.changes)

    def runs(self) -> set[str]:
        return {run for _, data in self.changes for run in data["runs"]}


@pytest.fixture
def listen() -> Iterator[Callable[..., Stream]]:
    opened: list[Stream] = []

    def start(sender: Sender, *, seconds: float = 60.0) -> Stream:
        opened.append(Stream(sender.gateway, token_for(sender, seconds)))
        assert opened[-1].ready.wait(30)
        return opened[-1]

    yield start
    for stream in opened:
        stream.close()


def token_for(sender: Sender, seconds: float = 60.0) -> str:
    ref = sender.workspace.ref
    return live_token.sign(
        settings.LIVE_SECRET, tenant_id=ref.id, schema_name=ref.schema_name,
        expires_at=datetime.now(UTC) + timedelta(seconds=seconds),
    )  # fmt: skip


def latest_look(sender: Sender) -> int:
    """When the gateway's poller asked the database last, in milliseconds, by the database's own account."""
    with psycopg.connect(sender.gateway.database_url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT extract(epoch FROM max(query_start)) FROM pg_stat_activity"
            " WHERE application_name = 'automate gateway live' AND datname = current_database()"
        ).fetchone()
    return int(row[0] * 1000) if row and row[0] else 0


@pytest.mark.processes
def test_an_event_shows_by_itself(alpha: Sender, listen: Callable[..., Stream], eventually: Eventually) -> None:
    stream = listen(alpha)
    alpha.post()

    eventually(lambda: stream.total("events") == 1)
    for _ in range(20):
        alpha.post()
    eventually(lambda: stream.total("events") == 21)


@pytest.mark.processes
def test_a_run_shows_each_time_it_changes_and_when_it_ends(
    alpha: Sender, inside: Callable[[Sender], Inside], listen: Callable[..., Stream], eventually: Eventually
) -> None:
    stream = listen(alpha)
    held = inside(alpha)
    run = UUID(alpha.post().json["event_id"])
    held.connection.execute(
        f'INSERT INTO "{held.schema}".automate_executionrun (id, event_id, workflow_id, version_id, trace_id, status,'
        " outputs, steps_done, steps_total, created_at) VALUES (%s, %s, %s, %s, %s, 'running', '{}', 0, 3, now())",
        [run, run, uuid4(), uuid4(), uuid4()],
    )
    eventually(lambda: stream.runs() == {str(run)})

    for change in ("steps_done = 1", "status = 'waiting'", "status = 'succeeded', steps_done = 3"):
        told = len(stream.changes)
        held.connection.execute(f'UPDATE "{held.schema}".automate_executionrun SET {change}')
        eventually(lambda told=told: len(stream.changes) > told)  # type: ignore[misc]
        assert stream.changes[told][1]["runs"] == [str(run)]


@pytest.mark.processes
def test_a_refused_attempt_shows_by_itself(
    alpha: Sender, listen: Callable[..., Stream], eventually: Eventually
) -> None:
    stream = listen(alpha)
    alpha.post(b"{")

    eventually(lambda: stream.total("refusals") == 1)


@pytest.mark.processes
def test_nobody_hears_of_another_workspace(
    alpha: Sender, beta: Sender, listen: Callable[..., Stream], eventually: Eventually
) -> None:
    ours, theirs = listen(alpha), listen(beta)
    for _ in range(5):
        beta.post()
        beta.post(b"{")
    eventually(lambda: theirs.total("events") == 5 and theirs.total("refusals") > 0)
    alpha.post()
    eventually(lambda: ours.total("events") > 0)

    assert (ours.total("events"), ours.total("refusals")) == (1, 0)


@pytest.mark.processes
def test_a_stream_ends_with_its_token_and_with_the_gateway(
    alone: Sender, listen: Callable[..., Stream], eventually: Eventually
) -> None:
    short, long = listen(alone, seconds=1.5), listen(alone)

    assert short.ended.wait(30)
    assert not long.ended.is_set()
    alone.gateway.stop()
    assert long.ended.wait(30)
    assert "timeout graceful shutdown" not in alone.gateway.log_file.read_text()  # nothing had to be cut off


@pytest.mark.processes
def test_without_listeners_nothing_is_asked(
    alpha: Sender, listen: Callable[..., Stream], eventually: Eventually
) -> None:
    stream = listen(alpha)
    stream.close()
    latest = latest_look(alpha)
    ages: list[int] = []

    def is_quiet() -> bool:
        ages.append(latest_look(alpha))
        return len(ages) > 60 and len(set(ages[-60:])) == 1  # 1.2 s and more without a query

    eventually(is_quiet)
    assert ages[-1] >= latest


@pytest.mark.processes
@pytest.mark.parametrize("token", ["", "x", "a.b", "é", "." * 10_000])
def test_a_bad_token_hears_nothing(gateway: GatewayProcess, token: str) -> None:
    reply = gateway.send("GET", f"/live/?token={quote(token)}")

    assert (reply.status, reply.code) == (401, "unauthenticated")


def test_a_token_is_good_for_its_workspace_its_time_and_its_secret() -> None:
    token = live_token.sign("s" * 32, tenant_id=1, schema_name="t_a", expires_at=LATER)
    payload, _, mac = token.partition(".")

    grant = live_token.verify("s" * 32, token, now=LATER - timedelta(seconds=1))
    assert grant is not None
    assert (grant.tenant_id, grant.schema_name) == (1, "t_a")
    assert live_token.verify("s" * 32, token, now=LATER) is None
    assert live_token.verify("t" * 32, token, now=LATER - timedelta(days=1)) is None
    assert live_token.verify("", live_token.sign("", tenant_id=1, schema_name="t", expires_at=LATER), now=LATER) is None
    other = live_token.sign("s" * 32, tenant_id=2, schema_name="t_a", expires_at=LATER).partition(".")[0]
    assert live_token.verify("s" * 32, f"{other}.{mac}", now=LATER - timedelta(days=1)) is None
    assert live_token.verify("s" * 32, f"{payload}.", now=LATER - timedelta(days=1)) is None


def test_the_first_look_tells_nothing_and_a_vanished_unfinished_run_has_changed() -> None:
    view = View()
    assert not view.compare(
        [("event", "e1", ""), ("run", "r1", "waiting 1"), ("run", "r2", "succeeded 3"), ("refusal", "7", "")]
    )

    news = view.compare([("event", "e1", ""), ("event", "e2", ""), ("refusal", "9", "")])
    assert (news.events, news.runs, news.refusals) == (1, {"r1"}, 2)
