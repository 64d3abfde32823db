"""The whole way over the running product: what a sender posts, what a workflow sends on, and who is not served."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from psycopg import sql

from tests.chaos.processes import child_of
from tests.platform.test_up import automate, get, on
from tests.support import product
from tests.support.sink import Answer, Sink
from tests.support.waiting import Eventually

pytestmark = pytest.mark.processes

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
BIG, LONG = 10**300 + 7, 2**64 + 3


@dataclass(frozen=True)
class Place:
    """A workspace of the running product whose webhook starts one workflow that posts to the sink."""

    copy: product.Product
    sink: Sink
    slug: str
    webhook_url: str
    api_key: str

    def call(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, Any]]:
        """A request to the API, or to the webhook when `path` is empty; the status and the JSON answer."""
        url = f"{self.copy.base_url}/api/v1/{path}" if path else self.webhook_url
        sent = {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(url, data=body or None, headers=sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=15) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def publish(self) -> None:
        definition = {
            "slug": "forward",
            "name": "Forward",
            "trigger": {"type": "webhook", "endpoint": "default"},
            "rule": {"!": {"var": "payload.quiet"}},
            "steps": [
                {
                    "id": "send",
                    "connector": "http",
                    "action": "request",
                    "idempotent": True,
                    "params": {
                        "method": "POST",
                        "url": f"{self.sink.url}/{self.slug}",
                        "json": {"all": "{{ payload }}", "text": "n is {{ payload.n|default('absent') }}"},
                    },
                }
            ],
        }
        assert self.call("POST", "workflows", json.dumps(definition).encode())[0] == 201
        assert self.call("POST", "workflows/forward/versions", b'{"note": ""}', If_Match="*")[0] == 201

    def sent(self) -> list[dict[str, Any]]:
        """What has reached the sink from this workspace."""
        return [json.loads(r.body)["all"] for r in self.sink.received if r.path == f"/{self.slug}"]


@pytest.fixture(scope="module")
def served(django_db_setup: None) -> Iterator[tuple[product.Product, Sink]]:
    sink = Sink()
    copy = product.start("spine", DJANGO_AUTOMATE_PRIVATE_TARGETS=sink.target)
    try:
        yield copy, sink
    finally:
        product.stop(copy)
        sink.close()


def open_place(served: tuple[product.Product, Sink], slug: str) -> Place:
    copy, sink = served
    done = automate("tenants", "create", slug, "--owner", f"{slug}@spine.example", "--json", **on(copy))
    made = json.loads(done.stdout)
    place = Place(copy, sink, slug, copy.base_url + made["webhook_path"], made["api_key"])
    place.publish()
    return place


@pytest.fixture(scope="module")
def place(served: tuple[product.Product, Sink]) -> Place:
    return open_place(served, "spine")


def test_trace_and_numbers_leave_as_they_came(place: Place, eventually: Eventually) -> None:
    body = json.dumps({"n": BIG, "list": [LONG, -LONG], "text": "\U0001f600 \u0007"}).encode()

    status, accepted = place.call("POST", "", body, traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")

    assert (status, accepted["trace_id"]) == (202, TRACE)
    [request] = eventually(lambda: [r for r in place.sink.received if r.headers.get("x-trace-id") == TRACE])
    assert request.headers["traceparent"].split("-")[1] == TRACE
    assert json.loads(request.body) == {"all": json.loads(body), "text": f"n is {BIG}"}
    [run] = eventually(
        lambda: [
            run
            for run in place.call("GET", f"runs?trace_id={TRACE}&workflow=forward")[1]["results"]
            if run["status"] == "succeeded"
        ]
    )
    assert (run["trace_id"], run["event_id"]) == (TRACE, accepted["event_id"])
    _, event = place.call("GET", f"events/{accepted['event_id']}")
    assert event["payload"] == json.loads(body)


def test_the_trace_id_stands_in_every_row_that_an_event_leads_to(place: Place, eventually: Eventually) -> None:
    trace = "5ca1ab1e0000000000000000000000aa"
    place.sink.answer = Answer(status=503)
    try:
        status, _ = place.call(
            "POST", "", b'{"n": 1}', traceparent=f"00-{trace}-00f067aa0ba902b7-01", Idempotency_Key="every-row"
        )
        assert status == 202
        eventually(lambda: place.call("GET", f"runs?trace_id={trace}&status=waiting")[1]["results"])
    finally:
        place.sink.answer = Answer()

    with place.copy.as_owner() as connection:
        found = dict(rows_of_trace(connection, place.slug, UUID(trace)))
    assert {name for name, count in found.items() if count} >= {
        "automate_event", "automate_dedupe", "automate_outboxjob", "automate_matchdecision",
        "automate_executionrun", "automate_steprun",
    }  # fmt: skip
    assert found["automate_outboxjob"] == 2  # the event's, and the waiting run's


def rows_of_trace(connection: Any, slug: str, trace: UUID) -> Iterator[tuple[str, int]]:
    """(table, rows of this trace) for every table of the workspace that has the column."""
    query = "SELECT schema_name FROM automate_tenants_tenant WHERE slug = %s"
    [schema] = connection.execute(query, [slug]).fetchone()
    tables = connection.execute(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = %s AND column_name = 'trace_id'",
        [schema],
    ).fetchall()
    for [table] in tables:
        query = sql.SQL("SELECT count(*) FROM {} WHERE trace_id = %s").format(sql.Identifier(schema, table))
        yield table, connection.execute(query, [trace]).fetchone()[0]


def test_a_form_post_starts_a_run_too(place: Place, eventually: Eventually) -> None:
    status, _ = place.call("POST", "", b"form=yes&tag=a&tag=b", Content_Type="application/x-www-form-urlencoded")

    assert status == 202
    assert eventually(lambda: {"form": "yes", "tag": ["a", "b"]} in place.sent())


def test_an_event_that_nothing_listens_for_is_answered_for(place: Place, eventually: Eventually) -> None:
    _, accepted = place.call("POST", "events", b'{"type": "nobody.listens", "payload": {}}')

    _, event = eventually(lambda: (got := place.call("GET", f"events/{accepted['event_id']}"))[1]["why"] and got)
    assert [(d["workflow"], d["decision"], d["reason"]) for d in event["why"]] == [(None, "no_match", "no_workflow")]


def test_a_suspended_workspace_is_served_nowhere_and_goes_on_where_it_stopped(
    served: tuple[product.Product, Sink], place: Place, eventually: Eventually
) -> None:
    copy, _ = served
    stopped = open_place(served, "stopped")
    assert stopped.call("POST", "", b'{"before": 1}')[0] == 202
    eventually(lambda: stopped.sent() == [{"before": 1}])
    worker = eventually(lambda: child_of(copy, "worker"))

    os.kill(worker, signal.SIGSTOP)
    try:
        assert stopped.call("POST", "", b'{"waiting": 1}')[0] == 202
        assert automate("tenants", "suspend", "stopped", "--reason", "unpaid", "--json", **on(copy)).returncode == 0
    finally:
        os.kill(worker, signal.SIGCONT)

    status, answer = eventually(lambda: (got := stopped.call("POST", "", b"{}"))[0] == 403 and got)
    assert answer["code"] == "workspace_suspended"
    assert stopped.call("GET", "runs")[1]["code"] == "workspace_suspended"
    assert place.call("POST", "", b'{"neighbour": 1}')[0] == 202
    eventually(lambda: {"neighbour": 1} in place.sent())  # the same worker works on
    assert stopped.sent() == [{"before": 1}]

    assert automate("tenants", "suspend", "stopped", "--undo", "--json", **on(copy)).returncode == 0
    eventually(lambda: stopped.sent() == [{"before": 1}, {"waiting": 1}])
    eventually(lambda: stopped.call("POST", "", b'{"after": 1}')[0] == 202)
    assert status == 403
    assert get(copy.base_url + "/healthz")[0] == 200


def test_a_listener_gets_every_event_with_its_headers_while_nothing_is_left_out(
    served: tuple[product.Product, Sink], place: Place, eventually: Eventually
) -> None:
    told = Sink()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")},
        "DJANGO_AUTOMATE_KEY": place.api_key,
        "DJANGO_AUTOMATE_URL": place.copy.base_url,
    }
    forward = [sys.executable, "-m", "automate_client", "listen", "--forward-to", f"{told.url}/in", "--json"]
    first_event = place.call("POST", "", b'{"quiet": true, "n": 0}', x_shop="7")[1]["event_id"]
    listener = subprocess.Popen(
        [*forward, "--since", "5m", "--source", "webhook:default"], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        eventually(lambda: first_event in [each.headers["automate-event-id"] for each in told.received])
        gateway = child_of(place.copy, "gateway")
        assert gateway is not None
        os.kill(gateway, signal.SIGKILL)  # the stream breaks
        sent = {first_event}
        for n in range(1, 6):
            sent.add(eventually(lambda n=n: _sent(place, n)))
        eventually(lambda: sent <= {each.headers["automate-event-id"] for each in told.received})
        listener.send_signal(signal.SIGINT)
        lines = [json.loads(line) for line in listener.communicate(timeout=30)[0].splitlines()]
    finally:
        listener.kill()
        told.close()

    assert listener.returncode == 130
    came = [each.headers["automate-event-id"] for each in told.received]
    assert len(came) == len(set(came))
    assert [line["event_id"] for line in lines] == came[: len(lines)]  # the last may have been interrupted unsaid
    assert len(lines) >= len(came) - 1
    assert {line["status"] for line in lines} == {200}
    first = next(each for each in told.received if each.headers["automate-event-id"] == first_event)
    assert (json.loads(first.body), first.headers["x-shop"], first.path) == ({"quiet": True, "n": 0}, "7", "/in")


def _sent(place: Place, n: int) -> str:
    """The event's id, once the gateway that is being started again takes it; empty before."""
    try:
        status, answer = place.call("POST", "", json.dumps({"quiet": True, "n": n}).encode(), idempotency_key=f"n{n}")
    except OSError:
        return ""
    return str(answer["event_id"]) if status == 202 else ""
