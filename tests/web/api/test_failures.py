"""Failures over the API: groups, filters, redriving with a preview, dismissing and undoing it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from automate.ids import fingerprint
from automate.models import ExecutionRun, OutboxJob
from automate_tenants.context import tenant_scope
from tests.support.workspaces import Workspace
from tests.web.api.conftest import MakeApi
from tests.web.api.support import NOW, Api, Rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def failures(rows: Rows) -> dict[str, list[ExecutionRun]]:
    """Two runs that failed alike, one that failed otherwise; by error code, the oldest first."""
    workflow, made = rows.workflow(), dict[str, list[ExecutionRun]]()
    for code in ("closed", "closed", "broken"):
        run = rows.run(rows.event(), workflow, status="failed", attempts=0)
        error = {"code": code, "message": "No.", "details": {}, "step": "note"}
        with tenant_scope(rows.tenant):
            ExecutionRun.objects.filter(pk=run.pk).update(error=error, error_fingerprint=fingerprint(error))
        made.setdefault(code, []).append(run)
    return made


def listed(api: Api, **query: Any) -> set[str]:
    return {run["id"] for run in api.get("/failures", **query).json()["results"]}


def ids(runs: list[ExecutionRun]) -> set[str]:
    return {str(run.pk) for run in runs}


def test_groups_say_what_their_runs_have_in_common(api: Api, failures: dict[str, list[ExecutionRun]]) -> None:
    large, small = api.get("/failures/groups").json()["results"]

    assert (large["count"], large["code"], large["step"], large["workflow"]["slug"]) == (
        2, "closed", "note", "order-flow",
    )  # fmt: skip
    assert (small["count"], small["code"]) == (1, "broken")
    assert listed(api, fingerprint=large["fingerprint"]) == ids(failures["closed"])


def test_filters_narrow_the_list(api: Api, rows: Rows, failures: dict[str, list[ExecutionRun]]) -> None:
    held = rows.held(rows.event(), rows.workflow("other"))

    assert listed(api, code="broken") == ids(failures["broken"])
    assert listed(api, status="held") == {str(held.pk)} == listed(api, workflow="other")
    assert len(listed(api, step="note")) == 4 == len(listed(api))
    assert listed(api, since="2030-01-01T00:00:00Z") == set()
    assert len(listed(api, since=NOW.isoformat())) == 4
    assert api.get("/failures", status="failed,held").status_code == 422
    assert api.get("/failures", workflow="nobody").status_code == 404


def test_a_preview_starts_nothing_and_a_redrive_leaves_the_others(
    api: Api, rows: Rows, failures: dict[str, list[ExecutionRun]]
) -> None:
    told = api.post("/failures/redrives", {"code": "closed", "dry_run": True})
    done = api.post("/failures/redrives", {"code": "closed", "rate": 0.5})

    assert told.status_code == 200
    assert {plan["run_id"] for plan in told.json()["plans"]} == ids(failures["closed"])
    assert (told.json()["started"], told.json()["remaining"]) == ([], 2)
    assert done.status_code == 201
    assert {one["run_id"] for one in done.json()["started"]} == ids(failures["closed"])
    assert done.json()["remaining"] == 0
    assert listed(api) == ids(failures["broken"])
    with tenant_scope(rows.tenant):
        due = list(OutboxJob.objects.filter(kind="run").order_by("available_at").values_list("available_at", flat=True))
        assert (due[1] - due[0]).total_seconds() == 2
        assert set(ExecutionRun.objects.exclude(retry_of=None).values_list("origin", flat=True)) == {"redrive"}


def test_dismissed_failures_leave_and_come_back(api: Api, failures: dict[str, list[ExecutionRun]]) -> None:
    chosen = sorted(ids(failures["closed"]))

    assert api.post("/failures/dismissals", {"ids": chosen}).json() == {"changed": 2}
    assert listed(api) == ids(failures["broken"])
    assert listed(api, status="dismissed") == set(chosen)
    assert api.get(f"/runs/{chosen[0]}").json()["dismissed_at"] is not None
    assert api.post("/failures/dismissals", {"all": True, "undo": True}).json() == {"changed": 2}
    assert len(listed(api)) == 3


@pytest.mark.parametrize("path", ["/failures/redrives", "/failures/dismissals"])
def test_nothing_named_is_not_everything(api: Api, failures: dict[str, list[ExecutionRun]], path: str) -> None:
    refused = [{}, {"all": False}, {"ids": []}, {"ids": ["seven"]}, {"cod": "closed"}]

    assert [api.post(path, body).status_code for body in refused] == [422] * len(refused)
    assert len(listed(api)) == 3


def test_events_that_could_not_be_matched_are_matched_again(api: Api, rows: Rows) -> None:
    event = rows.event()
    with tenant_scope(rows.tenant):
        OutboxJob.objects.create(kind="event", event_id=event.pk, status="DEAD", attempts=5, available_at=NOW)

    (dead,) = api.get("/failures/events").json()["results"]
    done = api.post("/failures/redrives", {"events": [str(event.pk)]}).json()

    assert (dead["event"]["id"], dead["attempts"]) == (str(event.pk), 5)
    assert (done["events"], done["started"]) == (1, [])
    assert api.get("/failures/events").json()["results"] == []


def test_a_neighbour_sees_and_changes_none_of_them(
    api: Api, make_api: MakeApi, failures: dict[str, list[ExecutionRun]], tenant_b: Workspace
) -> None:
    neighbour = make_api("runs:read", "runs:write", workspace=tenant_b)
    named = sorted(ids(failures["closed"]))

    assert listed(neighbour) == set()
    assert neighbour.get("/failures/groups").json()["results"] == []
    assert neighbour.post("/failures/redrives", {"ids": named}).json()["started"] == []
    assert neighbour.post("/failures/dismissals", {"ids": named}).json() == {"changed": 0}
    assert len(listed(api)) == 3
    assert make_api("runs:read").post("/failures/redrives", {"all": True}).status_code == 403


def test_a_kind_of_failure_is_muted_and_given_to_a_member(
    api: Api, failures: dict[str, list[ExecutionRun]], tenant_a: Workspace, make_api: MakeApi
) -> None:
    [closed, _] = api.get("/failures/groups").json()["results"]
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    kind = {"workflow": "order-flow", "fingerprint": closed["fingerprint"]}

    made = api.post("/failures/marks", {**kind, "muted_until": until, "owner": tenant_a.owner.email})

    assert (made.status_code, made.json()["owner"]) == (201, tenant_a.owner.email)
    [shown, other] = api.get("/failures/groups").json()["results"]
    assert (shown["owner"], shown["muted_until"] is not None) == (tenant_a.owner.email, True)
    assert (other["owner"], other["muted_until"]) == ("", None)
    assert listed(api, status="muted") == ids(failures["closed"])
    heard = api.post("/failures/marks", {**kind, "muted_until": None})
    assert (heard.json()["muted_until"], heard.json()["owner"]) == (None, tenant_a.owner.email)
    assert listed(api, status="muted") == set()
    past = {**kind, "muted_until": NOW.isoformat()}
    assert api.post("/failures/marks", past).status_code == 422
    assert api.post("/failures/marks", {**kind, "owner": "nobody@example.com"}).status_code == 422
    assert api.post("/failures/marks", kind).status_code == 422
    assert api.post("/failures/marks", {**kind, "fingerprint": "none", "owner": None}).status_code == 404
    assert make_api("runs:read").post("/failures/marks", {**kind, "owner": None}).status_code == 403
