"""What a key does to runs and events: retry, cancel, settle, approve, replay, halt."""

from __future__ import annotations

from typing import Any

import pytest

from automate.models import AuditLogEntry, Event, ExecutionRun, MatchDecision, OutboxJob, RunWait, StepRun
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.api.conftest import MakeApi
from tests.web.api.support import Api, Rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed(rows: Rows) -> ExecutionRun:
    return rows.run(rows.event(), rows.workflow(), status="failed", attempts=1)


def count(rows: Rows) -> int:
    with tenant_scope(rows.tenant):
        return ExecutionRun.objects.count()


def test_a_dry_run_says_what_a_retry_would_do_and_makes_none(api: Api, rows: Rows, failed: ExecutionRun) -> None:
    answer = api.post(f"/runs/{failed.pk}/retries", {"from": "start", "dry_run": True})

    assert (answer.status_code, answer.json()["id"]) == (200, None)
    plan = answer.json()["plan"]
    assert (plan["from_step"], plan["kept"], [step["id"] for step in plan["again"]]) == ("start", [], ["note"])
    assert count(rows) == 1


def test_a_retry_is_a_new_run_linked_both_ways(api: Api, rows: Rows, failed: ExecutionRun) -> None:
    answer = api.post(f"/runs/{failed.pk}/retries", {"from": "start"})

    assert answer.status_code == 201
    made = api.get(answer["Location"].removeprefix("/api/v1")).json()
    assert (made["id"], made["retry_of"], made["attempt"], made["origin"]) == (
        answer.json()["id"], str(failed.pk), 2, "retry",
    )  # fmt: skip
    assert api.get(f"/runs/{failed.pk}").json()["retries"] == [made["id"]]
    assert api.get("/failures").json()["results"] == []  # somebody has dealt with it
    with tenant_scope(rows.tenant):
        assert AuditLogEntry.objects.get(action="run.retry").actor.startswith("key:am_")


def test_a_second_retry_while_the_first_is_under_way_is_refused(api: Api, failed: ExecutionRun) -> None:
    path = f"/runs/{failed.pk}/retries"

    assert [api.post(path, {"from": "start"}).status_code for _ in range(2)] == [201, 409]


@pytest.mark.parametrize("body", [{"from": 7}, {"version": "oldest"}, {"form": "start"}, {"from": "nowhere"}, []])
def test_a_retry_that_makes_no_sense_is_refused(api: Api, rows: Rows, failed: ExecutionRun, body: Any) -> None:
    assert api.post(f"/runs/{failed.pk}/retries", body).status_code == 422
    assert count(rows) == 1


def test_only_an_ended_run_is_retried_and_only_a_live_one_cancelled(api: Api, rows: Rows, failed: ExecutionRun) -> None:
    waiting = rows.asking(rows.event(), rows.workflow("other"))

    assert api.post(f"/runs/{waiting.pk}/retries", {}).status_code == 409
    assert api.post(f"/runs/{failed.pk}/cancellations", {}).status_code == 409
    cancelled = api.post(f"/runs/{waiting.pk}/cancellations", {})
    assert cancelled.status_code == 202
    assert cancelled.json()["cancel_requested_at"] is not None


def test_a_word_on_a_doubtful_step_lets_the_run_go_on(api: Api, rows: Rows) -> None:
    run = rows.held(rows.event(), rows.workflow())

    answer = api.post(f"/runs/{run.pk}/settlements", {"step": "note", "verdict": "happened", "output": {"id": "ch_1"}})

    assert (answer.status_code, answer.json()["status"]) == (201, "queued")
    with tenant_scope(rows.tenant):
        step = StepRun.objects.get(run_id=run.pk)
        assert (step.status, step.output) == ("succeeded", {"id": "ch_1"})
        assert OutboxJob.objects.get(run_id=run.pk).status == "PENDING"
    assert api.post(f"/runs/{run.pk}/settlements", {"step": "note", "verdict": "happened"}).status_code == 409


@pytest.mark.parametrize(
    "body", [{}, {"step": "note"}, {"step": "note", "verdict": "perhaps"},
             {"step": "note", "verdict": "did_not_happen", "output": 1}],
)  # fmt: skip
def test_a_word_that_says_nothing_is_refused(api: Api, rows: Rows, body: Any) -> None:
    run = rows.held(rows.event(), rows.workflow())

    assert api.post(f"/runs/{run.pk}/settlements", body).status_code == 422


