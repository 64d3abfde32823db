"""Runs: each step of the version with every attempt."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from automate.models import ExecutionRun, QueuePlace, StepRun
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.api.support import Api, Rows

pytestmark = pytest.mark.django_db


def test_a_run_shows_its_steps_with_every_attempt(api: Api, rows: Rows) -> None:
    workflow, event = rows.workflow(), rows.event()
    run = rows.run(event, workflow, attempts=3)

    shown = api.get(f"/runs/{run.pk}").json()

    (step,) = shown["steps"]
    assert (step["id"], step["connector"], step["action"], step["status"]) == ("note", "core", "log", "succeeded")
    assert [(attempt["attempt"], attempt["status"]) for attempt in step["attempts"]] == [
        (1, "failed"), (2, "failed"), (3, "succeeded"),
    ]  # fmt: skip
    assert shown["workflow"] == {"id": str(workflow.pk), "slug": "order-flow", "name": "Order flow"}
    assert shown["version"]["version_num"] == 1
    assert (shown["event_id"], shown["event"]) == (str(event.pk), None)
    assert shown["outputs"] == {"note": {"message": "hello"}}


def test_a_step_that_has_not_begun_has_no_status(api: Api, rows: Rows) -> None:
    run = rows.run(rows.event(), rows.workflow(), status="queued", attempts=0)

    (step,) = api.get(f"/runs/{run.pk}").json()["steps"]

    assert (step["status"], step["attempts"]) == (None, [])


def test_what_a_run_queues_for_is_told(api: Api, rows: Rows, tenant_a: Workspace) -> None:
    run = rows.run(rows.event(), rows.workflow(), status="queued", attempts=0)
    with tenant_scope(tenant_a.ref):
        QueuePlace.objects.create(
            run_id=run.pk, kind="quota", key=f"{run.pk}:", workflow_id=run.workflow_id, place=1, asked_at=run.created_at
        )

    queue = api.get(f"/runs/{run.pk}").json()["queue"]

    assert (queue["kind"], queue["key"], queue["ahead"], queue["limit"]) == ("quota", "", 0, None)
    assert queue["sentence"].startswith("Policy lets no more runs begin in this day or month")


def test_the_event_comes_when_asked_for(api: Api, rows: Rows) -> None:
    event = rows.event()
    run = rows.run(event, rows.workflow())

    shown = api.get(f"/runs/{run.pk}", expand="event").json()

    assert shown["event"]["id"] == str(event.pk)
    assert shown["event"]["type"] == "order.created"


def test_steps_may_be_asked_for_and_are_there_anyway(api: Api, rows: Rows) -> None:
    run = rows.run(rows.event(), rows.workflow())

    asked, plain = (api.get(f"/runs/{run.pk}", expand=value) for value in ("steps,event", ""))

    assert (asked.status_code, plain.status_code) == (200, 200)
    assert asked.json()["steps"] == plain.json()["steps"] != []
    assert asked.json()["event"] is not None and plain.json()["event"] is None


def test_a_failed_run_says_why(api: Api, rows: Rows) -> None:
    run = rows.run(rows.event(), rows.workflow(), status="failed")
    error = {"code": "connector_error", "message": "502 from the shop", "details": {}, "step": "note"}
    with tenant_scope(rows.tenant):
        ExecutionRun.objects.filter(pk=run.pk).update(error=error)

    assert api.get(f"/runs/{run.pk}").json()["error"] == error
    (listed,) = api.get("/runs", status="failed").json()["results"]
    assert listed["error"]["code"] == "connector_error"


def test_a_run_with_many_attempts_costs_as_many_statements_as_one_with_one(api: Api, rows: Rows) -> None:
    workflow = rows.workflow()
    one, many = rows.run(rows.event(), workflow), rows.run(rows.event(), workflow, attempts=20)
    api.get("/runs")

    with CaptureQueriesContext(connection) as few:
        api.get(f"/runs/{one.pk}")
    with CaptureQueriesContext(connection) as same:
        assert len(api.get(f"/runs/{many.pk}").json()["steps"][0]["attempts"]) == 20

    assert len(same) == len(few) <= 6


def test_attempts_of_other_runs_are_not_shown(api: Api, rows: Rows) -> None:
    workflow = rows.workflow()
    run = rows.run(rows.event(), workflow)
    rows.run(rows.event(), workflow)

    (step,) = api.get(f"/runs/{run.pk}").json()["steps"]

    with tenant_scope(rows.tenant):
        assert StepRun.objects.count() == 2
    assert len(step["attempts"]) == 1
