"""Replay: an event once more, as it was or edited, for all workflows or one."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any
from uuid import UUID

import pytest

from automate.models import AuditLogEntry, Event, ExecutionRun, MatchDecision
from automate.services.replays import replay_event, unmasked
from automate_governance.errors import Conflict, Invalid, NotFound
from automate_tenants.context import tenant_scope
from tests.engine.automate.execution.conftest import Bench, bench, scripted, step

__all__ = ["bench", "scripted"]


def replayed(bench: Bench, event: UUID, **how: Any) -> Event:
    with tenant_scope(bench.ref):
        made = replay_event(event_id=event, actor="user:1", now=datetime.now(timezone.utc), **how)
    bench.work()
    return made


def test_a_replay_is_an_event_of_its_own_with_runs_of_its_own(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a", "keyed", params={"n": "{{ payload.amount }}"}))
    first = bench.emit({"amount": 5})
    bench.work()

    made = replayed(bench, first)

    assert (made.replay_of, made.payload, made.type, made.source) == (
        first, {"amount": 5}, "order.created", "emit_event",
    )  # fmt: skip
    old, new = bench.runs()
    assert (old.event_id, new.event_id) == (first, made.id)
    assert old.trace_id != new.trace_id
    assert len({key for _, key, _ in scripted.calls}) == 2
    with tenant_scope(bench.ref):
        entry = AuditLogEntry.objects.get(action="event.replay")
    assert entry.details == {"replay": str(made.id), "edited": False, "workflow": None}


def test_an_edited_payload_meets_the_rules_anew_and_masks_keep_what_is_stored(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a", params={"got": "{{ payload.secret_token }}"}), rule={">": [{"var": "payload.amount"}, 9]})
    first = bench.emit({"amount": 5, "secret_token": "t-0123456789"})
    bench.work()
    assert bench.runs() == []

    made = replayed(bench, first, payload={"amount": 10, "secret_token": "********"})

    assert made.payload == {"amount": 10, "secret_token": "t-0123456789"}
    assert bench.run().status == "succeeded"


def test_a_replay_to_one_workflow_runs_that_alone_past_its_rule(bench: Bench, scripted: Any) -> None:
    bench.publish(step("a"), rule={"==": [1, 2]}, slug="never")
    bench.publish(step("a"), slug="always")
    first = bench.emit()
    bench.work()

    made = replayed(bench, first, workflow="never")

    with tenant_scope(bench.ref):
        [run] = ExecutionRun.objects.filter(event_id=made.id)
        [decision] = MatchDecision.objects.filter(event_id=made.id)
    assert (run.status, run.origin) == ("succeeded", "replay")
    assert (decision.decision, decision.reason) == ("started", "replay")


def test_what_is_not_there_is_refused(bench: Bench) -> None:
    first = bench.emit()
    with pytest.raises(NotFound, match="event"):
        replayed(bench, UUID(int=1))
    with pytest.raises(NotFound, match="workflow"):
        replayed(bench, first, workflow="nowhere")
    with tenant_scope(bench.ref):
        assert Event.objects.count() == 1


def test_a_workflow_that_is_not_live_is_refused(bench: Bench, scripted: Any) -> None:
    from automate.services import create_workflow

    first = bench.emit()
    with tenant_scope(bench.ref):
        draft = {"slug": "d", "name": "D", "trigger": {"type": "manual"}, "steps": [step("a")]}
        create_workflow(definition=draft, actor="test", now=datetime.now(timezone.utc))
    with pytest.raises(Conflict, match="live"):
        replayed(bench, first, workflow="d")


def test_a_mask_where_nothing_is_stored_is_refused() -> None:
    with pytest.raises(Invalid, match="/b/0"):
        unmasked({"b": ["********"]}, {"a": 1})
