"""What a worker says of itself over HTTP, from threads that its loop does not hold up."""

from __future__ import annotations

import http.client
import json
import time

import pytest

from automate.worker.pulse import ALIVE_SECONDS, READY_SECONDS, Pulse
from automate.worker.status import serving

ANY_PORT = ("127.0.0.1", 0)


def ask(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_it_lives_at_once_and_is_ready_when_the_database_has_answered() -> None:
    pulse = Pulse()
    with serving(pulse, ANY_PORT) as port:
        assert ask(port, "/healthz") == (200, b'{"status": "ok"}')
        assert ask(port, "/readyz") == (503, b'{"status": "not_ready"}')
        pulse.database_answered()
        assert ask(port, "/readyz") == (200, b'{"status": "ready"}')


def test_a_worker_that_drains_lives_and_is_not_ready() -> None:
    pulse = Pulse()
    pulse.database_answered()
    pulse.is_stopping = True
    with serving(pulse, ANY_PORT) as port:
        assert ask(port, "/healthz")[0] == 200
        assert ask(port, "/readyz")[0] == 503


def test_a_loop_that_stands_still_is_told_of() -> None:
    pulse, now = Pulse(), time.monotonic()
    pulse.database_answered()

    assert pulse.is_alive(now) and pulse.is_ready(now)
    assert not pulse.is_ready(now + READY_SECONDS + 1)
    assert pulse.is_alive(now + READY_SECONDS + 1)
    assert not pulse.is_alive(now + ALIVE_SECONDS + 1)


def test_metrics_are_there_only_where_they_are_exported(settings) -> None:
    settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "METRICS_EXPORT": False}
    with serving(Pulse(), ANY_PORT) as port:
        assert ask(port, "/metrics")[0] == 404
        assert ask(port, "/anything") == (404, b"Nothing is here.\n")


def test_an_address_in_use_is_an_error_at_once() -> None:
    with serving(Pulse(), ANY_PORT) as port, pytest.raises(OSError, match="in use"):
        serving(Pulse(), ("127.0.0.1", port))


def test_it_says_where_it_ends() -> None:
    with serving(Pulse(), ANY_PORT) as port:
        assert json.loads(ask(port, "/healthz?verbose=1")[1]) == {"status": "ok"}
    with pytest.raises(ConnectionRefusedError):
        ask(port, "/healthz")
