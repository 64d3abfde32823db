"""Rules asked and test cases kept by the API: what a key may ask, what comes back, what a publish makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.api.conftest import MakeApi
from tests.web.api.support import DEFINITION, Api, Rows

pytestmark = pytest.mark.django_db
RULE = {">": [{"var": "payload.total"}, 100]}
SECRET = "hunter2hunter2"
CASES = "/workflows/order-flow/rule-tests"


@pytest.fixture(autouse=True)
def published(api: Api) -> None:
    assert api.post("/workflows", {**DEFINITION, "rule": RULE}).status_code == 201
    assert api.post("/workflows/order-flow/versions", {}, {"If-Match": "*"}).status_code == 201


def ask(api: Api, **body: Any) -> Any:
    return api.post("/rule-evaluations", body)


def save(api: Api, rule: Any) -> None:
    assert api.send("PUT", "/workflows/order-flow", {**DEFINITION, "rule": rule}, {"If-Match": "*"}).status_code == 200


def test_a_draft_a_version_and_a_rule_of_ones_own_are_asked(api: Api) -> None:
    save(api, {">": [{"var": "payload.total"}, 300]})

    draft = ask(api, workflow="order-flow", payload={"total": 200}).json()
    version = ask(api, workflow="order-flow", version=1, payload={"total": 200}).json()
    own = ask(api, rule={"==": [{"var": "event.type"}, "x"]}, payload=None, event={"type": "x"}).json()
    odd = ask(api, workflow="order-flow", payload={"total": "many"}).json()

    assert (draft["matches"], draft["condition"], draft["seen"]) == (False, "payload.total > 300", [200, 300])
    assert draft["explain"]["failed"] is True
    assert (version["matches"], own["matches"], odd["matches"]) == (True, True, None)
    assert "not a number" in odd["error"]
    assert ask(api, rule=None, payload={}).json()["explain"] is None


def test_a_past_event_shows_nothing_masked_and_a_free_rule_does_not_read_it(api: Api, rows: Rows) -> None:
    event = str(rows.event(payload={"password": SECRET}).pk)
    guess = {"==": [{"lower": [{"var": "payload.password"}]}, SECRET]}
    save(api, guess)

    saved, own = ask(api, workflow="order-flow", event_id=event), ask(api, rule=guess, event_id=event)

    assert (saved.json()["matches"], saved.json()["is_as_shown"]) == (True, False)
    assert (own.json()["matches"], own.json()["is_as_shown"]) == (False, True)
    assert saved.content.decode().replace(f'"{SECRET}"', "").count("hunter2") == 0


def test_what_cannot_be_asked_is_refused_with_its_reason(api: Api) -> None:
    def code(**body: Any) -> tuple[int, str]:
        answer = ask(api, **body)
        return answer.status_code, answer.json()["code"]

    nobody = "019aa900-1c00-7a10-8000-0a1b2c3d4e5f"
    assert code(workflow="order-flow") == (422, "invalid")
    assert code(payload={}) == (422, "invalid")
    assert code(workflow="order-flow", rule=None, version=1, payload={}) == (422, "invalid")
    assert code(workflow="order-flow", event_id=nobody, event={"type": "x"}) == (422, "invalid")
    assert code(workflow="order-flow", payload={}, paylod={}) == (422, "invalid")
    assert code(rule={"nonsense": 1}, payload={}) == (422, "invalid_definition")
    assert code(workflow="order-flow", version=9, payload={}) == (404, "resource_not_found")
    assert code(workflow="nothing", payload={}) == (404, "resource_not_found")
    assert code(workflow="order-flow", event_id=nobody) == (404, "resource_not_found")


def test_past_events_need_the_scope_that_shows_them(make_api: MakeApi, rows: Rows) -> None:
    event = str(rows.event(payload={"total": 200}).pk)
    reader, watcher = make_api("workflows:read"), make_api("workflows:read", "events:read")
    writer = make_api("workflows:read", "workflows:write")

    assert ask(reader, workflow="order-flow", payload={}).status_code == 200
    assert ask(reader, workflow="order-flow", event_id=event).status_code == 403
    assert ask(watcher, workflow="order-flow", event_id=event).status_code == 200
    new = {"name": "past", "expected": True, "event_id": event}
    assert watcher.post(CASES, new, {"If-Match": "*"}).status_code == 403
    assert writer.post(CASES, new, {"If-Match": "*"}).status_code == 403


def test_cases_are_kept_listed_with_their_verdicts_and_taken_out(api: Api, rows: Rows) -> None:
    event = rows.event(type="order.paid", payload={"total": 500, "password": SECRET})

    made = api.post(CASES, {"name": "small", "payload": {"total": 5}, "expected": True}, {"If-Match": '"1"'})
    past = api.post(CASES, {"name": "past", "event_id": str(event.pk), "expected": True}, {"If-Match": "*"})

    assert (made.status_code, past.status_code) == (201, 201)
    small, paid = past.json()["results"]
    assert (small["number"], small["passed"], small["matches"]) == (1, False, False)
    assert small["message"] == "Expected a match, got none: payload.total > 100 was not met; it saw 5, 100."
    assert (paid["event"]["type"], paid["passed"]) == ("order.paid", True)
    assert paid["payload"] == {"total": 500, "password": "********"}
    assert api.get(f"{CASES}?version=1").json()["version_num"] == 1
    refused = api.post("/workflows/order-flow/versions", {}, {"If-Match": "*"})
    assert (refused.status_code, refused.json()["details"]["errors"][0]["path"]) == (422, "/tests/0/expected")
    left = api.send("DELETE", f"{CASES}/1", None, {"If-Match": '"3"'})
    assert (left.status_code, left.json()["draft_revision"], left.headers["ETag"][:3]) == (200, 4, '"4-')
    assert [case["name"] for case in api.get(CASES).json()["results"]] == ["past"]
    assert api.post("/workflows/order-flow/versions", {}, {"If-Match": "*"}).status_code == 201


def test_a_stale_revision_and_a_case_that_cannot_be_kept_change_nothing(api: Api) -> None:
    new = {"name": "small", "payload": {}, "expected": False}
    assert api.post(CASES, new).status_code == 428
    assert api.post(CASES, new, {"If-Match": '"7"'}).status_code == 409
    assert api.post(CASES, {**new, "name": ""}, {"If-Match": "*"}).status_code == 422
    assert api.post(CASES, {"name": "x", "expected": True}, {"If-Match": "*"}).status_code == 422
    assert api.send("DELETE", f"{CASES}/1", None, {"If-Match": "*"}).status_code == 404
    assert api.get(f"{CASES}?version=x").status_code == 422
    assert api.get(CASES).json() == {"draft_revision": 1, "version_num": None, "results": []}
