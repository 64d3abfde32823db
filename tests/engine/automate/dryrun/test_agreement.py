"""A dry run tells what a real run records: compared over generated graphs, and it leaves no row behind."""

from __future__ import annotations

import json
import random
from datetime import datetime, timezone
from typing import Any
from uuid import UUID

from django.db import connection

from automate.definitions import find_problems
from automate.dryrun import DryRun
from automate.models import ExecutionRun, StepRun, WorkflowVersion
from automate.services.testing import dry_run
from automate_connectors.models import ConnectorError
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import EVENT_TYPE, Bench, step
from tests.support import tables

PAYLOAD: dict[str, Any] = {"n": 3, "flag": True, "lines": [{"sku": "a"}, {"sku": "b"}, {"sku": "c"}], "none": []}
GRAPHS = 30
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def graph(number: int) -> dict[str, Any]:
    """A workflow of core steps, as its seed has it."""
    rng = random.Random(number)  # reproducible on purpose
    steps: list[dict[str, Any]] = []
    for index in range(rng.randint(2, 8)):
        before = [one["id"] for one in steps]
        steps.append(_step(rng, f"s{index}", before))
    definition: dict[str, Any] = {
        "slug": f"graph-{number}",
        "name": f"Graph {number}",
        "trigger": {"type": "event", "event_type": EVENT_TYPE},
        "rule": rng.choice([None, {">": [{"var": "payload.n"}, rng.choice([1, 5])]}]),
        "steps": steps,
    }
    if rng.random() < 0.4:
        definition["finally"] = [_act(rng, "end"), _act(rng, "end2")]
    return definition


def _step(rng: random.Random, step_id: str, before: list[str]) -> dict[str, Any]:
    made = _act(rng, step_id, reads=before)
    if before and rng.random() < 0.6:
        made["needs"] = sorted(rng.sample(before, rng.randint(0, min(2, len(before)))))
        made["params"] = {name: value for name, value in made["params"].items() if name != "seen"}
    if rng.random() < 0.3:
        made["when"] = rng.choice(
            [
                {"==": [{"var": "payload.n"}, rng.choice([3, 4])]},
                {"and": [{"var": "payload.flag"}, {"!": [{"var": "payload.none"}]}]},
                {">": [{"cat": ["a"]}, 5]},
            ]
        )
    if rng.random() < 0.25:
        made["foreach"] = {
            "items": rng.choice(["{{ payload.lines }}", "{{ payload.none }}", [1, 2], "{{ payload.n }}"]),
            "concurrency": rng.choice([1, 3]),
            "on_item_error": rng.choice(["fail", "continue"]),
        }
        if made["action"] == "transform":
            made["params"] = {"value": "{{ item }} at {{ index }}"}
    if rng.random() < 0.3:
        made["on_error"] = rng.choice(
            ["continue", {"steps": [_act(rng, f"{step_id}h", in_chain=True)], "then": rng.choice(["fail", "continue"])}]
        )
    if rng.random() < 0.2:
        made["compensate"] = {"connector": "core", "action": "log", "params": {"message": "undo {{ payload.n }}"}}
    return made


def _act(rng: random.Random, step_id: str, reads: list[str] | None = None, *, in_chain: bool = False) -> dict[str, Any]:
    kind = rng.choice(["transform", "transform", "log", "fail", "broken"])
    params: dict[str, Any] = {"value": {"n": "{{ payload.n * 2 }}"}}
    if kind == "log":
        params = {"message": "n is {{ payload.n }}"}
    elif kind == "fail":
        params = {"message": "No: {{ payload.n }}", "code": "refused"}
    elif kind == "broken":
        params = {"value": "{{ payload.absent.deeper }}"}
    made = step(step_id, {"broken": "transform"}.get(kind, kind), connector="core", params=params)
    if reads and kind == "transform":
        made["params"] = {"seen": f"{{{{ steps.{reads[-1]}.status }}}}"}
    if in_chain and kind == "transform":
        made["params"] = {"value": "{{ error.code }}"}
    return made


def recorded_of(run: ExecutionRun) -> dict[str, Any]:
    """What the run's rows say, by step and item; the latest attempt."""
    rows = {(row.step_id, row.item): row for row in StepRun.objects.filter(run_id=run.id).order_by("attempt")}
    steps = {key: (row.status, row.attempt, row.input, row.output, _told(row.error)) for key, row in rows.items()}
    return {"status": run.status, "error": _told(run.error), "steps": steps}


