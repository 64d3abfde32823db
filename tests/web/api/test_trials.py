"""Workflows tried by the API: what a key may try, what comes back, and that nothing is left behind."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.api.conftest import MakeApi
from tests.web.api.support import DEFINITION, Api, Rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def published(api: Api) -> str:
    assert api.post("/workflows", DEFINITION).status_code == 201
    assert api.post("/workflows/order-flow/versions", {}, {"If-Match": "*"}).status_code == 201
    return "order-flow"


def try_it(api: Api, **body: Any) -> Any:
    return api.post("/workflow-dry-runs", body)


def test_a_draft_a_version_and_a_definition_are_tried(api: Api, published: str) -> None:
    changed = {**DEFINITION, "rule": None, "steps": [{**DEFINITION["steps"][0], "id": "other"}]}
    api.send("PUT", "/workflows/order-flow", changed, {"If-Match": "*"})

    by_draft = try_it(api, workflow=published, payload={"total": 5}).json()
    by_version = try_it(api, workflow=published, version=1, payload={"total": 500}).json()
    by_rule = try_it(api, workflow=published, version=1, payload={"total": 5}).json()
    past_rule = try_it(api, workflow=published, version=1, payload={"total": 5}, past_rule=True).json()
    own = try_it(api, definition=changed, payload={}).json()

    assert (by_draft["path"], by_version["path"]) == ({"other": "succeeded"}, {"note": "succeeded"})
    assert (by_rule["status"], by_rule["decision"]["reason"]) == (None, "rule_false")
    assert by_rule["decision"]["explain"]["matched"] is False
    assert (past_rule["path"], own["path"]) == ({"note": "succeeded"}, {"other": "succeeded"})


def test_a_past_event_is_tried_with_what_was_recorded(api: Api, published: str, rows: Rows) -> None:
    event = rows.event(payload={"total": 500, "password": "hunter2hunter2"})
    leaky = {**DEFINITION["steps"][0], "params": {"message": "{{ payload.password }}"}}

    answer = try_it(api, definition={**DEFINITION, "steps": [leaky]}, event_id=str(event.pk))

    assert answer.status_code == 200
    assert answer.json()["path"] == {"note": "succeeded"}
    assert "hunter2" not in answer.content.decode()


def test_what_cannot_be_tried_is_refused_with_its_reason(api: Api, published: str) -> None:
    def code(**body: Any) -> tuple[int, str]:
        answer = try_it(api, **body)
        return answer.status_code, answer.json()["code"]

    nobody = "019aa900-1c00-7a10-8000-0a1b2c3d4e5f"
    assert code(workflow=published) == (422, "invalid")
    assert code(payload={}) == (422, "invalid")
    assert code(definition=[], payload={}) == (422, "invalid")
    assert code(definition={"slug": "x"}, payload={}) == (422, "invalid_definition")
    assert code(workflow=published, payload={}, stubs={"note": 1}) == (422, "invalid")
    assert code(workflow=published, version=9, payload={}) == (404, "resource_not_found")
    assert code(workflow=published, event_id=nobody) == (404, "resource_not_found")
    assert code(workflow=published, payload={}, paylod={}) == (422, "invalid")


def test_past_events_need_the_scopes_that_show_them(api: Api, published: str, make_api: MakeApi, rows: Rows) -> None:
    event = rows.event(payload={"total": 500})
    reader = make_api("workflows:read")
    watcher = make_api("workflows:read", "events:read", "runs:read")
    past = {"event_id": str(event.pk)}

    assert try_it(reader, workflow=published, payload={}).status_code == 200
    assert try_it(reader, workflow=published, **past).status_code == 403
    assert try_it(watcher, workflow=published, **past).status_code == 200
    assert try_it(watcher, definition=DEFINITION, **past).status_code == 403
    assert reader.post("/workflow-backtests", {"workflow": published}).status_code == 403
    assert watcher.post("/workflow-backtests", {"workflow": published}).status_code == 200


def test_a_backtest_says_where_to_go_on(api: Api, published: str, rows: Rows) -> None:
    for total in (50, 500, 600):
        rows.event(payload={"total": total})
    span = {"workflow": published, "since": "2026-11-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"}

    first = api.post("/workflow-backtests", {**span, "max_events": 2}).json()
    rest = api.post("/workflow-backtests", {**span, "since": first["goes_on_at"]}).json()

    assert (first["events"], first["is_complete"], rest["is_complete"]) == (2, False, True)
    whole = api.post("/workflow-backtests", span).json()
    assert (whole["events"], whole["matches"], whole["gained"]) == (3, 2, 2)
    assert [one["kind"] for one in whole["differences"]] == ["gained", "gained"]
    assert api.post("/workflow-backtests", {"definition": {**DEFINITION, "slug": "new"}}).status_code == 422
    backwards = {**span, "since": span["until"], "until": span["since"]}
    assert api.post("/workflow-backtests", backwards).status_code == 422
