"""Backtests in the background for a program: asked for, watched, cancelled, by whoever may see the past."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from automate.dryrun import stored
from automate.models import StoredBacktest
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.api.conftest import MakeApi
from tests.web.api.support import DEFINITION, Api, Rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(api: Api, rows: Rows) -> dict[str, Any]:
    """A backtest of a workflow over one event that would start it, and did not."""
    rows.workflow()
    rows.event(at=timezone.now(), payload={"total": 500})
    answer = api.post("/backtests", {"workflow": "order-flow", "version": 1})
    assert answer.status_code == 202, answer.content
    assert answer["Location"] == f"/api/v1/backtests/{answer.json()['id']}"
    job: dict[str, Any] = answer.json()
    return job


def test_it_is_done_by_the_worker_and_read_by_its_id(api: Api, asked: dict[str, Any], tenant_a: Workspace) -> None:
    assert (asked["status"], asked["version_num"], asked["events_total"], asked["result"]) == ("running", 1, 1, None)
    with tenant_scope(tenant_a.ref):
        job = StoredBacktest.objects.get()
        assert stored.tick(job.tick_job_id or 0, now=timezone.now())

    done = api.get(f"/backtests/{asked['id']}").json()

    assert (done["status"], done["events_done"], done["error"]) == ("succeeded", 1, None)
    assert (done["result"]["gained"], done["result"]["is_complete"]) == (1, True)
    listed = api.get("/backtests", workflow="order-flow").json()["results"]
    assert [(one["id"], "result" in one) for one in listed] == [(asked["id"], False)]


def test_a_cancelled_one_says_so(api: Api, asked: dict[str, Any]) -> None:
    path = f"/backtests/{asked['id']}"

    assert api.post(f"{path}/cancellations", {}).json()["status"] == "cancelled"
    assert api.get(path).json()["ended_at"] is not None
    assert api.post(f"{path}/cancellations", {}).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid"),
        ({"workflow": "no-such-flow"}, 404, "resource_not_found"),
        ({"workflow": "order-flow", "max_events": 100_001}, 422, "invalid"),
        ({"workflow": "order-flow", "version": 9}, 404, "resource_not_found"),
        ({"workflow": "order-flow", "definition": {**DEFINITION, "steps": []}}, 422, "invalid_definition"),
        ({"workflow": "order-flow", "until": "2020-01-01T00:00:00Z", "since": "2021-01-01T00:00:00Z"}, 422, "invalid"),
    ],
)
def test_what_cannot_be_tried_is_refused(api: Api, rows: Rows, body: Any, status: int, code: str) -> None:
    rows.workflow()

    answer = api.post("/backtests", body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_who_may_not_see_the_past_sees_no_backtest_of_it(make_api: MakeApi, asked: dict[str, Any]) -> None:
    half = make_api("workflows:write", "runs:read")
    path = f"/backtests/{asked['id']}"

    refused = [half.get(path), half.get("/backtests"), half.post("/backtests", {"workflow": "order-flow"})]
    refused += [half.post(f"{path}/cancellations", {})]

    assert {(answer.status_code, answer.json()["details"]["needed"]) for answer in refused} == {(403, "events:read")}