def told_by(tried: DryRun) -> dict[str, Any]:
    steps = {
        (one.step, one.item): (one.status, one.attempts, one.input, one.output, _told(one.error))
        for one in tried.steps
        if one.status != "not_run"
    }
    return {"status": tried.status, "error": _told(tried.error), "steps": steps}


def _told(error: dict[str, Any] | None) -> Any:
    return json.dumps(error, sort_keys=True) if error else None


def every_count() -> dict[str, int]:
    """Rows of every table of the workspace and of the public schema."""
    counts = {}
    with connection.cursor() as cursor:
        for name in tables.quoted(cursor):
            cursor.execute(f"SELECT count(*) FROM {name}")
            counts[name] = cursor.fetchone()[0]
    return counts


def test_the_path_of_a_dry_run_is_what_the_real_run_records(bench: Bench) -> None:
    graphs = [made for made in map(graph, range(GRAPHS)) if not any(p.is_error for p in find_problems(made))]
    assert len(graphs) > GRAPHS / 2
    versions: list[UUID] = []
    for made in graphs:
        more = {name: made[name] for name in ("finally",) if name in made}
        versions.append(bench.publish(*made["steps"], rule=made["rule"], slug=made["slug"], **more))
    event_id = bench.emit(PAYLOAD)
    bench.work(batch_size=100)

    with tenant_scope(bench.ref):
        before = every_count()
        seen: set[str] = set()
        for version in WorkflowVersion.objects.select_related("workflow").filter(pk__in=versions):
            definition = version.definition
            run = ExecutionRun.objects.filter(version=version).first()
            tried = dry_run(definition=definition, version=version, event_id=event_id, now=NOW)

            assert tried.decision.matches == (run is not None), version.workflow.slug
            if run is not None:
                assert told_by(tried) == recorded_of(run), version.workflow.slug
                seen |= {one.status for one in tried.steps} | {one.kind for one in tried.steps} | {str(tried.status)}
        assert every_count() == before
    wanted = {"succeeded", "failed", "skipped", "not_run", "step", "handler", "compensation", "finally"}
    assert wanted <= seen, wanted - seen


def test_recorded_outputs_and_errors_stand_in_for_calls(bench: Bench, scripted: Any) -> None:
    def answers(params: Any, context: Any) -> Any:
        if context["step_id"] == "charge":
            raise ConnectorError("Declined.", code="declined")
        return {"id": "r-1", "token": "t0p-s3cret-v4lue", "of": params.get("n")}

    scripted.script = staticmethod(answers)
    steps = [
        step("reserve", "write", params={"n": "{{ payload.n }}"}),
        step("charge", "write", on_error="continue"),
        step("tell", params={"text": "{{ steps.reserve.output.id }} {{ steps.charge.error.code }}"}),
    ]
    version_id = bench.publish(*steps)
    event_id = bench.emit(PAYLOAD)
    bench.work()
    calls = list(scripted.calls)

    with tenant_scope(bench.ref):
        before = every_count()
        version = WorkflowVersion.objects.select_related("workflow").get(pk=version_id)
        definition = version.definition
        run = ExecutionRun.objects.get()
        same = dry_run(definition=definition, version=version, event_id=event_id, now=NOW)
        changed = {
            **definition,
            "steps": [
                step("reserve", "write", params={"n": "{{ payload.n + 1 }}"}),
                step("charge", "write", params={"amount": 1}, on_error="continue"),
                step("new", "write"),
                step("tell", params={"text": "{{ steps.reserve.output.id }}", "new": "{{ steps.new.output.x }}"}),
            ],
        }
        other = dry_run(definition=changed, workflow_id=version.workflow_id, event_id=event_id, now=NOW)
        assert every_count() == before

    assert scripted.calls == calls
    assert (same.status, same.path, same.is_certain, same.recorded_run_id) == (
        "succeeded", {"reserve": "succeeded", "charge": "failed", "tell": "succeeded"}, True, run.id,
    )  # fmt: skip
    assert same.step("tell").input == {"text": "r-1 declined"}
    assert same.step("reserve").output == {"id": "r-1", "token": "********", "of": 3}
    assert [same.step(name).same_request for name in ("reserve", "charge")] == [True, True]
    assert (other.step("reserve").output_from, other.step("reserve").same_request) == ("recorded", False)
    assert (other.step("charge").status, other.step("charge").output_from) == ("succeeded", "unknown")
    assert (other.step("new").output_from, other.step("tell").needs) == ("unknown", "steps.new.output.x")
