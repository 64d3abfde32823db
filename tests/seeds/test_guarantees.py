"""The concepts page, "Key Guarantees", and the welcome page, "Core Guarantees"."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, transaction

from automate import host
from automate.models import AuditLogEntry, Event, ExecutionRun, OutboxJob, StepRun
from automate.outbox.postgres import PostgresStore
from automate.policy import save_policy, stored_policy
from automate.runtime import emit_event
from automate.services import audit
from automate_connectors.models import ConnectorError
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, step
from tests.engine.automate_governance.test_vault import ROOT_TOKEN
from tests.seeds.promise import promise
from tests.support.server import DatabaseUrls
from tests.support.sink import Sink


@promise(
    "index",
    "Django Automate separates the Control Plane (defining what should happen) from the Execution Plane (ensuring it"
    " actually happens).",
)
def test_the_execution_plane_reads_published_versions_and_no_drafts(bench: Bench, scripted: Any) -> None:
    from automate.models import Workflow

    bench.publish(step("a"))
    with tenant_scope(bench.ref):
        Workflow.objects.update(draft={"this": "is being edited, and no definition at all"})
    bench.emit()

    bench.work()

    assert bench.run().status == "succeeded"


@promise("concepts", "The system uses idempotency_keys for every execution.")
def test_every_execution_has_an_idempotency_key(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a", "keyed"), step("b", "keyed"))
    bench.emit()
    bench.emit()
    bench.work()

    keys = [key for _, key, _ in scripted.calls]
    assert len(keys) == len(set(keys)) == 4
    assert all(len(key) == 32 for key in keys)


@pytest.mark.processes
@promise(
    "concepts",
    "If the same webhook payload arrives twice (with the same ID), the second one is practically ignored or attached to"
    " the existing run, preventing duplicate side effects (like charging a card twice).",
)
def test_the_same_webhook_twice_charges_a_card_once(bench: Bench, alone: Any, scripted: Any) -> None:
    body = b'{"type": "charge", "amount": 900}'
    bench.publish(step("charge", "write"), trigger={"type": "webhook", "endpoint": "default"})

    first = alone.post(body, webhook_id="msg_77")
    again = alone.post(body, webhook_id="msg_77")

    assert (first.status, again.status) == (202, 202)
    assert again.json["event_id"] == first.json["event_id"]
    assert again.json["duplicate"] is True
    bench.make_due()  # what the gateway's bell does
    bench.work()
    assert [name for name, _, _ in scripted.calls] == ["charge"]


@promise(
    "index",
    "Idempotency Intent: We use idempotency_keys to ensure that even if an event is replayed, the side-effects happen"
    ' "practically once".',
)
def test_a_repeated_attempt_sends_the_same_idempotency_key(bench: Bench, scripted: Any) -> None:
    def lost(params: Any, context: Any) -> Any:
        if context["attempt"] == 1:
            raise ConnectorError("The answer was lost.", retryable=True, in_doubt=True)
        return {}

    scripted.script = staticmethod(lost)
    bench.publish(step("charge", "keyed"))
    with tenant_scope(bench.ref):
        first = emit_event("order.created", {"amount": 1}, dedupe_key="order-1")
        again = emit_event("order.created", {"amount": 1}, dedupe_key="order-1")
    bench.work()
    bench.make_due()
    bench.work()

    assert first == again
    assert len({key for _, key, _ in scripted.calls}) == 1
    assert [attempt for _, _, attempt in scripted.calls] == [1, 2]
    assert bench.run().status == "succeeded"


@promise("concepts", "We do not execute side effects immediately in the HTTP request loop.")
def test_nothing_is_executed_before_a_worker_claims(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a"))
    bench.emit()

    assert scripted.calls == []
    bench.work()
    assert len(scripted.calls) == 1


@promise("concepts", "Commit Phase: The event and intent-to-run are saved to the Outbox (DB).")
def test_event_and_intent_to_run_are_saved_in_one_commit(bench: Bench) -> None:
    with tenant_scope(bench.ref):
        with transaction.atomic():
            emit_event("order.created", {})
            transaction.set_rollback(True)
        assert (Event.objects.count(), OutboxJob.objects.count()) == (0, 0)
        event = emit_event("order.created", {})
        assert [str(job.event_id) for job in OutboxJob.objects.all()] == [event]


@promise(
    "concepts",
    "Async Phase: A reliable worker (Celery or Management Command) claims the outbox item via a locking mechanism (SKIP"
    " LOCKED on Postgres).",
    note="A worker is the management command; PostgreSQL decides, whoever starts it",
)
def test_a_claim_passes_over_what_another_transaction_has_locked(bench: Bench, database_urls: DatabaseUrls) -> None:
    for _ in range(3):
        bench.emit()
    with psycopg.connect(database_urls.superuser) as other, tenant_scope(bench.ref):
        other.execute(f"SET search_path = {bench.ref.schema_name}")
        [(locked,)] = other.execute("SELECT id FROM automate_outboxjob ORDER BY id LIMIT 1 FOR UPDATE").fetchall()

        claim = PostgresStore().claim_batch(limit=10, worker="w", lease_seconds=30)

    assert claim is not None
    assert len(claim.jobs) == 2
    assert locked not in {job.id for job in claim.jobs}


@promise("concepts", "Retry Phase: If a step fails, it is retried with exponential backoff based on the policy.")
def test_a_failed_step_is_retried_with_exponential_backoff(bench: Bench, scripted: Any) -> None:
    def busy(params: Any, context: Any) -> None:
        raise ConnectorError("busy", retryable=True)

    scripted.script = staticmethod(busy)
    policy = {"attempts": 4, "base_seconds": 10, "factor": 3, "cap_seconds": 50}
    bench.publish(step("a", retry=policy))
    bench.emit()
    waits = []
    for _ in range(4):
        bench.work()
        latest = bench.steps()[-1]
        if latest.retry_at and latest.ended_at:
            waits.append((latest.retry_at - latest.ended_at).total_seconds())
        bench.make_due()

    for waited, wanted in zip(waits, (10, 30, 50), strict=True):
        assert 0.7 * wanted <= waited <= 1.3 * wanted  # with jitter
    assert bench.run().status == "failed"


@promise(
    "concepts",
    "Dead Letter Queues (DLQ) capture permanent failures.",
    note="Failed runs and DEAD jobs are the queue; both keep what is needed to decide",
)
def test_what_fails_for_good_is_kept_with_its_error(bench: Bench, scripted: Any) -> None:
    def broken(params: Any, context: Any) -> None:
        raise ConnectorError("The account is closed.", code="closed")

    scripted.script = staticmethod(broken)
    bench.publish(step("a"))
    bench.emit()
    bench.work()
    run = bench.run()
    assert (run.status, (run.error or {})["code"], (run.error or {})["step"]) == ("failed", "closed", "a")

    bench.emit()
    with tenant_scope(bench.ref):
        past = datetime(2020, 1, 1, tzinfo=UTC)
        OutboxJob.objects.filter(status="PENDING").update(attempts=4, available_at=past)
        store = PostgresStore()
        assert store.claim_batch(limit=1, worker="w", lease_seconds=30) is not None
        OutboxJob.objects.filter(status="CLAIMED").update(lease_expires_at=past)
        store.tend()
        assert OutboxJob.objects.filter(status="DEAD", attempts=5).count() == 1
    assert ("held", "worker_crashed") in bench.decisions()


@promise("index", "Audit: Every action is effectively immutable and logged.")
def test_every_action_is_logged_and_the_log_cannot_be_changed(bench: Bench) -> None:
    bench.publish(step("a", "log", connector="core", params={"message": "hi"}), actor="user:7")

    with tenant_scope(bench.ref):
        logged = AuditLogEntry.objects.filter(actor="user:7")
        assert set(logged.values_list("action", flat=True)) >= {"workflow.create", "workflow.publish"}
        for change in (lambda e: e.update(actor="nobody"), lambda e: e.delete()):
            with pytest.raises(DatabaseError, match=r"immutable|permission denied"), transaction.atomic():
                change(logged)


@promise(
    "index",
    "Policy & Governance: Secret redaction and budget limits are enforced at the runtime level, not just the UI level.",
)
def test_redaction_and_policy_are_enforced_at_the_runtime_level(bench: Bench, scripted: Any) -> None:
    scripted.script = staticmethod(lambda params, context: {"password": "hunter2-canary"})
    bench.publish(step("a"))
    bench.emit({})
    bench.work()
    assert "hunter2-canary" not in bench.everything_stored()

    with tenant_scope(bench.ref):  # what the page would refuse at publishing is also refused at the call
        revision = stored_policy().revision
        now = datetime.now(UTC)
        save_policy(document={"connector_allowlist": ["core"]}, expected_revision=revision, actor="user:1", now=now)
    bench.emit({})
    bench.work()
    assert [run.status for run in bench.runs()] == ["succeeded", "failed"]
    assert [(run.error or {}).get("code") for run in bench.runs()] == [None, "connector_not_allowed"]
    assert len(scripted.calls) == 1


@promise(
    "index",
    "Traceability: A trace_id flows from the inbound webhook -> event -> rule -> workflow -> connector -> external"
    " system.",
)
def test_a_trace_id_flows_from_the_event_to_the_external_system(bench: Bench, http_sink: Sink, settings: Any) -> None:
    from automate.models import MatchDecision

    settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "POLICY": {"private_targets": [http_sink.target]}}
    bench.publish(step("call", "request", connector="http", params={"method": "GET", "url": http_sink.url}))
    event_id = bench.emit()
    bench.work()

    with tenant_scope(bench.ref):
        trace = Event.objects.get(pk=event_id).trace_id
        rows = [OutboxJob, MatchDecision, ExecutionRun, StepRun]
        assert {row.trace_id for model in rows for row in model._default_manager.all()} == {trace}
    assert http_sink.received[0].headers["traceparent"].split("-")[1] == trace.hex


@promise("concepts", "NEVER store API keys in workflow definitions.")
def test_a_value_that_looks_like_a_key_is_told_before_publishing() -> None:
    from automate.definitions import find_problems

    given = step("a", "request", connector="http", params={"url": "https://x.example", "headers": {}})
    given["params"]["headers"] = {"Authorization": "Bearer sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"}
    definition = {"slug": "f", "name": "F", "trigger": {"type": "event", "event_type": "t"}, "steps": [given]}

    assert "secret_value" in {problem.code for problem in find_problems(definition)}


@promise("concepts", 'Use SecretRef: { "api_key": {"$secret": "STRIPE_LIVE_KEY"} }')
def test_a_secret_ref_in_a_definition_is_taken(bench: Bench, scripted: Any) -> None:
    from automate.services.secrets import create_secret

    got: list[Any] = []
    scripted.script = staticmethod(lambda params, context: got.append(dict(params)))
    with tenant_scope(bench.ref):
        create_secret(name="STRIPE_LIVE_KEY", value="the live one", actor="system", now=datetime.now(UTC))
    bench.publish(step("a", params={"api_key": {"$secret": "STRIPE_LIVE_KEY"}}))
    bench.emit({})
    bench.work()

    assert got == [{"api_key": "the live one"}]


@promise(
    "concepts",
    "The Governance Layer resolves this at runtime using configured Backends (Env, Vault, Encrypted DB).",
)
def test_references_are_resolved_by_env_vault_and_encrypted_db(
    bench: Bench, scripted: Any, vault: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """One published step, three backends, each with a value of its own; the definition never changes."""
    from automate.services.secrets import create_secret

    monkeypatch.setenv("AUTOMATE_KEY", "of the environment")
    with tenant_scope(bench.ref):
        create_secret(name="KEY", value="of the database", actor="system", now=datetime.now(UTC))
        path = f"automate/{host.current().scope_name()}/KEY"
    vault.secrets.kv.v2.create_or_update_secret(path, secret={"value": "of the vault"}, mount_point="secret")
    got: list[Any] = []
    scripted.script = staticmethod(lambda params, context: got.append(params["key"]))
    bench.publish(step("a", params={"key": {"$secret": "KEY"}}))
    given = settings.DJANGO_AUTOMATE
    for backend in (
        {"backend": "env"},
        {"backend": "vault", "vault": {"url": vault.url, "token": ROOT_TOKEN}},
        {"backend": "db"},
    ):
        settings.DJANGO_AUTOMATE = {**given, "SECRETS": backend}
        bench.emit({})
        bench.work()

    assert got == ["of the environment", "of the vault", "of the database"]
    stored = bench.everything_stored()
    assert not [value for value in got if value in stored]


@promise(
    "concepts",
    "The Audit Log automatically redacts values that look like sensitive keys or PII before saving to the database,"
    " ensuring your logs don't leak secrets.",
)
def test_the_audit_log_redacts_sensitive_keys_and_pii_before_saving(bench: Bench) -> None:
    leaks = {"password": "correct-horse", "note": "card 4242 4242 4242 4242", "text": "sk_live_" + "4eC39HqLyjWDarjtT1"}
    with tenant_scope(bench.ref):
        audit.record(actor="user:1", action="test.done", resource="thing:1", details=leaks, now=datetime.now(UTC))
        stored = str(AuditLogEntry.objects.get(action="test.done").details)

    assert not [leak for leak in ("correct-horse", "4242 4242", "4eC39HqLyjWDarjtT1") if leak in stored]


@promise("concepts", "Administrators can define global policies:")
def test_administrators_define_policies_for_all_workflows(bench: Bench) -> None:
    with tenant_scope(bench.ref):
        saved = save_policy(
            document={"llm_budget_daily": 5, "webhook_rate": 100, "host_allowlist": ["*.stripe.com"]},
            expected_revision=stored_policy().revision,
            actor="user:1",
            now=datetime.now(UTC),
        )
        assert stored_policy().document == saved.document
        assert AuditLogEntry.objects.filter(action="policy.change").count() == 1


@promise("concepts", "Budget: Max $5.00/day on LLM calls.")
def test_a_budget_of_5_dollars_a_day_on_llm_calls_holds(ask_model: Any, llm_server: Any) -> None:
    from django.conf import settings

    from automate_llm.errors import BudgetExceeded
    from tests.support.llm_server import Reply

    settings.DJANGO_AUTOMATE["POLICY"]["llm_budget_daily"] = 5.00
    with pytest.raises(BudgetExceeded):
        ask_model(max_tokens=5_001)  # would pass 5.00 alone
    llm_server.say = Reply(usage=(10, 3_000))
    ask_model(max_tokens=4_000)  # reserves 4.00, costs 3.00
    with pytest.raises(BudgetExceeded):
        ask_model(max_tokens=2_001)  # would pass 5.00 with what was spent today
    ask_model(max_tokens=2_000)

    assert len(llm_server.asked) == 2


@pytest.mark.processes
@promise("concepts", "Rate Limits: Max 100 webhooks/minute per tenant.")
def test_a_rate_limit_of_100_webhooks_a_minute_per_tenant_holds(alone: Any, owner_connection: Any) -> None:
    from tests.web.gateway.rates import set_limit

    set_limit(owner_connection, alone, per_window=100)

    answers = [alone.post().status for _ in range(103)]

    assert answers == [202] * 100 + [429] * 3


@promise("concepts", "Allowlists: Only allow HTTP calls to *.stripe.com.")
def test_an_allowlist_lets_http_calls_go_to_stripe_only(bench: Bench, http_sink: Sink, settings: Any) -> None:
    from automate_governance.egress import EgressPolicy, parse_target

    listed = EgressPolicy(host_allowlist=("*.stripe.com",))
    listed.check_host(parse_target("https://api.stripe.com/v1/charges"))

    settings.DJANGO_AUTOMATE = {**settings.DJANGO_AUTOMATE, "POLICY": {"private_targets": [http_sink.target]}}
    bench.publish(step("call", "request", connector="http", params={"method": "GET", "url": http_sink.url}))
    with tenant_scope(bench.ref):
        save_policy(
            document={"host_allowlist": ["*.stripe.com"]},
            expected_revision=stored_policy().revision,
            actor="user:1",
            now=datetime.now(UTC),
        )
    bench.emit()
    bench.work()

    error = bench.run().error or {}
    assert (error["code"], error["details"]["reason"]) == ("egress_denied", "host_allowlist")
    assert http_sink.received == []
