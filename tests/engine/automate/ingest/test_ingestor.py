"""EventIngestor and WebhookView: the engine's own way in makes the same rows and the same refusals as the gateway's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import RequestFactory
from django.utils import timezone

from automate.ids import first_id_at
from automate.ingest.hops import is_fresh
from automate.ingest.ingestor import HELD_UNTIL, EventIngestor
from automate.ingest.refusal import Refusal
from automate.ingest.trace import new_trace_id
from automate.ingest.views import WebhookView
from automate.models import Dedupe, Event, ExecutionRun, OutboxJob, WebhookEndpoint
from automate.policy import save_policy
from automate_tenants.context import tenant_scope
from tests.support.waiting import AtOnce
from tests.support.workspaces import Workspace

KEY = "a plain project's key"


@pytest.fixture
def inside(db: None, tenant_a: Workspace) -> Iterator[None]:
    with tenant_scope(tenant_a.ref):
        yield


def ingest(payload: Any = None, **given: Any) -> Any:
    return EventIngestor().ingest(type="t", payload=payload if payload is not None else {"a": 1}, source="s", **given)


def test_a_trace_that_begins_with_an_event_says_so_however_late_it_is_made() -> None:
    """Otherwise the worker asks where the event came from, which is another round trip for its batch."""
    long_ago = first_id_at(timezone.now() - timedelta(hours=1))

    assert is_fresh(UUID(hex=new_trace_id(long_ago)), long_ago)
    assert not is_fresh(UUID(hex=new_trace_id()), long_ago)


@pytest.mark.usefixtures("inside")
def test_an_event_comes_with_its_job() -> None:
    stored = ingest({"n": 12345678901234567890123}, trace_id="ab" * 16)

    event = Event.objects.get(pk=stored.event_id)
    assert (event.payload, event.trace_id.hex) == ({"n": 12345678901234567890123}, "ab" * 16)
    assert list(OutboxJob.objects.values_list("kind", "event_id", "status")) == [("event", event.pk, "PENDING")]


@pytest.mark.usefixtures("inside")
def test_a_repeat_gets_the_first_ids_and_is_counted() -> None:
    first = ingest(dedupe_key="k")
    again, other = ingest(dedupe_key="k"), ingest({"a": 2}, dedupe_key="k")

    assert (first.is_duplicate, again.is_duplicate, other.is_duplicate) == (False, True, True)
    assert {again.event_id, other.event_id} == {first.event_id}
    assert (again.trace_id, again.body_differs, other.body_differs) == (first.trace_id, False, True)
    assert Dedupe.objects.get().repeats == 2
    assert Event.objects.count() == OutboxJob.objects.count() == 1
    assert ingest(dedupe_key="k", dedupe_source="elsewhere").event_id != first.event_id


@pytest.mark.usefixtures("inside")
def test_an_expired_key_starts_anew_once_nothing_of_its_event_is_unfinished() -> None:
    now = timezone.now()
    first = ingest(dedupe_key="k", now=now)
    later = now + timedelta(days=7, seconds=1)
    assert ingest(dedupe_key="k", now=later).is_duplicate

    OutboxJob.objects.update(status=OutboxJob.Status.COMPLETED)
    run = ExecutionRun.objects.create(
        id=first.event_id, event_id=first.event_id, workflow_id=first.event_id, version_id=first.event_id,
        trace_id=first.trace_id, status="waiting", created_at=now,
    )  # fmt: skip
    assert ingest(dedupe_key="k", now=later).is_duplicate

    ExecutionRun.objects.filter(pk=run.pk).update(status="failed")
    anew = ingest(dedupe_key="k", now=later)
    assert (anew.is_duplicate, anew.event_id == first.event_id) == (False, False)
    assert ingest(dedupe_key="k", now=later).event_id == anew.event_id


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize("payload", [{"a": "\x00"}, {"a": "\ud800"}, {"a": 10**400}])
def test_what_cannot_be_stored_faithfully_is_refused(payload: Any) -> None:
    with pytest.raises(Refusal):
        ingest(payload)
    assert Event.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_many_at_once_with_one_key_are_one_event(tenant_a: Workspace, at_once: AtOnce) -> None:
    def one() -> Any:
        with tenant_scope(tenant_a.ref):
            return ingest(dedupe_key="k")

    answers = at_once(*[one] * 8)

    assert len({answer.event_id for answer in answers}) == 1
    assert sum(not answer.is_duplicate for answer in answers) == 1
    with tenant_scope(tenant_a.ref):
        assert Event.objects.count() == OutboxJob.objects.count() == 1


@pytest.fixture
def endpoint(inside: None, settings: Any) -> WebhookEndpoint:
    hashes = (hashlib.sha256(KEY.encode()).hexdigest(),)
    settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "INGEST": {"API_KEY_HASHES": hashes}}
    return WebhookEndpoint.objects.create(slug="plain", token="t" * 32, created_at=timezone.now(), dedupe_path="id")


def post(body: bytes = b'{"id":1}', *, token: str = "t" * 32, key: str | None = KEY, **headers: str) -> tuple[int, Any]:
    authorization = {"Authorization": f"Bearer {key}"} if key else {}
    request = RequestFactory().post(
        f"/hooks/{token}", body, content_type="application/json", headers={**authorization, **headers}
    )
    answer = WebhookView.as_view()(request, token=token)
    content = json.loads(answer.content)
    assert answer["X-Trace-Id"] == content["trace_id"] or content.get("duplicate")
    return answer.status_code, content


@pytest.mark.usefixtures("endpoint")
def test_the_view_stores_an_event_and_answers_a_repeat_with_its_ids() -> None:
    status, first = post(traceparent="00-" + "ab" * 16 + "-" + "12" * 8 + "-01")
    assert (status, first["trace_id"]) == (202, "ab" * 16)

    assert post() == (202, {**first, "duplicate": True})
    assert post(b'{"id":1,"a":2}') == (202, {**first, "duplicate": True, "body_differs": True})
    event = Event.objects.get()
    assert (str(event.pk), event.source, event.payload) == (first["event_id"], "webhook:plain", {"id": 1})


@pytest.mark.usefixtures("endpoint")
def test_the_view_masks_addresses_in_headers_where_policy_says_so() -> None:
    post(b'{"id":1}', X_Customer="ann@example.com")
    save_policy(document={"mask_emails": True}, expected_revision=0, actor="user:1", now=timezone.now())
    post(b'{"id":2}', X_Customer="ann@example.com")

    kept = Event.objects.order_by("pk").values_list("headers", flat=True)
    assert [(headers or {})["x-customer"] for headers in kept] == ["ann@example.com", "********"]


@pytest.mark.usefixtures("endpoint")
def test_the_view_refuses_as_the_gateway_does() -> None:
    assert post(token="x")[1]["code"] == "endpoint_not_found"
    assert post(key=None)[1]["code"] == "missing_api_key"
    assert post(key="another")[1]["code"] == "invalid_api_key"
    assert post(b'{"a":1,"a":2}')[1]["code"] == "duplicate_name"
    assert post(b" " * 1_048_577)[0] == 413
    WebhookEndpoint.objects.update(auth="standard_webhooks")
    assert post()[1]["code"] == "signing_secret_missing"
    assert WebhookView.as_view()(RequestFactory().get("/hooks/x"), token="x").status_code == 405
    assert Event.objects.count() == 0


@pytest.mark.usefixtures("endpoint")
def test_a_paused_endpoint_stores_and_holds() -> None:
    WebhookEndpoint.objects.update(is_active=False)

    assert post(key="another")[1]["code"] == "invalid_api_key"  # held is not open to everybody
    status, answer = post()

    assert status == 202
    job = OutboxJob.objects.get()
    assert (str(job.event_id), job.available_at) == (answer["event_id"], HELD_UNTIL)