def test_an_open_question_is_listed_and_answered_once(api: Api, rows: Rows) -> None:
    run = rows.asking(rows.event(), rows.workflow())

    (question,) = api.get("/approvals").json()["results"]
    assert (question["run_id"], question["step"], question["message"], question["workflow"]["slug"]) == (
        str(run.pk), "note", "Refund 120 EUR?", "order-flow",
    )  # fmt: skip
    assert api.get(f"/runs/{run.pk}").json()["waits"][0]["kind"] == "approval"
    answered = api.post(f"/runs/{run.pk}/approvals", {"step": "note", "decision": "reject", "comment": "Too much"})

    assert answered.status_code == 201
    assert (answered.json()["decision"], answered.json()["comment"]) == ("reject", "Too much")
    with tenant_scope(rows.tenant):
        assert RunWait.objects.get().answer == {"approved": False, "comment": "Too much"}
    assert api.get("/approvals").json()["results"] == []
    assert api.post(f"/runs/{run.pk}/approvals", {"step": "note", "decision": "approve"}).status_code == 409
    assert api.post(f"/runs/{run.pk}/approvals", {"step": "other", "decision": "approve"}).status_code == 404


def test_a_key_that_is_not_asked_cannot_answer(api: Api, rows: Rows) -> None:
    run = rows.asking(rows.event(), rows.workflow(), approvers=["ada@example.com", "role:owner"])

    answer = api.post(f"/runs/{run.pk}/approvals", {"step": "note", "decision": "approve"})

    assert answer.status_code == 403
    assert answer.json()["details"]["approvers"] == ["ada@example.com", "role:owner"]
    with tenant_scope(rows.tenant):
        assert RunWait.objects.get().status == "open"


def test_a_replay_is_an_event_of_its_own_and_keeps_what_is_masked(api: Api, rows: Rows) -> None:
    event = rows.event(payload={"id": 7, "token": "t0p"})

    answer = api.post(f"/events/{event.pk}/replays", {"payload": {"id": 8, "token": "********"}})

    assert answer.status_code == 201
    made = answer.json()
    assert made["replay_of"] == str(event.pk)
    assert api.get(f"/events/{event.pk}").json()["replays"] == [made["id"]]
    with tenant_scope(rows.tenant):
        assert Event.objects.get(pk=made["id"]).payload == {"id": 8, "token": "t0p"}
        assert OutboxJob.objects.filter(kind="event", event_id=made["id"]).exists()


def test_a_replay_to_one_workflow_passes_its_rule_by(api: Api, rows: Rows) -> None:
    rows.workflow()
    event = rows.event(payload={"total": 1})

    made = api.post(f"/events/{event.pk}/replays", {"workflow": "order-flow"}).json()

    with tenant_scope(rows.tenant):
        assert MatchDecision.objects.get(event_id=made["id"]).reason == "replay"
        assert ExecutionRun.objects.get(event_id=made["id"]).origin == "replay"
    assert api.post(f"/events/{event.pk}/replays", {"workflow": "nobody"}).status_code == 404
    assert api.post(f"/events/{event.pk}/replays", {"payload": [1]}).status_code == 422


def test_a_workspace_and_a_workflow_are_halted_and_go_on(api: Api, rows: Rows) -> None:
    rows.workflow()
    for path in ("/halt", "/workflows/order-flow/halt"):
        assert api.get(path).json()["is_halted"] is False
        for _ in range(2):  # a state that is put: a repeat changes nothing
            on = api.send("PUT", path, {"is_halted": True, "reason": "an incident"}).json()
            assert (on["is_halted"], on["reason"], on["halted_by"][:4]) == (True, "an incident", "key:")
        for _ in range(2):
            assert api.send("PUT", path, {"is_halted": False}).json()["is_halted"] is False
    with tenant_scope(rows.tenant):
        changes = AuditLogEntry.objects.filter(action__regex="halt|resume").order_by("id")
        actions = list(changes.values_list("action", flat=True))
    assert actions == ["engine.halt", "engine.resume", "workflow.halt", "workflow.resume"]
    assert api.send("PUT", "/halt", {}).status_code == 422
    assert api.get("/workflows/nobody/halt").status_code == 404


ACTIONS = ("retries", "cancellations", "settlements", "approvals")


@pytest.mark.parametrize("action", ACTIONS)
def test_reading_is_not_enough_and_a_neighbour_finds_nothing(
    make_api: MakeApi, failed: ExecutionRun, tenant_b: Workspace, action: str
) -> None:
    path = f"/runs/{failed.pk}/{action}"

    assert make_api("runs:read", "events:write").post(path, {}).status_code == 403
    assert make_api("runs:write", workspace=tenant_b).post(path, {}).status_code == 404
    assert make_api("runs:write").post("/runs/nonsense/" + action, {}).status_code == 404


def test_replaying_needs_to_send_events(make_api: MakeApi, rows: Rows, tenant_b: Workspace) -> None:
    path = f"/events/{rows.event().pk}/replays"

    assert make_api("events:read", "runs:write").post(path, {}).status_code == 403
    assert make_api("events:write", workspace=tenant_b).post(path, {}).status_code == 404
