"""The page "Extending", "Internals Walkthrough": the path of a webhook, and the worker's loop."""

from __future__ import annotations

import base64
import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import DatabaseError
from django.test import RequestFactory

from automate import host
from automate.execution.engine import ExecutionEngine
from automate.execution.match import RuleEngine
from automate.ingest import signing_secret
from automate.ingest.ingestor import EventIngestor
from automate.ingest.views import WebhookView
from automate.models import Event, OutboxJob, WebhookEndpoint
from automate.outbox.postgres import PostgresStore
from automate.outbox.store import Claim, OutboxStore
from automate.worker import loop
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, step
from tests.seeds.promise import promise
from tests.support.server import DatabaseUrls

BODY = b'{"amount": 150}'


@pytest.fixture
def signed_endpoint(bench: Bench) -> str:
    """An endpoint that demands a signature; its secret."""
    with tenant_scope(bench.ref):
        endpoint = WebhookEndpoint.objects.create(
            slug="signed", token="token-of-signed", auth="standard_webhooks", created_at=datetime.now(UTC)
        )
        secret = signing_secret.make()
        endpoint.signing_secret = signing_secret.seal(host.current().data_key(), endpoint.id, secret)
        endpoint.save()
    return secret


def post(bench: Bench, secret: str, body: bytes = BODY, *, signed: bytes = BODY) -> Any:
    """What WebhookView answers to `body` with a signature over `signed`."""
    key, now = base64.b64decode(secret.removeprefix("whsec_")), int(time.time())
    mac = base64.b64encode(hmac.digest(key, b"msg_1.%d." % now + signed, "sha256")).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(now), "webhook-signature": f"v1,{mac}"}
    request = RequestFactory().post("/hooks/x", body, content_type="application/json", headers=headers)
    with tenant_scope(bench.ref):
        return WebhookView.as_view()(request, token="token-of-signed")


@promise("extending", "View: WebhookView verifies signature.")
def test_webhook_view_verifies_the_signature(bench: Bench, signed_endpoint: str) -> None:
    right = post(bench, signed_endpoint)
    wrong = post(bench, signed_endpoint, b'{"amount": 999}')

    assert (right.status_code, wrong.status_code) == (202, 401)
    assert json.loads(wrong.content)["code"] == "invalid_signature"
    with tenant_scope(bench.ref):
        assert [event.payload for event in Event.objects.all()] == [{"amount": 150}]


@promise("extending", "Ingestor: EventIngestor.ingest() wraps creation in a transaction.")
def test_event_ingestor_wraps_creation_in_a_transaction(bench: Bench, superuser_connection: Any) -> None:
    superuser_connection.execute(f"ALTER TABLE {bench.ref.schema_name}.automate_outboxjob RENAME TO away")
    with tenant_scope(bench.ref):
        with pytest.raises(DatabaseError):
            EventIngestor().ingest(type="t", payload={}, source="test")
        assert Event.objects.count() == 0

    superuser_connection.execute(f"ALTER TABLE {bench.ref.schema_name}.away RENAME TO automate_outboxjob")
    with tenant_scope(bench.ref):
        EventIngestor().ingest(type="t", payload={}, source="test")
        assert (Event.objects.count(), OutboxJob.objects.count()) == (1, 1)


@promise("extending", "Outbox: An Event row and an OutboxJob row are inserted atomically.")
def test_event_and_outbox_job_are_inserted_by_one_transaction(
    bench: Bench, signed_endpoint: str, database_urls: Any
) -> None:
    post(bench, signed_endpoint)

    with psycopg.connect(database_urls.superuser) as connection:
        connection.execute(f"SET search_path = {bench.ref.schema_name}")
        rows = connection.execute(
            "SELECT e.xmin = j.xmin FROM automate_event e JOIN automate_outboxjob j ON j.event_id = e.id"
        ).fetchall()
    assert rows == [(True,)]


@promise("extending", "Response: Returns 202 Accepted + trace_id.")
def test_the_response_is_202_accepted_with_a_trace_id(bench: Bench, signed_endpoint: str) -> None:
    answer = post(bench, signed_endpoint)

    body = json.loads(answer.content)
    assert answer.status_code == 202
    with tenant_scope(bench.ref):
        assert body["trace_id"] == answer["X-Trace-Id"] == Event.objects.get().trace_id.hex


