"""The ringer's side: messages that call workers, and who of several ringers sends them."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import psycopg
from celery import Celery
from kombu.exceptions import OperationalError

from automate.worker.bell import connection_parameters
from automate.worker.ringer import CallFailed
from automate_platform.fleet.tasks import CHORES, DRAIN

DRAIN_EXPIRES = 5.0  # seconds: by then another was sent, should there still be work
CHORES_EVERY = 5.0  # seconds
LEADER_LOCK = 0x6175746F  # of all advisory locks of this database, the ringers'


class Caller:
    """Sends to the broker of `app`. Of a broker that is away it says CallFailed."""

    def __init__(self, app: Celery[Any]):
        self._app = app
        self._chores_at = 0.0  # monotonic

    def __call__(self, count: int) -> None:
        """Call that many workers for a slice of work each, and every CHORES_EVERY seconds one for the chores."""
        now = time.monotonic()
        calls = [(DRAIN, DRAIN_EXPIRES)] * count
        if are_chores_due := now - self._chores_at >= CHORES_EVERY:
            calls.append((CHORES, CHORES_EVERY))
        if not calls:
            return
        try:
            with self._app.connection_for_write() as broker, self._app.amqp.Producer(broker) as producer:
                for name, expires in calls:
                    self._app.send_task(name, expires=expires, producer=producer, retry=False)
        except (OperationalError, OSError) as error:
            raise CallFailed(str(error)) from error
        if are_chores_due:
            self._chores_at = now


class Leadership:
    """Whether this ringer is the one that calls: it holds a lock for as long as its connection lives."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection[Any] | None = None
        self._holds = False

    def __call__(self) -> bool:
        """Try, or see that it still holds. A database that does not answer makes nobody the leader."""
        try:
            if self._connection is None:
                self._connection = psycopg.connect(**connection_parameters(), autocommit=True)
            question = "SELECT true" if self._holds else "SELECT pg_try_advisory_lock(%s)"
            row = self._connection.execute(question, [] if self._holds else [LEADER_LOCK]).fetchone()
        except psycopg.Error:
            self.close()
            return False
        self._holds = bool(row and row[0])
        return self._holds

    def close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
        self._connection, self._holds = None, False
