"""Every template, filled in with stand-ins, published, started by its trigger's event, and run to its end.

Real connectors, a real worker, real HTTP and SMTP servers and a real PostgreSQL on this machine: what they were sent is
looked at. Waits of days are made due.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from automate.ingest.ingestor import EventIngestor
from automate.models import EventBuffer, ExecutionRun, OutboxJob, RunWait, StepRun, Workflow
from automate.secrets.references import names_in
from automate.services import publish_version, save_draft, secrets
from automate.services.waits import answer_approval
from automate.triggers.examples import example_of
from automate.worker.loop import Worker, WorkerOptions
from automate_connectors.slack import SlackAdapter
from automate_connectors.stripe import StripeAdapter
from automate_llm.models import Preferences
from automate_tenants.context import tenant_scope
from automate_tenants.dispatch.store import DispatchStore
from automate_web import gallery
from tests.engine.automate_connectors.mail_server import mail_server
from tests.engine.automate_connectors.relay import relaying
from tests.support import dispatch
from tests.support.llm_server import KEY, LLMServer, Reply
from tests.support.sink import Answer, Received, Sink
from tests.support.workspaces import Workspace

SEEN = {  # template → what came in at the stand-ins, whatever the order
    "order-to-slack": {"POST /api/chat.postMessage": 1},
    "github-issue-triage": {"PATCH /repos/octo/shop/issues/17": 1, "POST /repos/octo/shop/issues/17/comments": 1},
    "payment-failed-reminder": {"GET /v1/customers/cus_1": 1, "GET /v1/payment_intents/pi_1": 1},
    "daily-report": {"GET /api/figures": 1, "POST /api/chat.postMessage": 1},
    "lead-enrichment": {"GET /v1/find": 2, "PUT /leads/l-1": 1},
    "refund-approval": {"POST /v1/refunds": 1},
    "heartbeat-missing": {"POST /api/chat.postMessage": 1},
    "csv-rows": {"PUT /items/shirt": 1, "PUT /items/hat": 1},
    "retry-with-fallback": {"first": 4, "second": 1},
    "failed-run-alert": {"POST /api/chat.postMessage": 1},
    "debounced-changes": {"PUT /documents/d-1": 1},
    "order-parcels": {"PUT /parcels/p-1": 1, "PUT /parcels/p-2": 1},
    "orders-to-postgres": {},
    "events-to-s3": {"PUT /my-warehouse": 1},
    "order-saga": {"PUT /reservations/o-1001": 1, "POST /v1/payment_intents": 1},
    "wait-for-signature": {"PUT /contracts/c-7": 1},
}
ANSWERS = {
    "/api/": {"ok": True, "channel": "C1", "ts": "1503436000.000100"},
    "/v1/customers/": {"id": "cus_1", "object": "customer", "email": "ann@example.com"},
    "/v1/payment_intents": {"id": "pi_1", "object": "payment_intent", "status": "requires_payment_method"},
    "/v1/refunds": {"id": "re_1", "object": "refund", "status": "succeeded"},
    "/repos/": {"id": 1, "number": 17, "html_url": "https://example.com/17", "state": "open", "title": "t"},
}


def answer(request: Received) -> Answer:
    if request.path.startswith("/messages/") and "sms-one" in request.headers["authorization"]:
        return Answer(status=503)
    if request.method == "GET" and request.path.endswith("/comments?per_page=100"):
        return Answer(body=b"[]")
    said = next((body for prefix, body in ANSWERS.items() if request.path.startswith(prefix)), {"name": "Example Ltd"})
    return Answer(body=json.dumps(said).encode())


def told(request: Received) -> str:
    """A request as `SEEN` names it."""
    path = request.path.partition("?")[0]
    if path.startswith("/messages/"):
        return "first" if "sms-one" in request.headers["authorization"] else "second"
    if path.startswith("/my-warehouse/"):
        path = "/my-warehouse"
    return f"{request.method} {path}"


@dataclass
class Town:
    """The stand-ins, and how a definition is pointed at them."""

    web: Sink
    llm: LLMServer
    mail_port: int
    database: Mapping[str, Any]
    letters: list[str] = field(default_factory=list)

    def fill_in(self, definition: dict[str, Any]) -> dict[str, Any]:
        """The definition with every address of the examples replaced; nothing else of it changes."""
        filled: dict[str, Any] = json.loads(json.dumps(definition), object_hook=self._point)
        return filled

    def _point(self, part: dict[str, Any]) -> dict[str, Any]:
        params = part.get("params")
        if not isinstance(params, dict):
            return part
        if part["connector"] == "http":
            params["url"] = self.web.url + "/" + params["url"].split("/", 3)[3]
        elif part["connector"] == "github":
            params["api_url"] = self.web.url
        elif part["connector"] == "s3":
            params["endpoint"] = self.web.url
        elif part["connector"] == "llm":
            params |= {"provider": "openai_compatible", "base_url": self.llm.url, "model": "gpt-4o-mini"}
        elif part["connector"] == "email":
            params["smtp"] = {"host": "127.0.0.1", "port": self.mail_port, "security": "none"}
        elif part["connector"] == "postgres":
            params |= self.database
        return part


@pytest.fixture
def town(
    http_sink: Sink, llm_server: LLMServer, database_urls: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Town]:
    http_sink.answer = answer
    llm_server.say = Reply(text=json.dumps({"kind": "bug", "priority": "p1", "missing": "Which version is it?"}))
    monkeypatch.setattr(SlackAdapter, "api_url", f"{http_sink.url}/api")
    monkeypatch.setattr(StripeAdapter, "api_url", http_sink.url)
    parts = conninfo_to_dict(database_urls.owner)
    with (
        mail_server({}) as mail_port,
        relaying(f"{parts['host']}/.s.PGSQL.{parts.get('port') or 5432}") as relay,
        psycopg.connect(database_urls.owner, autocommit=True) as shop,
    ):
        shop.execute("CREATE TABLE public.orders (id text PRIMARY KEY, status text, total numeric)")
        targets = [http_sink.target, llm_server.target, f"127.0.0.1:{mail_port}", f"127.0.0.1:{relay.port}"]
        settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "POLICY": {"private_targets": targets}}
        database = {"host": "127.0.0.1", "port": relay.port, "tls": "off"}
        try:
            monkeypatch.setitem(VALUES, "SHOP_DB_PASSWORD", parts.get("password") or "none")
            yield Town(
                http_sink, llm_server, mail_port, {**database, "database": parts["dbname"], "user": parts["user"]}
            )
        finally:
            shop.execute("DROP TABLE public.orders")


@pytest.mark.django_db(transaction=True)
def test_every_template_runs_to_its_end(town: Town, tenant_a: Workspace) -> None:
    with tenant_scope(tenant_a.ref):
        Preferences.objects.create(prices=[PRICE], updated_at=datetime.now(UTC))
    for template in gallery.templates().values():
        with tenant_scope(tenant_a.ref):
            event = publish(template, town)
        before = len(town.web.received)
        dispatch.ring(tenant_a.ref)

        run = carried_out(tenant_a, template.slug)

        assert (template.slug, run.status, run.error) == (template.slug, "succeeded", None), event
        seen = [told(request) for request in town.web.received[before:] if "/comments?" not in request.path]
        assert {name: seen.count(name) for name in seen} == SEEN[template.slug], template.slug
    assert set(SEEN) == set(gallery.templates())
    assert town.llm.asked
    with tenant_scope(tenant_a.ref):
        assert StepRun.objects.filter(connector="email", status="succeeded").count() == 2
    with psycopg.connect(**{**connect_by(town), "connect_timeout": 20}) as shop:
        assert shop.execute("SELECT id, status FROM public.orders").fetchall() == [("o-1001", "paid")]


def connect_by(town: Town) -> dict[str, Any]:
    given = dict(town.database)
    return {
        "host": given["host"],
        "port": given["port"],
        "dbname": given["database"],
        "user": given["user"],
        "password": VALUES["SHOP_DB_PASSWORD"],
    }


def publish(template: gallery.Template, town: Town) -> Any:
    """Make the drafts, store the secrets, fill in the addresses, publish, and send the event that it listens for."""
    now = datetime.now(UTC)
    by: dict[str, Any] = {"actor": "system", "now": now}
    made = gallery.make(template, **by)
    slugs = [*(one["slug"] for one in template.companions), made.slug]
    for workflow in Workflow.objects.filter(slug__in=slugs, active_version=None):
        filled = town.fill_in(workflow.draft)
        for name in names_in(filled):
            if not secrets.StoredSecret.objects.filter(name=name).exists():
                secrets.create_secret(name=name, value=VALUES.get(name, f"value-of-{name.lower()}"), **by)
        saved = save_draft(workflow_id=workflow.pk, definition=filled, expected_revision=1, **by)
        publish_version(workflow_id=workflow.pk, expected_revision=saved.draft_revision, **by)
    type_, source = example_of(template.definition["trigger"], template.slug)
    payload = template.sample
    if "batch" in template.definition:
        payload = payload["events"][0]["payload"]
    if template.definition["trigger"]["type"] == "webhook":
        type_ = "webhook.received"
    return EventIngestor().ingest(type=type_, payload=payload, source=source)


PRICE = {"model": "gpt-4o-mini", "input": 1, "output": 1}  # of the stand-in
VALUES = {
    "OPENAI_API_KEY": KEY,
    "SMS_ONE_TOKEN": "sms-one-0123456789",
    "SMS_TWO_TOKEN": "sms-two-0123456789",
    "SLACK_TOKEN": "xoxb-" + "123456789012-abcdefghijkl",
}


def carried_out(workspace: Workspace, slug: str) -> ExecutionRun:
    """The workflow's run when it has ended; what waits for time is due, and who is asked says yes."""
    for _ in range(12):
        worker = Worker(DispatchStore(), WorkerOptions(batch_size=10))
        try:
            asyncio.run(worker.run_until_idle())
        finally:
            worker.close()
        with tenant_scope(workspace.ref):
            run = ExecutionRun.objects.filter(version__workflow__slug=slug).first()
            if run is not None and run.status not in {"queued", "running", "waiting"}:
                return run
            for wait in RunWait.objects.filter(status="open", kind="approval"):
                answer_approval(wait_id=wait.pk, approved=True, actor="user:1", now=datetime.now(UTC))
            past = datetime.now(UTC) - timedelta(seconds=1)
            OutboxJob.objects.filter(status="PENDING").exclude(available_at__year__gte=9998).update(available_at=past)
            StepRun.objects.filter(retry_at__isnull=False).update(retry_at=past)
            RunWait.objects.filter(expires_at__isnull=False).update(expires_at=past)
            EventBuffer.objects.update(due_at=past)
        dispatch.ring(workspace.ref)
    raise AssertionError(f"{slug} has not ended")
