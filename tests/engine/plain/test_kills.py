"""kill -9 of real workers at the write points of the step loop, in the plain project, against a real receiver.

No step with a recorded result runs again. A receiver that honours keys sees one key for an effect, however often it
is called; of one that does not, every call that may have happened is held as unknown until a person has looked, and
none is made twice. Places, orders, pauses and batches hold as well. `make proof-kill` visits every point, the suite a
selection.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.engine.plain.project import Project
from tests.support.sink import Sink

IS_LONG = os.environ.get("AUTOMATE_PROOF_KILLS") == "all"
pytestmark = [pytest.mark.processes, pytest.mark.timeout(1800 if IS_LONG else 240)]
KILLED = -9


def post(step_id: str, target: str, **more: Any) -> dict[str, Any]:
    json_ = {"n": "{{ payload.n }}", "step": step_id}
    params = {"method": "POST", "url": f"http://{target}/{step_id}", "json": {**json_, **more.pop("json", {})}}
    return {"id": step_id, "connector": "http", "action": "request", "params": params, **more}


def steps(target: str) -> list[dict[str, Any]]:
    """`tell` and `each` go to a receiver that honours keys, `pay` to one that does not."""
    each = {"foreach": {"items": [1, 2], "concurrency": 1}, "json": {"item": "{{ item }}"}}
    return [post("tell", target, idempotent=True), post("pay", target), post("each", target, idempotent=True, **each)]


PUBLISH = """
from datetime import datetime, timezone
from automate.services import create_workflow, publish_version
from tests.engine.plain.mortal import allow
allow({target!r})
now = datetime.now(timezone.utc)
definition = {{"slug": "flow", "name": "Flow", "trigger": {{"type": "event", "event_type": "order"}}, **{options!r}}}
create = create_workflow(definition=definition, actor="test", now=now)
publish_version(workflow_id=create.id, expected_revision=1, actor="test", now=now)
answer = None
"""
LIVE = """
from automate.runtime import emit_event
from tests.engine.plain import mortal
mortal.allow({target!r})
for payload in {payloads!r}:
    emit_event("order", payload)
mortal.recover(buffers_due={buffers_due!r})
django.db.connections.close_all()
mortal.work(kill_at={kill_at!r})
"""
AFTER = """
from automate.models import Event, ExecutionRun, MatchDecision, OutboxJob, QueuePlace, StepRun
from tests.engine.plain import mortal
mortal.allow({target!r})
kept = mortal.recorded()
mortal.recover(buffers_due={buffers_due!r})
mortal.work(watched=False)
doubts = mortal.settle_doubts(happened={happened!r})
mortal.recover(buffers_due={buffers_due!r})
mortal.work(watched=False)
answer = {{
    "kept": kept,
    "doubts": doubts,
    "runs": list(ExecutionRun.objects.values_list("status", flat=True)),
    "decisions": sorted(MatchDecision.objects.values_list("decision", "reason")),
    "places": QueuePlace.objects.exclude(kind="mark").count(),
    "left": OutboxJob.objects.exclude(status="COMPLETED").count(),
    "steps": [list(row) for row in StepRun.objects.values_list("step_id", "item", "attempt", "status")],
}}
for model in (ExecutionRun, StepRun, MatchDecision, OutboxJob):
    model.objects.all().delete()
"""


@dataclass
class Bench:
    """A project with one workflow, and its receiver."""

    project: Project
    sink: Sink
    passed: Counter[str] = field(default_factory=Counter)

    def publish(self, **options: Any) -> None:
        self.project.script(PUBLISH.format(target=self.sink.target, options=options))

    def live(self, kill_at: int | None, *payloads: Any, buffers_due: bool = False) -> tuple[int, list[str]]:
        """A worker's life: how it ended, and the points it passed."""
        told = {"target": self.sink.target, "payloads": payloads, "buffers_due": buffers_due, "kill_at": kill_at}
        status, said = self.project.fate(LIVE.format(**told))
        points = [line.removeprefix("point ") for line in said.splitlines() if line.startswith("point ")]
        assert status in (0, KILLED), said
        return status, points

    def after(self, *, happened: bool = True, buffers_due: bool = False) -> dict[str, Any]:
        """Workers that live go on to the end; a person settles what is in doubt. Then all is cleared away."""
        told = {"target": self.sink.target, "happened": happened, "buffers_due": buffers_due}
        return dict(self.project.script(AFTER.format(**told)))

    def take(self) -> list[dict[str, Any]]:
        """What the receiver got since the last time, oldest first; `key` is the idempotency key."""
        received, self.sink.received = self.sink.received, []
        return [{**json.loads(each.body), "key": each.headers.get("idempotency-key")} for each in received]


@pytest.fixture
def make_bench(make_project: Callable[[str], Project]) -> Iterator[Callable[[str], Bench]]:
    sink = Sink()

    def make(kind: str) -> Bench:
        project = make_project(kind)
        project.manage("flush", "--no-input", "--verbosity", "0")
        return Bench(project, sink)

    yield make
    sink.close()


