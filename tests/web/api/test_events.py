"""Events: sent once however often, seen with what was decided and started."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from automate.models import Dedupe, Event, MatchDecision, OutboxJob
from automate_tenants.context import tenant_scope
from automate_web import event_search
from tests.support.workspaces import Workspace
from tests.web.api.support import NOW, Api, Rows

pytestmark = pytest.mark.django_db

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
EVENT: dict[str, Any] = {"type": "order.created", "payload": {"id": 7, "total": 120}}


def test_a_sent_event_is_stored_with_the_intent_to_process_it(api: Api, tenant_a: Workspace) -> None:
    answer = api.post("/events", EVENT, {"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01"})

    assert answer.status_code == 202
    assert answer.json() == {"event_id": answer.json()["event_id"], "trace_id": TRACE_ID}
    assert answer["Location"].endswith(f"/api/v1/events/{answer.json()['event_id']}")
    with tenant_scope(tenant_a.ref):
        event = Event.objects.get(pk=answer.json()["event_id"])
        assert (event.type, event.payload, event.source, event.trace_id.hex) == (
            "order.created", EVENT["payload"], "api", TRACE_ID,
        )  # fmt: skip
        assert OutboxJob.objects.get(event_id=event.pk).status == "PENDING"


def test_a_repeat_is_the_same_event(api: Api, tenant_a: Workspace) -> None:
    first = api.post("/events", EVENT, {"Idempotency-Key": "order-7"})
    second = api.post("/events", EVENT, {"Idempotency-Key": "order-7"})
    other = api.post("/events", EVENT, {"Idempotency-Key": "order-8"})

    assert [answer.status_code for answer in (first, second, other)] == [202] * 3
    assert second.json() == {**first.json(), "duplicate": True}
    assert second["Idempotent-Replayed"] == "true"
    assert other.json()["event_id"] != first.json()["event_id"]
    assert "duplicate" not in other.json()
    with tenant_scope(tenant_a.ref):
        assert Event.objects.filter(source="api").count() == 2
        assert OutboxJob.objects.filter(kind="event").count() == 2
        assert Event.objects.get(pk=first.json()["event_id"]).payload == EVENT["payload"]


def test_another_body_under_a_known_key_is_refused_and_told_whose_it_is(api: Api, tenant_a: Workspace) -> None:
    key = {"Idempotency-Key": "order-7"}
    first = api.post("/events", EVENT, key).json()

    refused = api.post("/events", {**EVENT, "payload": {"id": 8}}, key)
    reordered = api.post("/events", json.dumps(dict(reversed(EVENT.items())), indent=2).encode(), key)

    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    assert refused.json()["details"] == {"param": "Idempotency-Key", "event_id": first["event_id"]}
    assert (reordered.status_code, reordered.json()["event_id"]) == (202, first["event_id"])
    with tenant_scope(tenant_a.ref):
        assert [event.payload for event in Event.objects.filter(source="api")] == [EVENT["payload"]]
        assert Dedupe.objects.get(key="order-7").repeats == 1  # what was refused is none


def test_refusing_another_body_asks_the_database_no_more_than_a_repeat(api: Api, tenant_a: Workspace) -> None:
    key, counts = {"Idempotency-Key": "order-7"}, []
    for number in (7, 7, 8):
        with CaptureQueriesContext(connection) as asked:
            api.post("/events", {**EVENT, "payload": {"id": number}}, key)
        counts.append(len(asked))
    assert counts[2] <= counts[1] <= counts[0]


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a\tb", "schlüssel"])
def test_an_idempotency_key_that_is_none_is_refused(api: Api, tenant_a: Workspace, key: str) -> None:
    answer = api.post("/events", EVENT, {"Idempotency-Key": key})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_dedupe_key")
    with tenant_scope(tenant_a.ref):
        assert not Event.objects.filter(source="api").exists()


def test_large_whole_numbers_keep_every_digit(api: Api) -> None:
    number = 12345678901234567890123456789
    event_id = api.post("/events", b'{"type": "a", "payload": {"n": %d}}' % number).json()["event_id"]

    shown = json.loads(api.get(f"/events/{event_id}").content)

    assert shown["payload"] == {"n": number}


def test_an_event_shows_what_was_decided_and_what_it_started(api: Api, rows: Rows) -> None:
    started, silent = rows.workflow(), rows.workflow("silent-flow")
    event = rows.event(payload={"total": 120})
    run = rows.run(event, started)
    with tenant_scope(rows.tenant):
        MatchDecision.objects.create(
            event_id=event.pk, workflow_id=silent.pk, version_id=silent.active_version_id,
            decision="no_match", reason="rule_false", failed_at="/>", decided_at=NOW,
        )  # fmt: skip

    shown = api.get(f"/events/{event.pk}").json()

    assert shown["id"] == str(event.pk)
    assert shown["received_at"] == "2026-11-21T08:30:00Z"
    assert shown["trace_id"] == event.trace_id.hex
    assert [(why["workflow"]["slug"], why["decision"], why["reason"], why["failed_at"]) for why in shown["why"]] == [
        ("order-flow", "started", "rule_true", ""),
        ("silent-flow", "no_match", "rule_false", "/>"),
    ]
    assert [run_["id"] for run_ in shown["runs"]] == [str(run.pk)]
    assert [why["explanation"] for why in shown["why"]] == [None, None]


def test_the_whole_evaluation_comes_when_asked_for(api: Api, rows: Rows) -> None:
    workflow = rows.workflow()
    event = rows.event(payload={"total": 120})
    rows.run(event, workflow)

    (why,) = api.get(f"/events/{event.pk}", expand="why").json()["why"]

    assert why["explanation"]["result"] is True
    assert api.get(f"/events/{event.pk}", expand="nonsense").status_code == 422


def test_an_event_that_nothing_listens_to_says_so(api: Api, rows: Rows) -> None:
    event = rows.event(type="nobody.listens")
    with tenant_scope(rows.tenant):
        MatchDecision.objects.create(event_id=event.pk, decision="no_match", reason="no_workflow", decided_at=NOW)

    (why,) = api.get(f"/events/{event.pk}").json()["why"]

    assert (why["workflow"], why["reason"]) == (None, "no_workflow")


def test_secrets_in_a_payload_are_not_shown(api: Api, rows: Rows) -> None:
    event = rows.event(payload={"password": "canary-1", "card": {"api_key": "canary-2"}, "id": 7})

    answer = api.get(f"/events/{event.pk}", expand="why")

    assert b"canary" not in answer.content
    assert answer.json()["payload"]["id"] == 7


def test_an_event_with_many_runs_costs_as_many_statements_as_one_with_one(api: Api, rows: Rows) -> None:
    one, many = rows.event(), rows.event()
    workflows = [rows.workflow(f"flow-{i}") for i in range(10)]
    rows.run(one, workflows[0])
    for workflow in workflows:
        rows.run(many, workflow)
    api.get("/events")

    with CaptureQueriesContext(connection) as few:
        api.get(f"/events/{one.pk}")
    with CaptureQueriesContext(connection) as same:
        assert len(api.get(f"/events/{many.pk}").json()["runs"]) == 10

    assert len(same) == len(few) <= 8


def test_ids_are_text_in_every_answer(api: Api, rows: Rows) -> None:
    workflow = rows.workflow()
    event = rows.event()
    rows.run(event, workflow)

    def ids(value: Any) -> list[Any]:
        if isinstance(value, dict):
            own = [v for k, v in value.items() if (k == "id" or k.endswith("_id")) and v is not None]
            return own + [i for v in value.values() for i in ids(v)]
        return [i for v in value for i in ids(v)] if isinstance(value, list) else []

    shown = api.get(f"/events/{event.pk}").json()
    shown.pop("payload")

    assert ids(shown)
    assert all(isinstance(i, str) and UUID(i) for i in ids(shown))


def test_a_text_is_looked_for_in_the_types_there_are(api: Api, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("order.created", "order.paid", "Invoice.Überfällig", "ticket"):
        rows.event(type=kind)

    def found(text: str) -> list[str]:
        return sorted(event["type"] for event in api.get("/events", q=text).json()["results"])

    assert found("ORDER") == ["order.created", "order.paid"]
    assert found("überf") == ["Invoice.Überfällig"]
    assert found("nothing such") == []
    monkeypatch.setattr(event_search, "MOST_TYPES", 2)  # more types than are looked up: every event is
    assert found("ORDER") == ["order.created", "order.paid"]
    assert found("nothing such") == []
