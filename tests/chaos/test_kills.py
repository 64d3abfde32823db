"""kill -9 in mid-load, 20 times: each accepted event ends in exactly one run, and nothing is answered but not stored.

The receiver honours idempotency keys, as the http connector sends them: what arrives twice carries the same key.
"""

from __future__ import annotations

import http.client
import json
import threading
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from psycopg import sql

from tests.chaos.processes import kill, schema_of
from tests.support import product
from tests.support.sink import Sink

KILLS = 20
SENDERS = 4
BACKLOG = 150  # accepted and not yet sent on: enough to keep every batch of the worker full
pytestmark = [pytest.mark.processes, pytest.mark.timeout(420)]


class Load:
    """Senders that post until told to stop, each request with its own number; `accepted` maps number to event id.

    They stay BACKLOG events ahead of `sink` at most, so that a slow machine has no more to do than a fast one.
    """

    def __init__(self, url: str, api_key: str, *, first: int, sink: Sink | None = None) -> None:
        self._url = urlsplit(url)
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        self.accepted: dict[int, str] = {}
        self._number = first
        self._sink, self._before = sink, len(sink.received) if sink else 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(SENDERS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self._stop.wait(0.01):  # some hundred a second from all senders together
            if self._sink and len(self.accepted) - (len(self._sink.received) - self._before) > BACKLOG:
                continue
            with self._lock:
                self._number += 1
                number = self._number
            connection = connection or http.client.HTTPConnection(str(self._url.hostname), self._url.port, timeout=60)
            try:
                connection.request("POST", self._url.path, json.dumps({"n": number}), self._headers)
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                connection = None  # refused, reset or never answered: the sender may not assume anything
                continue
            if response.status == 202:
                with self._lock:
                    self.accepted[number] = json.loads(body)["event_id"]
        if connection is not None:
            connection.close()


def check_every_accepted_event_ran_once(copy: product.Product, sink: Sink, load: Load, eventually: Any) -> None:
    assert len(load.accepted) > 100
    with copy.as_owner() as connection:
        schema = schema_of(connection)

        def count(query: str) -> int:
            row = connection.execute(sql.SQL(query).format(schema=schema)).fetchone()
            assert row is not None
            return int(row[0])

        eventually(
            lambda: (
                count("SELECT count(*) FROM {schema}.automate_outboxjob WHERE status IN ('PENDING', 'CLAIMED')") == 0
            ),
            seconds=180,
        )
        events = dict(
            connection.execute(
                sql.SQL("SELECT id, payload ->> 'n' FROM {schema}.automate_event WHERE payload ? 'n'").format(
                    schema=schema
                )
            ).fetchall()
        )
        runs = connection.execute(
            sql.SQL(
                "SELECT r.event_id, r.status FROM {schema}.automate_executionrun r"
                " JOIN {schema}.automate_workflow w ON w.id = r.workflow_id WHERE w.slug = 'send'"
            ).format(schema=schema)
        ).fetchall()
    assert {UUID(event) for event in load.accepted.values()} <= set(events)  # answered 202 means stored
    assert sorted(event for event, _ in runs) == sorted(events)  # one run each, for answered and unanswered alike
    assert {status for _, status in runs} == {"succeeded"}
    keys: dict[int, set[str]] = {}
    for received in (one for one in sink.received if one.path == "/send"):
        keys.setdefault(json.loads(received.body)["n"], set()).add(received.headers["idempotency-key"])
    assert set(load.accepted) <= set(keys)
    assert all(len(sent) == 1 for number, sent in keys.items() if number in load.accepted)


def check_usage_is_what_lies_in_the_tables(copy: product.Product, eventually: Any) -> None:
    """To the unit, whoever was killed between the work and its being added up."""
    with copy.as_owner() as connection:
        schema = schema_of(connection)

        def rows(table: str, where: str = "true") -> int:
            query = sql.SQL("SELECT count(*) FROM {}.{} WHERE " + where)  # ours
            row = connection.execute(query.format(schema, sql.Identifier(table))).fetchone()
            assert row is not None
            return int(row[0])

        def used() -> dict[str, int]:
            query = "SELECT meter, sum(amount)::bigint FROM public.automate_billing_usageday GROUP BY meter"
            return {meter: amount for meter, amount in connection.execute(query).fetchall() if meter != "storage"}

        there = {
            "events": rows("automate_event"),
            "runs": rows("automate_executionrun"),
            "steps": rows("automate_steprun", "attempt = 1 AND status <> 'skipped'"),
        }
        eventually(lambda: used() == there)


@pytest.mark.xdist_group("kills")
@pytest.mark.parametrize(("name", "first"), [("worker", 0), ("gateway", 1_000_000)])
def test_killed_twenty_times_in_mid_load(
    name: str, first: int, sink_and_platform: tuple[Sink, product.Product], eventually: Any
) -> None:
    sink, copy = sink_and_platform
    load = Load(copy.ready["webhook_url"], copy.ready["api_key"], first=first, sink=sink)
    try:
        for _ in range(KILLS):
            before = len(sink.received)
            eventually(lambda seen=before: len(sink.received) > seen + 20, seconds=180)  # in mid-load, not between
            kill(copy, name, eventually)
    finally:
        load.stop()

    check_every_accepted_event_ran_once(copy, sink, load, eventually)
    check_usage_is_what_lies_in_the_tables(copy, eventually)
