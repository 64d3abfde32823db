"""Bulk operations on runs: counted first, done by the worker run by run, watched, stopped, each with its result."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from automate.bulk_runs import repair, tick
from automate.models import AuditLogEntry, Event, ExecutionRun, OutboxJob, RunBulk, RunBulkResult
from automate.retention import Retention, purge
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.api.support import Api, Rows

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)


@pytest.fixture
def failed(rows: Rows) -> list[str]:
    """Three failed runs, the oldest first, and one that succeeded."""
    workflow = rows.workflow()
    start = NOW - timedelta(hours=1)
    made = [rows.run(rows.event(at=start + timedelta(seconds=n)), workflow, status="failed") for n in range(3)]
    rows.run(rows.event(at=start), workflow)
    return [str(run.pk) for run in sorted(made, key=lambda run: run.pk)]


@pytest.fixture
def inside(tenant_a: Workspace) -> Iterator[None]:
    with tenant_scope(tenant_a.ref):
        yield


def start(api: Api, **body: Any) -> Any:
    answer = api.post("/runs/bulk", body)
    assert answer.status_code == 202, answer.content
    return answer.json()


def work(bulk: Any, slices: int = 1) -> None:
    for _ in range(slices):
        job = RunBulk.objects.get(pk=bulk["id"]).tick_job_id
        assert job is not None
        assert tick(job, now=NOW)


def test_a_dry_run_counts_and_starts_nothing(api: Api, failed: list[str], tenant_a: Workspace) -> None:
    answer = api.post("/runs/bulk", {"action": "retry", "filter": {"since": "24h"}, "rate": 2, "dry_run": True})

    told = answer.json()
    assert (answer.status_code, told["id"], told["status"]) == (200, None, "dry_run")
    assert told["preview"] == {
        "runs": 4, "eligible": 4, "by_status": {"failed": 3, "succeeded": 1}, "seconds": 2.0,
    }  # fmt: skip
    cancelling = api.post("/runs/bulk", {"action": "cancel", "filter": {}, "dry_run": True}).json()
    assert cancelling["preview"]["eligible"] == 0
    with tenant_scope(tenant_a.ref):
        assert not RunBulk.objects.exists()


def test_every_run_of_the_filter_is_retried_with_its_result(api: Api, failed: list[str], inside: None) -> None:
    bulk = start(api, action="retry", filter={"status": "failed", "workflow": "order-flow"})
    assert (bulk["status"], bulk["total"], bulk["done"]) == ("running", 3, 0)

    work(bulk)

    done = api.get(f"/runs/bulk/{bulk['id']}").json()
    assert (done["status"], done["done"], done["skipped"]) == ("succeeded", 3, 0)
    results = api.get(f"/runs/bulk/{bulk['id']}/results", ordering="id").json()["results"]
    assert [each["run_id"] for each in results] == failed
    assert {str(run.pk) for run in ExecutionRun.objects.filter(origin="redrive")} == {r["made_id"] for r in results}
    assert AuditLogEntry.objects.get(action="bulk.start").details == {"action": "retry", "runs": 3, "rate": None}


def test_what_cannot_be_done_is_skipped_and_says_why(api: Api, failed: list[str], rows: Rows, inside: None) -> None:
    waiting = rows.asking(rows.event(at=NOW), rows.workflow("other"))
    bulk = start(api, action="cancel", ids=[*failed, str(waiting.pk)])

    work(bulk)

    done = api.get(f"/runs/bulk/{bulk['id']}").json()
    assert (done["status"], done["done"], done["skipped"]) == ("succeeded", 1, 3)
    skipped = api.get(f"/runs/bulk/{bulk['id']}/results", status="skipped").json()["results"]
    assert {each["code"] for each in skipped} == {"conflict"}
    assert {each["run_id"] for each in skipped} == set(failed)


def test_a_replay_sends_each_event_to_its_workflow_again(api: Api, failed: list[str], inside: None) -> None:
    bulk = start(api, action="replay", ids=failed[:1])

    work(bulk)

    [result] = RunBulkResult.objects.filter(bulk_id=bulk["id"])
    assert Event.objects.get(pk=result.made_id).replay_of == ExecutionRun.objects.get(pk=failed[0]).event_id


def test_a_rate_is_kept_by_due_times_and_stopping_leaves_the_rest(api: Api, failed: list[str], inside: None) -> None:
    bulk = start(api, action="retry", ids=failed, rate=0.5)
    work(bulk)

    stored = RunBulk.objects.get(pk=bulk["id"])
    due = OutboxJob.objects.get(pk=stored.tick_job_id).available_at
    assert (stored.done, due > NOW + timedelta(seconds=1)) == (1, True)
    old_tick = stored.tick_job_id
    stopped = api.post(f"/runs/bulk/{bulk['id']}/cancellations").json()
    assert tick(old_tick, now=NOW)

    again = api.get(f"/runs/bulk/{bulk['id']}").json()
    assert (stopped["status"], again["status"], again["done"]) == ("cancelled", "cancelled", 1)
    assert api.post(f"/runs/bulk/{bulk['id']}/cancellations").json()["status"] == "cancelled"


def test_a_tick_that_is_not_the_latest_does_nothing(api: Api, failed: list[str], inside: None) -> None:
    bulk = start(api, action="retry", ids=failed, rate=1)
    first = RunBulk.objects.get(pk=bulk["id"]).tick_job_id
    work(bulk)

    assert tick(first, now=NOW) is False
    assert RunBulkResult.objects.count() == 1


def test_runs_that_came_later_are_left_alone(api: Api, failed: list[str], rows: Rows, inside: None) -> None:
    bulk = start(api, action="retry", filter={"status": "failed"})
    rows.run(rows.event(at=NOW + timedelta(hours=1)), rows.workflow("later"), status="failed")

    work(bulk)

    assert RunBulkResult.objects.count() == 3


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"action": "retry"}, None),
        ({"action": "retry", "ids": [], "filter": {}}, None),
        ({"action": "explode", "filter": {}}, None),
        ({"action": "retry", "filter": {"status": "broken"}}, "filter.status"),
        ({"action": "retry", "filter": {"since": "soon"}}, "filter.since"),
        ({"action": "retry", "filter": {"trace_id": "x"}}, "filter.trace_id"),
        ({"action": "retry", "filter": {"workflow": "none-such"}}, None),
        ({"action": "retry", "filter": {}, "rate": 0}, "rate"),
    ],
)
def test_what_names_no_run_is_refused(api: Api, failed: list[str], body: Any, param: str | None) -> None:
    refused = api.post("/runs/bulk", body)

    assert refused.status_code == 422
    assert refused.json()["details"].get("param") == param


def test_two_run_at_a_time_and_what_crashed_is_said(api: Api, failed: list[str], inside: None) -> None:
    first, _ = (start(api, action="retry", ids=failed, rate=1) for _ in range(2))

    assert api.post("/runs/bulk", {"action": "retry", "ids": failed}).status_code == 409
    OutboxJob.objects.filter(pk=RunBulk.objects.get(pk=first["id"]).tick_job_id).update(status="DEAD")
    assert repair(now=NOW) == 1
    told = api.get(f"/runs/bulk/{first['id']}").json()
    assert (told["status"], told["error"]["code"]) == ("failed", "bulk_crashed")


def test_operations_go_with_their_results_when_their_time_is_over(api: Api, failed: list[str], inside: None) -> None:
    bulk = start(api, action="retry", ids=failed)
    work(bulk)

    purge(now=NOW + timedelta(days=400), retention=Retention(days=30))

    assert (RunBulk.objects.count(), RunBulkResult.objects.count()) == (0, 0)
