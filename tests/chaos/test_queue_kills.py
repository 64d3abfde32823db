"""kill -9 of the hosted worker with queues in two workspaces: order and slots of a key hold, and each has its own.

Both workspaces use the same keys. At the receiver: the runs of an ordered key come in the order in which their events
were accepted, one after the other; of a key with two slots, never three runs at the same time; all of them once.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import defaultdict
from typing import Any
from urllib.request import Request, urlopen

import pytest
from psycopg import sql

from tests.chaos.harness import Harness
from tests.chaos.processes import posting, publish, schema_of
from tests.support.sink import Answer, Received, Sink

KILLS = 4
KEYS = ("a", "b")
SLOTS = 2
AHEAD = 24  # events that one workspace has accepted and not yet sent on, at most
pytestmark = [pytest.mark.processes, pytest.mark.timeout(420)]
QUEUES = {
    "lane": {"order": {"key": "{{ payload.k }}"}},
    "slot": {"concurrency": {"key": "{{ payload.k }}", "limit": 2}},
}
OPEN = """
import django; django.setup()
from automate_tenants.context import public_scope
from automate_tenants.onboarding import open_workspace
from django.contrib.auth import get_user_model
from django.utils import timezone
with public_scope():
    owner = get_user_model().objects.create_user(username="o@second.example", email="o@second.example")
    print(open_workspace(name="Second", slug="second", owner_id=owner.pk, now=timezone.now()).api_key)
"""
Queue = tuple[str, str, str]  # workflow, workspace, key


class Watch:
    """The sink's answers: who is inside at the same time. A run is known by its idempotency key."""

    def __init__(self, sink: Sink) -> None:
        self.inside: dict[Queue, list[str]] = defaultdict(list)
        self.most: dict[Queue, int] = defaultdict(int)
        self.numbers: dict[Queue, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))  # run → its calls
        self.calls: dict[Queue, list[int]] = defaultdict(list)
        self._lock = threading.Lock()
        sink.answer = self._answer

    def count(self) -> int:
        return sum(map(len, self.calls.values()))

    def _answer(self, request: Received) -> Answer:
        body = json.loads(request.body)
        queue, run = (request.path.strip("/"), body["workspace"], body["k"]), request.headers["idempotency-key"]
        with self._lock:
            self.calls[queue].append(body["number"])
            self.numbers[queue][run].append(body["number"])
            self.inside[queue].append(run)
            self.most[queue] = max(self.most[queue], len(set(self.inside[queue])))
        threading.Event().wait(0.005)  # long enough for another to come in, were it let
        with self._lock:
            self.inside[queue].remove(run)
        return Answer()


class Sender(threading.Thread):
    """One workspace's events, one after the other, keys in turn; stays AHEAD events before the watch at most."""

    def __init__(self, copy: Harness, workspace: str, api_key: str, watch: Watch) -> None:
        super().__init__()
        self._url, self._workspace, self._api_key, self._watch = (
            f"{copy.base_url}/api/v1/events",
            workspace,
            api_key,
            watch,
        )
        self._stop_asked = threading.Event()
        self.accepted = 0

    def run(self) -> None:
        while not self._stop_asked.wait(0.005):
            if self.accepted - min(self._sent(name) for name in QUEUES) > AHEAD:
                continue
            payload = {"number": self.accepted, "k": KEYS[self.accepted % len(KEYS)]}
            headers = {"Authorization": f"Bearer {self._api_key}", "Content-Type": "application/json"}
            body = json.dumps({"type": "proof.queued", "payload": payload}).encode()
            with urlopen(Request(self._url, body, headers), timeout=60) as answer:
                assert answer.status == 202
            self.accepted += 1

    def stop(self) -> int:
        """How many were accepted."""
        self._stop_asked.set()
        self.join()
        return self.accepted

    def _sent(self, name: str) -> int:
        return sum(len(self._watch.numbers[name, self._workspace, key]) for key in KEYS)


def open_second(copy: Harness) -> str:
    """A second workspace beside the demo's; its API key."""
    told = {**copy.environment, "DJANGO_SETTINGS_MODULE": "automate_platform.settings"}
    ran = subprocess.run([sys.executable, "-c", OPEN], env=told, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()[-1]


@pytest.mark.xdist_group("kills")
def test_order_and_slots_of_two_workspaces_hold_when_the_worker_is_killed(harness: Harness, eventually: Any) -> None:
    sink, copy = harness.other, harness
    trigger = {"type": "event", "event_type": "proof.queued"}
    keys = {"demo": copy.ready["api_key"], "second": open_second(copy)}
    for workspace, api_key in keys.items():
        told = {"number": "{{ payload.number }}", "k": "{{ payload.k }}", "workspace": workspace}
        for slug, options in QUEUES.items():
            publish(copy, api_key, posting(slug, sink.target, told, trigger=trigger, **options))
    watch = Watch(sink)
    senders = {workspace: Sender(copy, workspace, api_key, watch) for workspace, api_key in keys.items()}
    for sender in senders.values():
        sender.start()
    try:
        for _ in range(KILLS):
            before = watch.count()
            eventually(lambda seen=before: watch.count() > seen + 20)  # in mid-load, not between
            harness.end_life("worker")
    finally:
        accepted = {workspace: sender.stop() for workspace, sender in senders.items()}
    for workspace in senders:
        check_all_are_done(copy, workspace, accepted[workspace], eventually)

    for slug in QUEUES:
        for workspace, count in accepted.items():
            for place, key in enumerate(KEYS):
                queue, sent = (slug, workspace, key), list(range(place, count, len(KEYS)))
                assert sorted(numbers[0] for numbers in watch.numbers[queue].values()) == sent  # one run for each event
                assert all(len(set(numbers)) == 1 for numbers in watch.numbers[queue].values())
                if slug == "lane":
                    assert watch.calls[queue] == sorted(watch.calls[queue])  # what is repeated is repeated in its place
                    assert watch.most[queue] == 1
                else:
                    assert watch.most[queue] <= SLOTS


def check_all_are_done(copy: Harness, workspace: str, accepted: int, eventually: Any) -> None:
    """One run of each workflow for each accepted event, all succeeded, and no place is still taken."""
    with copy.as_owner() as connection:
        schema = schema_of(connection, workspace)

        def rows(query: str) -> list[Any]:
            return connection.execute(sql.SQL(query).format(schema=schema)).fetchall()

        unfinished = "SELECT 1 FROM {schema}.automate_outboxjob WHERE status IN ('PENDING', 'CLAIMED') LIMIT 1"
        eventually(lambda: not rows(unfinished), seconds=180)
        runs = rows(
            "SELECT w.slug, r.status, count(*) FROM {schema}.automate_executionrun r"
            " JOIN {schema}.automate_workflow w ON w.id = r.workflow_id WHERE w.slug IN ('lane', 'slot')"
            " GROUP BY 1, 2 ORDER BY 1"
        )
        assert runs == [("lane", "succeeded", accepted), ("slot", "succeeded", accepted)]
        assert rows("SELECT count(*) FROM {schema}.automate_queueplace WHERE kind <> 'mark'") == [(0,)]
