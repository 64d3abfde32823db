"""Policy in the worker: a denied step says whose rule it was, a paced call waits without using up an attempt."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from django.test import override_settings

from automate.models import AuditLogEntry, OutboundPace, PolicyDocument
from automate.policy import InvalidPolicy, blocked_since, save_policy, stored_policy
from automate.services import InvalidDraft
from automate_governance.errors import Conflict
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, bench, scripted, step
from tests.support.sink import Sink

__all__ = ["bench", "scripted"]  # the fixtures
POLICY = "DJANGO_AUTOMATE"


def set_policy(bench: Bench, **document: Any) -> None:
    with tenant_scope(bench.ref):
        save_policy(
            document=document,
            expected_revision=stored_policy().revision,
            actor="user:1",
            now=datetime.now(timezone.utc),
        )


def blocked(bench: Bench) -> list[tuple[str, str, str, str, int]]:
    with tenant_scope(bench.ref):
        rows = blocked_since(datetime.now(timezone.utc) - timedelta(days=7))
    return sorted((row.rule, row.layer, row.subject, row.outcome, row.count) for row in rows)


def call(sink: Sink, **more: Any) -> dict[str, Any]:
    return step("call", "request", connector="http", params={"method": "GET", "url": sink.url}, **more)


def private(sink: Sink) -> Any:
    """The installation admits the sink, which is on this machine."""
    from django.conf import settings

    return override_settings(DJANGO_AUTOMATE={**settings.DJANGO_AUTOMATE, "POLICY": {"private_targets": [sink.target]}})


def test_a_connector_that_is_not_allowed_is_never_called(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a"))
    set_policy(bench, connector_allowlist=["core", "scripted.write"])

    bench.emit()
    bench.work()

    (attempt,) = bench.steps()
    assert bench.run().status == attempt.status == "failed"
    assert attempt.error == {
        "code": "connector_not_allowed",
        "message": "The connector allowlist of the workspace’s policy does not name scripted.read.",
        "details": {"rule": "connector_allowlist", "layer": "tenant", "subject": "scripted.read"},
        "retryable": False,
    }
    assert scripted.calls == []
    assert blocked(bench) == [("connector_allowlist", "tenant", "scripted.read", "denied", 1)]


def test_a_change_of_policy_holds_for_the_next_step(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a"))
    bench.emit()
    bench.work()
    set_policy(bench, connector_allowlist=["core"])
    bench.emit()
    bench.work()
    set_policy(bench, connector_allowlist=["*"])
    bench.emit()
    bench.work()

    assert [run.status for run in bench.runs()] == ["succeeded", "failed", "succeeded"]


def test_a_host_that_is_not_allowed_is_never_called(bench: Bench, http_sink: Sink) -> None:
    with private(http_sink):
        bench.publish(call(http_sink))
        set_policy(bench, host_allowlist=["*.stripe.com"])
        bench.emit()
        bench.work()

    (attempt,) = bench.steps()
    assert attempt.error["code"] == "egress_denied"
    assert attempt.error["details"]["layer"] == "tenant"
    assert attempt.error["details"]["rule"] == "host_allowlist"
    assert http_sink.received == []
    assert blocked(bench) == [("host_allowlist", "tenant", http_sink.target, "denied", 1)]


def test_a_call_over_the_rate_waits_and_then_goes_out_as_the_same_attempt(bench: Bench, http_sink: Sink) -> None:
    with private(http_sink):
        set_policy(bench, outbound_rates={"127.0.0.1:*": 1})
        bench.publish(call(http_sink))
        bench.emit()
        bench.emit()
        bench.work()

        waiting = [attempt for attempt in bench.steps() if attempt.status == "waiting"]
        assert sorted(run.status for run in bench.runs()) == ["succeeded", "waiting"]
        assert len(http_sink.received) == 1
        assert [attempt.error["code"] for attempt in waiting] == ["outbound_rate_limited"]
        assert waiting[0].error["details"]["layer"] == "tenant"
        assert 50 < (waiting[0].retry_at - waiting[0].started_at).total_seconds() <= 61

        with tenant_scope(bench.ref):
            OutboundPace.objects.all().delete()  # a minute later
        bench.make_due()
        bench.work()

    assert [run.status for run in bench.runs()] == ["succeeded", "succeeded"]
    assert [attempt.attempt for attempt in bench.steps()] == [1, 1]
    assert len(http_sink.received) == 2
    assert blocked(bench) == [("outbound_rates", "tenant", http_sink.target, "waited", 1)]


def test_a_change_is_audited_and_the_second_of_two_people_is_told(bench: Bench) -> None:
    set_policy(bench, llm_budget_run=2)
    with tenant_scope(bench.ref):
        with pytest.raises(Conflict):
            save_policy(document={}, expected_revision=0, actor="user:2", now=datetime.now(timezone.utc))
        with pytest.raises(InvalidPolicy):
            save_policy(
                document={"llm_budget_run": -1}, expected_revision=1, actor="user:2", now=datetime.now(timezone.utc)
            )
        entries = list(AuditLogEntry.objects.filter(action="policy.change").values_list("actor", "details"))
        assert PolicyDocument.objects.get().document == {"llm_budget_run": 2}

    assert entries == [
        ("user:1", {"revision": 1, "changed": {"llm_budget_run": {"before": None, "after": 2}}}),
    ]


def test_a_workflows_own_policy_holds_for_its_runs_alone(bench: Bench, http_sink: Sink) -> None:
    with private(http_sink):
        versions = {
            bench.publish(call(http_sink), policy={"outbound_rates": {"127.0.0.1:*": 1}}): "flow",
            bench.publish(call(http_sink), slug="other"): "other",
        }
        for _ in range(2):
            bench.emit()
        bench.work()

    waiting = [run for run in bench.runs() if run.status == "waiting"]
    assert len(bench.runs()) == 4
    assert [versions[run.version_id] for run in waiting] == ["flow"]
    (row,) = blocked(bench)
    assert row == ("outbound_rates", "workflow", http_sink.target, "waited", 1)


def test_what_policy_forbids_is_not_published(bench: Bench, scripted: Any) -> None:
    set_policy(bench, connector_allowlist=["core"])

    with pytest.raises(InvalidDraft) as raised:
        bench.publish(step("a"))

    assert [(problem.path, problem.code) for problem in raised.value.problems] == [
        ("/steps/0/connector", "connector_not_allowed")
    ]


def denials(bench: Bench) -> list[AuditLogEntry]:
    with tenant_scope(bench.ref):
        return list(AuditLogEntry.objects.filter(action="policy.deny").order_by("pk"))


def test_the_first_denial_of_a_rule_in_a_workflow_is_an_audit_entry(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a"))
    bench.publish(step("b"), slug="other")
    set_policy(bench, connector_allowlist=["core"])

    for _ in range(3):
        bench.emit()
        bench.work()

    told = denials(bench)
    first = {run.workflow_id: run for run in reversed(bench.runs())}
    assert {entry.resource for entry in told} == {f"workflow:{workflow}" for workflow in first}
    assert len(told) == 2
    for entry in told:
        run = first[UUID(entry.resource.partition(":")[2])]
        assert entry.details["episode"].startswith(f"{run.workflow_id} tenant connector_allowlist 20")
        shown = {name: value for name, value in entry.details.items() if name not in ("episode", "step_id")}
        assert shown == {
            "rule": "connector_allowlist",
            "layer": "tenant",
            "subject": "scripted.read",
            "code": "connector_not_allowed",
            "reason": "The connector allowlist of the workspace’s policy does not name scripted.read.",
            "run_id": str(run.id),
        }
        assert (entry.actor, entry.trace_id) == ("system", run.trace_id)