@promise(
    "extending",
    "Claim: OutboxStore.claim_batch(limit=10) runs SELECT ... FOR UPDATE SKIP LOCKED.",
)
def test_claim_batch_of_10_skips_what_is_locked(bench: Bench, database_urls: DatabaseUrls) -> None:
    store: OutboxStore = PostgresStore()
    for _ in range(14):
        bench.emit()
    with psycopg.connect(database_urls.superuser) as other, tenant_scope(bench.ref):
        other.execute(f"SET search_path = {bench.ref.schema_name}")
        locked = other.execute("SELECT id FROM automate_outboxjob ORDER BY id LIMIT 2 FOR UPDATE").fetchall()
        assert OutboxJob.objects.count() == 14

        claim = store.claim_batch(limit=10, worker="w", lease_seconds=30)

    assert claim is not None
    assert len(claim.jobs) == 10
    assert {job.id for job in claim.jobs}.isdisjoint({job for (job,) in locked})


@promise("extending", "Dispatch: Logic is handed to ExecutionEngine.")
def test_the_worker_hands_its_claims_to_the_execution_engine(
    bench: Bench, scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[UUID] = []

    class Watched(ExecutionEngine):
        async def open(self, claim: Claim, **more: Any) -> Any:
            handed.extend(job.event.id for job in claim.jobs if job.event)
            return await super().open(claim, **more)

    monkeypatch.setattr(loop, "ExecutionEngine", Watched)
    bench.publish(step("a"))
    events = [bench.emit(), bench.emit()]

    bench.work()

    assert set(events) <= set(handed)
    assert [run.status for run in bench.runs()] == ["succeeded", "succeeded"]


@promise("extending", "Match: RuleEngine finds active Workflows for the Event.")
def test_rule_engine_finds_the_active_workflows_of_the_event() -> None:
    from uuid import uuid4

    from automate.outbox.store import ActiveVersion, EventData

    def version(event_type: str) -> ActiveVersion:
        return ActiveVersion(uuid4(), uuid4(), {"type": "event", "event_type": event_type}, None, [step("a")])

    wanted, other = version("order"), version("refund")
    event = EventData(uuid4(), "order", "api", {}, uuid4(), datetime.now(UTC))

    decisions, _ = RuleEngine([wanted, other]).decide(event, now=datetime.now(UTC))

    assert [(row.workflow_id, row.decision) for row in decisions] == [(wanted.workflow_id, "started")]


@promise("extending", "Run: ExecutionRun created.")
def test_a_run_is_created_for_each_match(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a"), slug="one")
    bench.publish(step("a"), slug="two")
    bench.emit()

    bench.work()

    assert [run.status for run in bench.runs()] == ["succeeded", "succeeded"]


@promise("extending", "Iterates steps.")
def test_the_run_iterates_its_steps(bench: Bench, scripted: Any) -> None:
    bench.publish(*(step(name) for name in "abcde"))
    bench.emit()

    bench.work()

    assert [s.step_id for s in bench.steps()] == list("abcde")
    assert (bench.run().steps_done, bench.run().steps_total) == (5, 5)


@promise("extending", "Resolves inputs (Jinja2).")
def test_inputs_are_resolved_by_jinja2(bench: Bench, scripted: Any) -> None:
    bench.publish(
        step("a", params={"text": "{{ payload.name | upper }} owes {{ payload.amount }}", "n": "{{ payload.amount }}"}),
        step("b", params={"before": "{{ steps.a.output.text }}"}),
    )
    bench.emit({"name": "ada", "amount": 150})

    bench.work()

    assert bench.run().outputs == {"a": {"text": "ADA owes 150", "n": 150}, "b": {"before": "ADA owes 150"}}


@promise("extending", "Calls Connector.execute().")
def test_the_connectors_execute_is_called(bench: Bench, scripted: Any) -> None:
    got: list[tuple[dict[str, Any], str]] = []
    scripted.script = staticmethod(lambda params, context: got.append((params, context["step_id"])))
    bench.publish(step("a", params={"x": 1}))
    bench.emit()

    bench.work()

    assert got == [({"x": 1}, "a")]


@promise("extending", "Commit: Updates OutboxJob status to COMPLETED.")
def test_the_outbox_job_ends_as_completed(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a"))
    bench.emit()
    assert bench.jobs() == [("event", "PENDING")]

    bench.work()

    assert bench.jobs()[0] == ("event", "COMPLETED")
