"""A person's hand on runs and events: retry with a preview, cancel, settle, answer, replay."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from automate.ids import derived_id
from automate.models import Event, ExecutionRun, OutboxJob, RunWait, StepRun
from automate_tenants.context import tenant_scope
from automate_tenants.models import Membership
from automate_tenants.permissions import role_allows
from tests.support.workspaces import Workspace
from tests.web.portal.conftest import Enter, make_runs

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed(tenant_a: Workspace) -> ExecutionRun:
    make_runs(tenant_a, 1)
    with tenant_scope(tenant_a.ref):
        error = {"code": "boom", "message": "It broke.", "details": {}, "step": "shape"}
        ExecutionRun.objects.update(error=error, error_fingerprint="f" * 32)
        return ExecutionRun.objects.get()


def change(workspace: Workspace, run: ExecutionRun, **fields: Any) -> None:
    with tenant_scope(workspace.ref):
        ExecutionRun.objects.filter(pk=run.pk).update(ended_at=None, **fields)
        OutboxJob.objects.create(kind="run", run_id=run.pk, status="COMPLETED", available_at=timezone.now())


def ask(workspace: Workspace, run: ExecutionRun, *approvers: str) -> None:
    change(workspace, run, status="waiting", error=None)
    with tenant_scope(workspace.ref):
        StepRun.objects.filter(run_id=run.pk, attempt=2).update(status="waiting", error=None)
        RunWait.objects.create(
            id=derived_id(run.pk, "wait"), run_id=run.pk, step_id="shape", kind="approval", created_at=timezone.now(),
            details={"message": "Refund 120 EUR?", "approvers": list(approvers)},
        )  # fmt: skip


def test_a_retry_says_what_happens_and_then_does_it(tenant_a: Workspace, enter: Enter, failed: ExecutionRun) -> None:
    browser, here = enter(tenant_a, "operator"), f"/runs/{failed.pk}/"
    assert "Retry from “shape”" in browser.get(here).content.decode()

    told = browser.get(here + "retries/").content.decode()
    done = browser.post(here + "retries/", {"from": "failed", "version": "same"})

    assert "What happens" in told and "Retry from “shape”" in told
    made = UUID(done["Location"].rstrip("/").rpartition("/")[2])
    with tenant_scope(tenant_a.ref):
        assert ExecutionRun.objects.get(pk=made).retry_of == failed.pk
    assert str(made) in browser.get(here).content.decode()  # linked both ways
    assert f"/runs/{failed.pk}/" in browser.get(f"/runs/{made}/").content.decode()


def test_what_succeeded_and_runs_again_is_said_to_repeat(
    tenant_a: Workspace, enter: Enter, failed: ExecutionRun
) -> None:
    with tenant_scope(tenant_a.ref):
        StepRun.objects.filter(run_id=failed.pk, attempt=2).update(step_id="echo", status="succeeded")

    page = enter(tenant_a).get(f"/runs/{failed.pk}/retries/", {"from": "start"}).content.decode()

    assert "The effect repeats" in page
    assert "Retry from the start" in page


def test_a_retry_that_cannot_be_says_why(tenant_a: Workspace, enter: Enter, failed: ExecutionRun) -> None:
    browser, here = enter(tenant_a), f"/runs/{failed.pk}/retries/"

    assert "no step “nowhere”" in browser.get(here, {"from": "nowhere"}).content.decode()
    first, second = (browser.post(here, {"from": "start"}) for _ in range(2))
    assert (first.status_code, second.status_code) == (302, 409)
    assert "under way" in second.content.decode()


def test_a_run_is_asked_to_stop_after_a_warning(tenant_a: Workspace, enter: Enter, failed: ExecutionRun) -> None:
    change(tenant_a, failed, status="waiting", error=None)
    browser, here = enter(tenant_a, "operator"), f"/runs/{failed.pk}/"

    assert "never comes back" in browser.get(here + "cancellations/").content.decode()
    page = browser.post(here + "cancellations/", follow=True).content.decode()

    assert "Asked to stop" in page
    with tenant_scope(tenant_a.ref):
        assert ExecutionRun.objects.get().cancel_requested_at is not None


@pytest.mark.parametrize(
    ("verdict", "output", "status"), [("happened", '{"id": 1}', "succeeded"), ("did_not_happen", "", "failed")]
)
def test_a_person_settles_what_is_in_doubt(
    tenant_a: Workspace, enter: Enter, failed: ExecutionRun, verdict: str, output: str, status: str
) -> None:
    change(tenant_a, failed, status="held")
    with tenant_scope(tenant_a.ref):
        StepRun.objects.filter(run_id=failed.pk, attempt=2).update(status="unknown")
    browser, here = enter(tenant_a, "operator"), f"/runs/{failed.pk}/"
    assert "Settle “shape”" in browser.get(here).content.decode()
    assert "cannot be taken back" in browser.get(here + "settlements/").content.decode()

    form = {"step": "shape", "item": "0", "verdict": verdict, "output": output}
    wrong = browser.post(here + "settlements/", {**form, "verdict": "happened", "output": "{"})
    browser.post(here + "settlements/", form)

    assert wrong.status_code == 422 and "Not JSON" in wrong.content.decode()
    with tenant_scope(tenant_a.ref):
        assert StepRun.objects.get(run_id=failed.pk, attempt=2).status == status
        assert ExecutionRun.objects.get().status == "queued"


def test_a_question_is_counted_listed_and_answered(tenant_a: Workspace, enter: Enter, failed: ExecutionRun) -> None:
    ask(tenant_a, failed)
    browser = enter(tenant_a, "operator")

    listed = browser.get("/approvals/").content.decode()
    page = browser.post(
        f"/runs/{failed.pk}/approvals/", {"step": "shape", "item": "0", "decision": "approve", "comment": "Fine"},
        follow=True,
    ).content.decode()  # fmt: skip

    assert "Refund 120 EUR?" in listed and '<b class="count">1' in listed
    assert "Approved." in page
    with tenant_scope(tenant_a.ref):
        wait = RunWait.objects.get()
        assert (wait.status, wait.answer) == ("answered", {"approved": True, "comment": "Fine"})
        assert OutboxJob.objects.get(run_id=failed.pk).status == "PENDING"


@pytest.mark.parametrize("role", [role for role in Membership.Role.values if role_allows(role, "automate.view_run")])
def test_where_nobody_is_named_the_role_decides(
    tenant_a: Workspace, enter: Enter, failed: ExecutionRun, role: str
) -> None:
    ask(tenant_a, failed)
    browser, form = enter(tenant_a, role), {"step": "shape", "item": "0", "decision": "approve"}

    shows_buttons = 'value="approve"' in browser.get(f"/runs/{failed.pk}/").content.decode()
    answer = browser.post(f"/runs/{failed.pk}/approvals/", form)

    may = role_allows(role, "automate.answer_approval")
    assert (shows_buttons, answer.status_code) == (may, 302 if may else 403)


@pytest.mark.parametrize(("approver", "may"), [("role:viewer", True), ("role:owner", False), ("x@example.com", False)])
def test_where_somebody_is_named_only_they_answer(
    tenant_a: Workspace, enter: Enter, failed: ExecutionRun, approver: str, may: bool
) -> None:
    ask(tenant_a, failed, approver)

    page = enter(tenant_a, "viewer").post(
        f"/runs/{failed.pk}/approvals/", {"step": "shape", "item": "0", "decision": "approve"}, follow=True
    )

    assert ("Approved." if may else "Somebody else is asked") in page.content.decode()
    with tenant_scope(tenant_a.ref):
        assert RunWait.objects.get().status == ("answered" if may else "open")


def test_an_event_is_replayed_edited_and_both_are_shown(
    tenant_a: Workspace, enter: Enter, failed: ExecutionRun
) -> None:
    browser, here = enter(tenant_a, "operator"), f"/events/{failed.event_id}/"
    form = browser.get(here + "replays/").content.decode()
    assert "********" in form and "hunter2" not in form

    answer = browser.post(here + "replays/", {"payload": '{"password": "********", "total": 8}', "workflow": "sample"})

    with tenant_scope(tenant_a.ref):
        made = Event.objects.get(replay_of=failed.event_id)
        assert made.payload == {"password": "hunter2", "total": 8}
        assert ExecutionRun.objects.get(event_id=made.pk).origin == "replay"
    assert answer["Location"].endswith(f"/events/{made.pk}/")
    page = browser.get(f"/events/{made.pk}/").content.decode()
    assert "What was changed" in page and "<ins>" in page and "<del>" in page and "hunter2" not in page
    assert str(made.pk) in browser.get(here).content.decode()


def test_the_same_payload_is_sent_as_it_is_stored(tenant_a: Workspace, enter: Enter, failed: ExecutionRun) -> None:
    enter(tenant_a).post(f"/events/{failed.event_id}/replays/", {"workflow": ""})

    with tenant_scope(tenant_a.ref):
        made = Event.objects.get(replay_of=failed.event_id)
        assert made.payload == Event.objects.get(pk=failed.event_id).payload
        assert OutboxJob.objects.filter(kind="event", event_id=made.pk).exists()


@pytest.mark.parametrize("typed", ['{"a": ', "[1]", '{"new": "********"}'])
def test_a_payload_that_cannot_be_sent_stays_in_the_form(
    tenant_a: Workspace, enter: Enter, failed: ExecutionRun, typed: str
) -> None:
    answer = enter(tenant_a).post(f"/events/{failed.event_id}/replays/", {"payload": typed})

    assert answer.status_code == 422
    assert 'id="problem"' in answer.content.decode()
    with tenant_scope(tenant_a.ref):
        assert not Event.objects.filter(replay_of=failed.event_id).exists()


PAGES = ("/runs/{run}/retries/", "/runs/{run}/cancellations/", "/runs/{run}/settlements/", "/events/{event}/replays/")


@pytest.mark.parametrize("path", PAGES)
def test_a_viewer_is_told_who_may_and_a_neighbour_finds_nothing(
    tenant_a: Workspace, tenant_b: Workspace, enter: Enter, failed: ExecutionRun, path: str
) -> None:
    address = path.format(run=failed.pk, event=failed.event_id)

    refused = enter(tenant_a, "viewer").post(address, {})

    assert refused.status_code == 403 and b"Operator" in refused.content
    assert enter(tenant_b).post(address, {}).status_code == 404
    assert b"Retry from" not in enter(tenant_a, "viewer").get(f"/runs/{failed.pk}/").content
