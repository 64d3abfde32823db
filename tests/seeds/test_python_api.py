"""The reference page, "Python API Reference": the stable surface, its signatures and what it does."""

from __future__ import annotations

import inspect
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from automate.models import Event, ExecutionRun, MatchDecision, OutboxJob
from automate.rules import evaluate, explain
from automate.runtime import emit_event, run_workflow
from automate.secrets import redact, resolve
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, step
from tests.seeds.promise import promise

RULE = {"and": [{">": [{"var": "payload.amount"}, 100]}, {"==": [{"var": "payload.currency"}, "EUR"]}]}


@promise("reference", "def emit_event(type: str, payload: dict, dedupe_key: str = None) -> str:")
def test_emit_event_takes_type_payload_and_dedupe_key_and_returns_text() -> None:
    found = inspect.signature(emit_event)

    assert list(found.parameters) == ["type", "payload", "dedupe_key"]
    assert found.parameters["dedupe_key"].default is None
    assert found.return_annotation in (str, "str")


@promise("reference", "Ingest an event into the Outbox. Returns: Event ID (UUID).")
def test_emit_event_ingests_into_the_outbox_and_returns_the_event_id(bench: Bench) -> None:
    with tenant_scope(bench.ref):
        event_id = emit_event("order.created", {"amount": 1})

        assert Event.objects.get(pk=UUID(event_id)).payload == {"amount": 1}
        assert OutboxJob.objects.get(event_id=event_id).status == "PENDING"
        with transaction.atomic():
            emit_event("order.created", {"amount": 2})
            transaction.set_rollback(True)
        assert Event.objects.count() == OutboxJob.objects.count() == 1


@promise("reference", "def run_workflow(workflow_slug: str, payload: dict):")
def test_run_workflow_takes_a_slug_and_a_payload() -> None:
    assert list(inspect.signature(run_workflow).parameters) == ["workflow_slug", "payload"]


@promise("reference", "Directly invoke a named workflow (Bypasses Rules Engine).")
def test_run_workflow_invokes_a_named_workflow_past_its_rule(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a"), rule={"==": [1, 2]}, slug="never")
    with tenant_scope(bench.ref):
        run_workflow("never", {"amount": 1})
    bench.work()

    assert list(inspect.signature(run_workflow).parameters) == ["workflow_slug", "payload"]
    assert bench.run().status == "succeeded"
    assert bench.decisions() == [("started", "direct")]


@promise("reference", "def evaluate(rule_spec: dict, context: dict) -> bool:")
def test_evaluate_takes_a_rule_and_a_context_and_returns_a_bool() -> None:
    assert list(inspect.signature(evaluate).parameters) == ["rule_spec", "context"]
    assert evaluate({"var": "n"}, {"n": 5}) is True


@promise("reference", "Returns True if context matches rules.")
def test_evaluate_returns_true_if_the_context_matches() -> None:
    assert evaluate(RULE, {"payload": {"amount": 150, "currency": "EUR"}}) is True
    assert evaluate(RULE, {"payload": {"amount": 150, "currency": "USD"}}) is False


@promise("reference", "def explain(rule_spec: dict, context: dict) -> dict:")
def test_explain_takes_a_rule_and_a_context_and_returns_a_dict() -> None:
    assert list(inspect.signature(explain).parameters) == ["rule_spec", "context"]
    assert isinstance(explain(RULE, {}), dict)


@promise("reference", "Returns a tree showing exactly which conditions passed/failed.")
def test_explain_returns_a_tree_of_which_conditions_passed_and_failed() -> None:
    tree = explain(RULE, {"payload": {"amount": 150, "currency": "USD"}})

    assert tree["matched"] is False
    assert [(child["operator"], child["result"]) for child in tree["children"]] == [(">", True), ("==", False)]
    assert tree["failed_at"] == tree["children"][1]["pointer"]


@promise("reference", "def resolve(ref: str) -> str: Resolves a $secret:REF string.")
def test_resolve_resolves_a_secret_reference(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.DJANGO_AUTOMATE = {}
    monkeypatch.setenv("AUTOMATE_STRIPE_KEY", "value")

    assert list(inspect.signature(resolve).parameters) == ["ref"]
    assert resolve("$secret:STRIPE_KEY") == "value"


@promise("reference", "def redact(data: Any) -> Any: Recursively redacts sensitive keys from a dictionary.")
def test_redact_recursively_redacts_sensitive_keys() -> None:
    given = {"a": [{"password": "p4ss"}], "b": {"c": {"api_key": "k3y"}}, "n": 1}

    assert redact(given) == {"a": [{"password": "********"}], "b": {"c": {"api_key": "********"}}, "n": 1}
    assert given["n"] == 1 and given["a"] == [{"password": "p4ss"}]


@promise("reference", "Stable surface for integrating Automate into your Python code.")
def test_the_surface_is_used_from_a_projects_own_code(bench: Bench, scripted: Any) -> None:
    """The event, its run and its decision of one call each, as a project's code would make them."""
    bench.publish(step("a"), slug="greet")
    with tenant_scope(bench.ref):
        emit_event("order.created", {}, dedupe_key="one")
        emit_event("order.created", {}, dedupe_key="one")
        run_workflow("greet", {})
    bench.work()

    with tenant_scope(bench.ref):
        assert (Event.objects.count(), ExecutionRun.objects.count(), MatchDecision.objects.count()) == (2, 2, 2)
