"""The ringer's side: messages that call workers, and who of several ringers sends them."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import psycopg
from celery import Celery
from django.db import DatabaseError
from kombu.exceptions import OperationalError

from automate.worker.bell import connection_parameters
from automate.worker.ringer import CallFailed
from automate_platform.fleet.app import BROKER_SECONDS, QUEUE
from automate_platform.fleet.tasks import CHORES, DRAIN

ENOUGH = 32  # calls that wait at the broker already: more would find nothing to do
CHORES_EVERY = 5.0  # seconds
LEADER_LOCK = 0x6175746F  # of all advisory locks of this database, the ringers'
# Whoever stops answering without a word is given up; by default both sides would wait for hours, and nobody would call.
OUR_SIDE: dict[str, Any] = {
    "connect_timeout": 5,  # seconds, as those below
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # milliseconds
}
ITS_SIDE = """
    SELECT set_config(name, value, false)
    FROM (VALUES ('tcp_keepalives_idle', '5'), ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3'),
                 ('tcp_user_timeout', '15000')) AS told (name, value)
"""


class Caller:
    """Sends to the broker of `app`. Of a broker that is away it says CallFailed."""

    def __init__(self, app: Celery[Any]):
        self._app = app
        broker = _connection(app)
        # A refused log-in or an unknown virtual host is not among the errors that kombu wraps in its own.
        self._failures = (OperationalError, OSError, *broker.connection_errors, *broker.channel_errors)
        self._chores_at = 0.0  # monotonic

    def __call__(self, count: int) -> None:
        """Call that many workers for a slice of work each, and every CHORES_EVERY seconds one for the chores.

        While nobody takes them calls do not pile up: the broker is asked how many wait. Their age decides nothing, for
        that would be told by two machines' clocks.
        """
        now = time.monotonic()
        calls = [DRAIN] * count
        if are_chores_due := now - self._chores_at >= CHORES_EVERY:
            calls.append(CHORES)
        if not calls:
            return
        try:
            with _connection(self._app) as broker, self._app.amqp.Producer(broker) as producer:
                queue = self._app.amqp.queues[QUEUE](producer.channel)
                waiting = queue.queue_declare().message_count
                for name in calls[: max(0, ENOUGH - waiting)]:
                    self._app.send_task(name, producer=producer, retry=False)
        except self._failures as error:
            raise CallFailed(str(error)) from error
        if are_chores_due:
            self._chores_at = now


def try_broker(app: Celery[Any]) -> tuple[str, str]:
    """Where the broker is, its password hidden, and why it cannot be used: "" when it can."""
    broker = _connection(app)
    try:
        with broker:
            broker.ensure_connection(max_retries=0, timeout=BROKER_SECONDS)
    except (OperationalError, OSError, *broker.connection_errors, *broker.channel_errors) as error:
        return broker.as_uri(), str(error)
    return broker.as_uri(), ""


def _connection(app: Celery[Any]) -> Any:
    """A connection to be made: tried once, and nothing is waited for longer than BROKER_SECONDS.

    By default kombu tries again for six seconds, and waits without end for a broker that has stopped reading.
    """
    limits: dict[str, float] = {"max_retries": 0}
    if not str(app.conf.broker_url).startswith("redis"):
        limits |= {"read_timeout": BROKER_SECONDS, "write_timeout": BROKER_SECONDS}
    return app.connection_for_write(transport_options=limits)


class Leadership:
    """Whether this ringer is the one that calls: it holds a lock for as long as its connection lives.

    Of a machine or network that is gone, both sides hear within 20 s: then another's turn comes.
    """

    def __init__(self) -> None:
        self._connection: psycopg.Connection[Any] | None = None
        self._holds = False

    def __call__(self) -> bool:
        """Try, or see that it still holds. Raises DatabaseError while the database does not answer."""
        try:
            if self._connection is None:
                self._connection = psycopg.connect(**{**connection_parameters(), **OUR_SIDE}, autocommit=True)
                self._connection.execute(ITS_SIDE)
            question = "SELECT true" if self._holds else "SELECT pg_try_advisory_lock(%s)"
            row = self._connection.execute(question, [] if self._holds else [LEADER_LOCK]).fetchone()
        except psycopg.Error as error:
            self.close()
            raise DatabaseError(str(error)) from error
        self._holds = bool(row and row[0])
        return self._holds

    def close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
        self._connection, self._holds = None, False