def chosen(points: list[str], most: int, *always: str) -> list[int]:
    """All of them; in the suite those named, and `most` of the others' firsts, evenly spread."""
    if IS_LONG:
        return list(range(len(points)))
    firsts = sorted({points.index(name) for name in points if name not in always})
    return sorted({*map(points.index, always), *(firsts[n * len(firsts) // most] for n in range(most))})


@pytest.mark.parametrize(("kind", "most"), [("postgresql", 4), ("sqlite", 2)])
def test_at_each_point_of_a_run(kind: str, most: int, make_bench: Callable[[str], Bench]) -> None:
    bench = make_bench(kind)
    bench.publish(steps=steps(bench.sink.target))
    status, points = bench.live(None, {"n": 0})
    bench.after()
    bench.take()
    assert status == 0
    assert {f"{side} {step}" for side in ("before", "after") for step in ("tell", "pay", "each")} < set(points)
    doubted: set[str] = set()

    for number in chosen(points, most, "after pay"):
        where = f"{kind}, killed at point {number}, {points[number]}"
        assert bench.live(number, {"n": number})[0] == KILLED, where
        before = bench.take()
        ended = bench.after(happened=any(each["step"] == "pay" for each in before))
        calls = before + (later := bench.take())

        assert ended["runs"] == ["succeeded"], where
        assert ended["left"] == 0, where
        for name in ended["kept"]:  # what was recorded is not called again
            step_id, _, item = name.partition(".")
            assert not [one for one in later if one["step"] == step_id and str(one.get("item", 0)) == item], where
        keys: dict[tuple[str, int], set[str]] = {}
        for one in calls:
            if one["step"] != "pay":
                keys.setdefault((one["step"], one.get("item", 0)), set()).add(one["key"])
        assert {unit: len(given) for unit, given in keys.items()} == {("tell", 0): 1, ("each", 1): 1, ("each", 2): 1}
        assert [one["step"] for one in calls].count("pay") == 1, where
        doubted.update(ended["doubts"])
    assert doubted == {"pay"}  # was in doubt somewhere, and nothing else ever was


def test_orders_and_slots_hold(make_bench: Callable[[str], Bench]) -> None:
    bench = make_bench("postgresql")
    queues = {"order": {"key": "{{ payload.k }}"}, "concurrency": {"key": "{{ payload.k }}", "limit": 1}}
    bench.publish(steps=[post("tell", bench.sink.target, idempotent=True)], **queues)
    payloads = [{"n": n, "k": n % 2} for n in range(4)]
    status, points = bench.live(None, *payloads)
    bench.after()
    bench.take()
    assert status == 0

    for number in chosen(points, 3, "enter_queue"):
        where = f"killed at point {number}, {points[number]}"
        assert bench.live(number, *payloads)[0] == KILLED, where
        ended = bench.after()
        calls = bench.take()

        assert (ended["runs"], ended["places"], ended["left"]) == (["succeeded"] * 4, 0, 0), where
        for odd in (0, 1):
            numbers = [one["n"] for one in calls if one["n"] % 2 == odd]
            assert list(dict.fromkeys(numbers)) == [odd, odd + 2], where  # each after the one before it
            assert numbers == sorted(numbers), where
        assert len({one["key"] for one in calls}) == 4, where


@pytest.mark.parametrize("gather", [{"debounce": {"seconds": 60}}, {"batch": {"size": 10, "seconds": 60}}])
def test_gathered_events_make_one_run(gather: dict[str, Any], make_bench: Callable[[str], Bench]) -> None:
    bench, is_batch = make_bench("postgresql"), "batch" in gather
    tell = post("tell", bench.sink.target, idempotent=True)
    tell["params"]["json"] = {"n": "{{ payload }}"}
    bench.publish(steps=[tell], **gather)
    payloads = [{"n": n} for n in range(3)]

    def lives(kill_at: int | None) -> tuple[bool, list[str]]:
        """The events are matched, then their time has come: two lives, one line of points."""
        status, points = bench.live(kill_at, *payloads)
        if status != KILLED:
            ahead = None if kill_at is None else kill_at - len(points)
            status, further = bench.live(ahead, buffers_due=True)
            points += further
        return status == KILLED, points

    is_killed, points = lives(None)
    bench.after(buffers_due=True)
    bench.take()
    assert not is_killed

    for number in chosen(points, 1, "insert_buffered", "INSERT automate_executionrun"):
        where = f"killed at point {number}, {points[number]}"
        assert lives(number)[0], where
        ended = bench.after(buffers_due=True)
        calls = bench.take()

        assert (ended["runs"], ended["left"]) == (["succeeded"], 0), where
        assert len({one["key"] for one in calls}) == 1, where
        told = calls[-1]["n"]
        assert ([event["payload"]["n"] for event in told["events"]] if is_batch else told["n"]) == (
            [0, 1, 2] if is_batch else 2
        ), where
        assert len(ended["decisions"]) == (4 if is_batch else 3), where
