"""The fleet behind a message broker, for real: RabbitMQ and Redis, workers that a ringer calls, each of them killed."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from automate.worker.ringer import CallFailed
from automate_platform.fleet import app, calls
from automate_platform.fleet.calls import LEADER_LOCK
from tests.chaos.processes import child_of, schema_of
from tests.platform.test_up import automate, on, post
from tests.support import brokers, product, server
from tests.support.waiting import Eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]


LEASE_SECONDS = 3
SOMEBODY_ELSES = {"APP": "nothing.of_ours", "BROKER_URL": "redis://127.0.0.1:1/0"}  # Celery's command line obeys them


def _broker(kind: str) -> Any:
    missing = not brokers.is_here(kind)
    if missing and os.environ.get("CI"):
        raise pytest.UsageError(f"no {kind} on this machine, and CI needs one")
    return pytest.param(kind, marks=pytest.mark.skipif(missing, reason=f"{kind} is not installed on this machine"))


@pytest.fixture(scope="module", params=[_broker("redis"), _broker("rabbitmq")])
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[brokers.Broker]:
    folder: Path = tmp_path_factory.mktemp(request.param)
    made = getattr(brokers, request.param)(folder)
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def fleet(broker: brokers.Broker, django_db_setup: None) -> Iterator[product.Product]:
    """The product, told of the broker: `automate worker` is a Celery worker, and a ringer runs beside it."""
    told = {"CELERY_BROKER_URL": broker.url, "DJANGO_AUTOMATE_EXECUTION_LEASE_SECONDS": str(LEASE_SECONDS)}
    made = product.start(f"fleet_{broker.url[:4]}", **told, **SOMEBODY_ELSES)
    yield made
    assert product.stop(made) == 0


def send(copy: product.Product, count: int) -> list[str]:
    """Events to the demo workspace, whose sample makes one run of each; their ids."""
    ready = copy.ready
    accepted = [post(ready["webhook_url"], {"name": "Ada", "n": n}, ready["api_key"]) for n in range(count)]
    assert {status for status, _ in accepted} <= {202}
    return [answer["event_id"] for _, answer in accepted]


def runs_of(copy: product.Product, events: list[str]) -> Counter[tuple[str, str]]:
    """How many runs there are of each event in each status."""
    with copy.as_owner() as connection:
        connection.execute("SELECT set_config('search_path', %s, false)", [schema_of(connection).as_string()])
        rows = connection.execute(
            "SELECT event_id::text, status FROM automate_executionrun WHERE event_id = ANY(%s::uuid[])", [events]
        )
        return Counter((event, status) for event, status in rows.fetchall())


def kill(copy: product.Product, name: str, eventually: Eventually) -> None:
    """SIGKILL the child, and wait for the one that takes its place."""
    pid = eventually(lambda: child_of(copy, name))
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: child_of(copy, name) not in {None, pid})


def once_each(events: list[str]) -> Counter[tuple[str, str]]:
    return Counter((event, "succeeded") for event in events)


def test_events_are_run_by_workers_that_are_called(fleet: product.Product, eventually: Eventually) -> None:
    events = send(fleet, 5)

    eventually(lambda: runs_of(fleet, events) == once_each(events))
    assert "Traceback" not in fleet.log("worker") + fleet.log("ringer")


def test_killed_workers_and_ringers_lose_and_double_nothing(fleet: product.Product, eventually: Eventually) -> None:
    before = send(fleet, 10)
    kill(fleet, "worker", eventually)
    between = send(fleet, 10)
    kill(fleet, "ringer", eventually)
    after = send(fleet, 10)

    events = before + between + after
    eventually(lambda: runs_of(fleet, events) == once_each(events), seconds=60)


def test_the_database_cuts_off_the_ringer_and_it_goes_on(fleet: product.Product, eventually: Eventually) -> None:
    with fleet.as_owner() as connection:
        [leader] = connection.execute("SELECT pid FROM pg_locks WHERE objid = %s", [LEADER_LOCK]).fetchone() or (None,)
    with server.admin() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
            " AND (pid = %s OR query ~ 'automate_standing|LISTEN automate_wake')",
            [psycopg.conninfo.conninfo_to_dict(fleet.database_urls.owner)["dbname"], leader],
        )
    events = send(fleet, 5)

    assert leader is not None
    eventually(lambda: runs_of(fleet, events) == once_each(events))
    assert "Traceback" not in fleet.log("ringer")


def test_a_refused_log_in_is_told_without_the_password(broker: brokers.Broker) -> None:
    address = broker.url.partition("://")[2].rpartition("@")[2]
    url = f"{broker.url.partition(':')[0]}://ada:secret-of-ada@{address}"

    with pytest.raises(CallFailed, match=r"ACCESS_REFUSED|invalid username-password") as refusal:
        calls.Caller(app.make(url))(1)

    assert "secret-of-ada" not in str(refusal.value)


def test_without_its_broker_everything_is_accepted_and_run_when_it_is_back(
    fleet: product.Product, broker: brokers.Broker, eventually: Eventually
) -> None:
    broker.kill()
    events = send(fleet, 10)
    eventually(lambda: "The broker is away" in fleet.log("ringer"))
    broker.start()

    eventually(lambda: runs_of(fleet, events) == once_each(events), seconds=90)
    more = send(fleet, 1)
    eventually(lambda: runs_of(fleet, more) == once_each(more))


def test_told_to_stop_a_worker_ends_by_itself_with_nothing_in_hand(
    fleet: product.Product, eventually: Eventually
) -> None:
    events = send(fleet, 20)
    pid = eventually(lambda: child_of(fleet, "worker"))
    os.kill(pid, signal.SIGTERM)

    eventually(lambda: child_of(fleet, "worker") not in {None, pid}, seconds=40)  # started again by its supervisor
    eventually(lambda: runs_of(fleet, events) == once_each(events))


def test_a_ringer_without_a_broker_says_what_to_do(fleet: product.Product) -> None:
    done = automate("ringer", CELERY_BROKER_URL="", **on(fleet))

    assert done.returncode == 1
    assert "CELERY_BROKER_URL" in done.stderr


def test_an_address_that_cannot_be_read_is_told_without_the_password(fleet: product.Product) -> None:
    done = automate("ringer", CELERY_BROKER_URL="amqp://ada:secret#1@127.0.0.1//", **on(fleet))

    assert done.returncode == 1
    assert "CELERY_BROKER_URL must be amqp://" in done.stderr
    assert "secret" not in done.stderr


def test_calls_that_nobody_takes_do_not_pile_up_and_do_not_age(
    broker: brokers.Broker, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    eventually(broker.answers)
    monkeypatch.setattr(app, "QUEUE", "nobody")
    monkeypatch.setattr(calls, "QUEUE", "nobody")
    celery = app.make(broker.url)
    caller = calls.Caller(celery)

    for _ in range(5):
        caller(16)

    with celery.connection_for_read() as connection:
        queue = celery.amqp.queues["nobody"](connection.default_channel)
        assert eventually(lambda: queue.queue_declare().message_count) == calls.ENOUGH
        assert queue.get().headers["expires"] is None  # told by one machine's clock, it would be read by another's
        queue.delete()
