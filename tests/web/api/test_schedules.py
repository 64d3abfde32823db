"""Schedules over the API, and runs by hand."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from automate.models import AuditLogEntry, Event, ExecutionRun, OutboxJob
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.api.support import Api, Rows

pytestmark = pytest.mark.django_db


def test_a_schedule_is_shown_in_words_with_its_next_due_times(api: Api, rows: Rows) -> None:
    schedule = rows.schedule(rows.workflow())

    shown = api.get(f"/schedules/{schedule.pk}").json()

    assert shown["words"] == "At 09:00 on Monday through Friday, Europe/Berlin"
    assert shown["workflow"]["slug"] == "order-flow"
    assert (shown["state"], shown["latest_tick"]) == ("active", None)
    assert len(shown["upcoming"]) == 5
    assert shown["trigger"]["overlap"] == "skip"


def test_pausing_and_resuming(api: Api, rows: Rows, tenant_a: Workspace) -> None:
    schedule = rows.schedule(rows.workflow())
    path = f"/schedules/{schedule.pk}"

    paused = api.send("PATCH", path, {"is_paused": True}, {}).json()
    resumed = api.send("PATCH", path, {"is_paused": False}, {}).json()

    assert (paused["state"], paused["upcoming"]) == ("paused", [])
    assert (resumed["state"], len(resumed["upcoming"])) == ("active", 5)
    with tenant_scope(tenant_a.ref):
        assert OutboxJob.objects.filter(kind="tick", status="PENDING", subject_id=schedule.pk).count() == 1
        actions = AuditLogEntry.objects.filter(resource=f"schedule:{schedule.pk}").order_by("id")
        assert list(actions.values_list("action", flat=True)) == ["schedule.pause", "schedule.resume"]


@pytest.mark.parametrize(
    "body", [{}, {"is_paused": "perhaps"}, {"cron": "* * * * *"}, {"is_paused": True, "cron": "x"}]
)
def test_a_change_that_makes_no_sense_is_refused(api: Api, rows: Rows, body: dict[str, object]) -> None:
    schedule = rows.schedule(rows.workflow())

    assert api.send("PATCH", f"/schedules/{schedule.pk}", body, {}).status_code == 422


def test_run_now_is_a_tick_with_an_event(api: Api, rows: Rows, tenant_a: Workspace) -> None:
    schedule = rows.schedule(rows.workflow())

    made = api.post(f"/schedules/{schedule.pk}/ticks", {}).json()

    assert made["outcome"] == "manual"
    assert [tick["id"] for tick in api.get(f"/schedules/{schedule.pk}/ticks").json()["results"]] == [made["id"]]
    with tenant_scope(tenant_a.ref):
        assert Event.objects.get(pk=made["event_id"]).source == "schedule:order-flow"


def test_the_list_takes_the_same_number_of_queries_however_long_it_is(api: Api, rows: Rows) -> None:
    rows.schedule(rows.workflow())
    api.get("/schedules")  # the key's first use is noted
    counts = []
    for number in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert len(api.get("/schedules").json()["results"]) == 1 + 3 * number
        counts.append(len(queries))
        for other in range(3):
            rows.schedule(rows.workflow(f"other-{number}-{other}"))

    assert counts[0] == counts[1]


def test_a_run_by_hand_passes_the_rule_by_and_is_audited(api: Api, rows: Rows, tenant_a: Workspace) -> None:
    rows.workflow()

    answer = api.post("/workflows/order-flow/runs", {"payload": {"order": 7}})

    assert answer.status_code == 201
    with tenant_scope(tenant_a.ref):
        run = ExecutionRun.objects.get(pk=answer.json()["run_id"])
        assert Event.objects.get(pk=run.event_id).payload == {"order": 7}
        assert AuditLogEntry.objects.get(action="workflow.run").resource == f"run:{run.pk}"


def test_what_cannot_run_by_hand(api: Api, rows: Rows) -> None:
    rows.workflow("draft-only", published=False)

    assert api.post("/workflows/draft-only/runs", {}).status_code == 409
    assert api.post("/workflows/nothing/runs", {}).status_code == 404
    assert api.post("/workflows/draft-only/runs", {"payload": [1]}).status_code == 422
