"""A version over past events: what it would have matched, done, sent and cost, against what was recorded."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from automate.dryrun import Backtest, Subject
from automate.dryrun import backtest as try_span
from automate.models import WorkflowVersion
from automate.policy import effective_policy
from automate.runtime import emit_event
from automate.services.testing import backtest
from automate_governance.errors import Invalid
from automate_tenants.context import tenant_scope
from tests.engine.automate.dryrun.test_agreement import every_count
from tests.engine.automate.execution.conftest import Bench, step

STEPS = [
    step("charge", "write", params={"amount": "{{ payload.amount }}"}),
    step("tell", when={">": [{"var": "payload.amount"}, 200]}, params={"text": "{{ steps.charge.output.amount }}"}),
]


@pytest.fixture
def past(bench: Bench, scripted: Any) -> WorkflowVersion:
    """Four orders, of which the two above 100 ran; and an event of another kind."""
    version_id = bench.publish(*STEPS, rule={">": [{"var": "payload.amount"}, 100]})
    for amount in (50, 90, 150, 250):
        bench.emit({"amount": amount})
    with tenant_scope(bench.ref):
        emit_event("other", {"amount": 500})
    bench.work()
    scripted.calls.clear()
    with tenant_scope(bench.ref):
        return WorkflowVersion.objects.select_related("workflow").get(pk=version_id)


def tried(bench: Bench, version: WorkflowVersion, **more: Any) -> Backtest:
    """The version with `changes`, over the last hour."""
    changes, now = more.pop("changes", {}), datetime.now(timezone.utc)
    with tenant_scope(bench.ref):
        before = every_count()
        result = backtest(
            workflow_id=version.workflow_id,
            definition={**version.definition, **changes},
            since=now - timedelta(hours=1),
            until=now + timedelta(seconds=1),
            version=None if changes else version,
            **more,
        )
        assert every_count() == before
    return result


def test_the_version_that_ran_would_do_the_same(bench: Bench, past: WorkflowVersion, scripted: Any) -> None:
    found = tried(bench, past)

    assert (found.events, found.matched_then, found.matches, found.gained, found.lost) == (5, 2, 2, 0, 0)
    assert (found.paths_same, found.paths_changed, found.paths_unknown, found.not_compared) == (2, 0, 0, 0)
    assert (found.requests_same, found.requests_changed) == (3, 0)
    assert (found.steps, found.calls) == (3, {"scripted.write": 2, "scripted.read": 1})
    assert (found.differences, found.is_complete) == ([], True)
    assert scripted.calls == []


def test_another_rule_gains_and_loses_matches(bench: Bench, past: WorkflowVersion) -> None:
    found = tried(bench, past, changes={"rule": {"in": [{"var": "payload.amount"}, [90, 250]]}})

    assert (found.matched_then, found.matches, found.gained, found.lost) == (2, 2, 1, 1)
    assert [one.kind for one in found.differences] == ["gained", "lost"]
    assert (found.paths_same, found.not_compared) == (1, 1)  # nobody knows what the gained one would be answered
    assert isinstance(found.differences[0].event_id, UUID)


def test_other_steps_change_paths_and_requests_and_what_was_never_called_is_unknown(
    bench: Bench, past: WorkflowVersion
) -> None:
    steps = [
        step("charge", "write", params={"amount": "{{ payload.amount + 1 }}"}),
        step("new", "write", params={}),
        step("tell", when={">": [{"var": "payload.amount"}, 100]}, params={"text": "{{ steps.new.output.x }}"}),
    ]

    found = tried(bench, past, changes={"steps": steps})

    assert (found.paths_same, found.paths_changed, found.requests_changed) == (0, 2, 2)
    assert found.requests_unknown == 4
    first = found.differences[0]
    assert first.steps == [{"step": "new", "was": "not_run", "would": "succeeded"}]
    assert first.requests == [{"step": "charge", "item": 0, "was": {"amount": 150}, "would": {"amount": 151}}]
    assert first.unknown == ["steps.new.output.x"]


def test_the_cost_of_recorded_model_calls_is_added_up_and_the_others_are_counted(
    bench: Bench, past: WorkflowVersion
) -> None:
    llm = {"id": "ask", "connector": "llm", "action": "chat", "params": {"model": "m", "prompt": "Hi"}}

    found = tried(bench, past, changes={"steps": [llm]})

    assert (found.llm_calls, found.llm_calls_unknown, found.llm_usd) == (2, 2, "0")


def test_a_limit_says_where_to_go_on(bench: Bench, past: WorkflowVersion) -> None:
    found = tried(bench, past, max_events=3)

    assert (found.events, found.is_complete) == (3, False)
    assert found.goes_on_at is not None
    rest = _from(bench, past, found.goes_on_at)
    assert (rest.events, rest.is_complete) == (2, True)
    assert found.matches + rest.matches == 2


def test_it_stops_when_told(bench: Bench, past: WorkflowVersion) -> None:
    now = datetime.now(timezone.utc)
    with tenant_scope(bench.ref):
        subject = Subject.of(past.definition, policy=effective_policy())
        found = try_span(
            subject,
            workflow_id=past.workflow_id,
            since=now - timedelta(hours=1),
            until=now,
            must_stop=lambda: True,
        )

    assert (found.events, found.is_complete) == (0, False)
    assert found.as_dict()["goes_on_at"] is not None


def test_a_span_that_ends_before_it_begins_is_refused(past: WorkflowVersion, bench: Bench) -> None:
    now = datetime.now(timezone.utc)
    with tenant_scope(bench.ref), pytest.raises(Invalid):
        backtest(workflow_id=past.workflow_id, definition=past.definition, since=now, until=now)


def _from(bench: Bench, version: WorkflowVersion, since: datetime) -> Backtest:
    now = datetime.now(timezone.utc)
    with tenant_scope(bench.ref):
        return backtest(
            workflow_id=version.workflow_id,
            definition=version.definition,
            version=version,
            since=since,
            until=now + timedelta(seconds=1),
        )
