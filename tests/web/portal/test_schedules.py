"""Schedules in the portal: what is due, why a due time did not fire, and a workflow run by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from automate.models import Event, ExecutionRun, Schedule, ScheduleTick, Workflow
from automate.services import create_workflow, publish_version
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def schedule(tenant_a: Workspace) -> Any:
    trigger = {"type": "schedule", "cron": "0 9 * * MON-FRI", "timezone": "Europe/Berlin", "catch_up": "all"}
    step = {"id": "say", "connector": "core", "action": "log", "params": {"message": "hi"}}
    definition = {"slug": "report", "name": "Daily report", "trigger": trigger, "steps": [step]}
    with tenant_scope(tenant_a.ref):
        workflow = create_workflow(definition=definition, actor="user:1", now=NOW)
        publish_version(workflow_id=workflow.pk, expected_revision=1, actor="user:1", now=NOW)
        return Schedule.objects.get(workflow=workflow)


def test_the_list_says_when_and_by_which_rules(schedule: Any, tenant_a: Workspace, enter: Enter) -> None:
    page = enter(tenant_a, "viewer").get("/schedules/").content.decode()

    assert "At 09:00 on Monday through Friday, Europe/Berlin" in page
    assert "0 9 * * MON-FRI" in page
    assert "run all" in page
    assert "allow" in page


def test_a_workspace_without_schedules_says_what_they_are(tenant_a: Workspace, enter: Enter) -> None:
    assert "No schedules yet" in enter(tenant_a).get("/schedules/").content.decode()


def test_the_history_says_why(schedule: Any, tenant_a: Workspace, enter: Enter) -> None:
    with tenant_scope(tenant_a.ref):
        ScheduleTick.objects.create(
            schedule_id=schedule.pk, due_at=NOW, until_at=NOW, count=140, outcome="skipped", reason="More than 100",
            decided_at=NOW,
        )  # fmt: skip

    page = enter(tenant_a, "viewer").get(f"/schedules/{schedule.pk}/").content.decode()

    assert "Skipped" in page
    assert "More than 100" in page
    assert "140 in all" in page
    assert "Run now" not in page


def test_an_operator_runs_it_pauses_it_and_lets_it_go_on(schedule: Any, tenant_a: Workspace, enter: Enter) -> None:
    browser = enter(tenant_a, "operator")
    here = f"/schedules/{schedule.pk}/"

    ran = browser.post(here + "ticks/", follow=True).content.decode()
    paused = browser.post(here + "paused/", {"is_paused": "yes"}, follow=True).content.decode()
    going = browser.post(here + "paused/", {"is_paused": "no"}, follow=True).content.decode()

    assert "By hand" in ran
    assert "Paused" in paused and "Resume" in paused
    assert "Active" in going
    with tenant_scope(tenant_a.ref):
        assert Event.objects.filter(source="schedule:report").count() == 1


def test_a_person_starts_a_workflow_with_a_payload(schedule: Any, tenant_a: Workspace, enter: Enter) -> None:
    with tenant_scope(tenant_a.ref):
        workflow = Workflow.objects.get(slug="report")
    here = f"/workflows/{workflow.pk}/runs/"
    browser = enter(tenant_a, "operator")
    assert f'href="{here}"' in browser.get(f"/workflows/{workflow.pk}/").content.decode()
    assert browser.get(here).status_code == 200

    started = browser.post(here, {"payload": '{"order": 7}'})

    run_id = UUID(started["Location"].rstrip("/").rpartition("/")[2])
    with tenant_scope(tenant_a.ref):
        run = ExecutionRun.objects.get(pk=run_id)
        assert Event.objects.get(pk=run.event_id).payload == {"order": 7}


@pytest.mark.parametrize(("typed", "told"), [('{"a": ', "Not JSON"), ("[1]", "JSON object"), ('{"a": NaN}', "JSON")])
def test_a_payload_that_is_none_stays_in_the_form_with_the_reason(
    schedule: Any, tenant_a: Workspace, enter: Enter, typed: str, told: str
) -> None:
    with tenant_scope(tenant_a.ref):
        workflow = Workflow.objects.get(slug="report")

    answer = enter(tenant_a).post(f"/workflows/{workflow.pk}/runs/", {"payload": typed})

    assert answer.status_code == 422
    assert told in answer.content.decode()
    with tenant_scope(tenant_a.ref):
        assert not ExecutionRun.objects.filter(workflow_id=workflow.pk).exists()
