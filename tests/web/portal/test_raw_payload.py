"""Raw payloads: behind their permission, the password and an audit entry; nowhere else."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from automate import host
from automate.execution.sealing import seal_output
from automate.ids import new_id
from automate.models import AuditLogEntry, Event, ExecutionRun, StepRun, Workflow
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter

pytestmark = pytest.mark.django_db
SECRET = "s3cret-of-the-sender"


@pytest.fixture
def event(tenant_a: Workspace, db: None) -> Any:
    with tenant_scope(tenant_a.ref):
        return Event.objects.create(
            id=new_id(), type="order.created", payload={"password": SECRET, "n": 1}, source="api", trace_id=uuid4(),
            received_at=timezone.now(),
        )  # fmt: skip


def looks(workspace: Workspace) -> list[AuditLogEntry]:
    with tenant_scope(workspace.ref):
        return list(AuditLogEntry.objects.filter(action="event.view_raw"))


def test_it_is_revealed_after_the_password_and_on_record(tenant_a: Workspace, enter: Enter, event: Any) -> None:
    browser = enter(tenant_a)
    path = f"/events/{event.pk}/raw/"

    offered = browser.get(f"/events/{event.pk}/").content.decode()
    asked = browser.get(path).content.decode()
    wrong = browser.post(path, {"current_password": "guess"})
    before = looks(tenant_a)
    right = browser.post(path, {"current_password": tenant_a.password})

    assert path in offered
    assert SECRET not in offered + asked + wrong.content.decode()
    assert (wrong.status_code, before) == (422, [])
    assert SECRET in right.content.decode()
    assert right["Cache-Control"] == "no-store"
    [entry] = looks(tenant_a)
    assert (entry.actor, entry.resource, entry.ip) == (f"user:{tenant_a.owner.pk}", f"event:{event.pk}", "127.0.0.1")
    assert SECRET not in str(entry.details)


def test_looking_again_within_the_grace_asks_nothing_and_is_on_record_too(
    tenant_a: Workspace, enter: Enter, event: Any
) -> None:
    browser = enter(tenant_a)
    browser.post(f"/events/{event.pk}/raw/", {"current_password": tenant_a.password})

    again = browser.post(f"/events/{event.pk}/raw/", {})

    assert SECRET in again.content.decode()
    assert len(looks(tenant_a)) == 2


def test_a_viewer_is_not_offered_it_and_is_refused(tenant_a: Workspace, enter: Enter, event: Any) -> None:
    browser = enter(tenant_a, "viewer")

    assert "/raw/" not in browser.get(f"/events/{event.pk}/").content.decode()
    assert browser.post(f"/events/{event.pk}/raw/", {}).status_code == 403


def test_the_api_never_gives_it(tenant_a: Workspace, event: Any) -> None:
    headers = {"Authorization": f"Bearer {tenant_a.api_key}"}
    path = f"/api/v1/events/{event.pk}"

    plain = Client().get(path, headers=headers)
    asked = Client().get(path, {"expand": "raw"}, headers=headers)

    assert plain.json()["payload"] == {"password": "********", "n": 1}
    assert asked.status_code == 422
    assert SECRET not in plain.content.decode() + asked.content.decode()


def test_a_steps_raw_input_and_output_are_revealed_the_same_way(tenant_a: Workspace, enter: Enter, event: Any) -> None:
    with tenant_scope(tenant_a.ref):
        workflow = Workflow.objects.get()
        run = ExecutionRun.objects.create(
            id=uuid4(), workflow_id=workflow.pk, version=workflow.active_version, event_id=event.pk,
            trace_id=uuid4(), status="succeeded", created_at=timezone.now(),
        )  # fmt: skip
        attempt = StepRun(
            id=uuid4(), run_id=run.pk, step_id="gone", position=0, connector="core", action="log", status="succeeded",
            output={"password": "********"}, started_at=timezone.now(),
        )  # fmt: skip
        attempt.sealed = seal_output(host.current().data_key(), attempt.pk, json.dumps({"password": SECRET}))
        attempt.save()
    path = f"/runs/{run.pk}/attempts/{attempt.pk}/raw/"
    owner, viewer = enter(tenant_a), enter(tenant_a, "viewer")

    offered = owner.get(f"/runs/{run.pk}/?step=gone&tab=output").content.decode()
    asked, wrong = owner.get(path).content.decode(), owner.post(path, {"current_password": "guess"})
    right = owner.post(path, {"current_password": tenant_a.password})

    assert SECRET not in offered + asked + wrong.content.decode()
    assert wrong.status_code == 422
    assert SECRET in right.content.decode()
    assert right["Cache-Control"] == "no-store"
    assert (viewer.get(path).status_code, viewer.post(path).status_code) == (403, 403)
    with tenant_scope(tenant_a.ref):
        assert AuditLogEntry.objects.filter(action="step.view_raw", resource=f"run:{run.pk}").count() == 1
