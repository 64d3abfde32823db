"""A backtest as a job: slice by slice through the worker, watched, cancelled, and never over somebody's word."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from automate.dryrun import Backtest, stored
from automate.housekeeping import keep_house
from automate.models import AuditLogEntry, OutboxJob, StoredBacktest, WorkflowVersion
from automate.retention import Retention, purge
from automate.services import InvalidDraft
from automate.services.backtests import MAX_RUNNING, cancel_backtest, start_backtest
from automate_governance.errors import Conflict, Invalid, NotFound
from automate_llm.models import Preferences
from automate_tenants.context import tenant_scope
from tests.engine.automate.dryrun.test_backtest import past, tried
from tests.engine.automate.execution.conftest import Bench

__all__ = ["past"]
NOW = datetime.now(timezone.utc)


def started(bench: Bench, version: WorkflowVersion, **more: Any) -> StoredBacktest:
    now = datetime.now(timezone.utc)
    asked = {
        "workflow_id": version.workflow_id,
        "definition": {**version.definition, **more.pop("changes", {})},
        "since": now - timedelta(hours=1),
        "until": now + timedelta(seconds=1),
        **more,
    }
    with tenant_scope(bench.ref):
        return start_backtest(actor="user:7", now=now, **asked)


def again(bench: Bench, one: StoredBacktest) -> StoredBacktest:
    with tenant_scope(bench.ref):
        return StoredBacktest.objects.get(pk=one.pk)


def test_the_worker_does_it_and_finds_what_one_call_finds(bench: Bench, past: WorkflowVersion) -> None:
    changes = {"rule": {">": [{"var": "payload.amount"}, 200]}}
    asked = started(bench, past, changes=changes)
    assert (asked.status, asked.events_total, asked.result) == ("running", 5, None)

    bench.work()

    done = again(bench, asked)
    assert (done.status, done.error) == ("succeeded", None)
    assert done.ended_at is not None
    at_once = tried(bench, past, changes=changes)
    found = Backtest.parse(done.result)
    assert (found.events, found.matches, found.lost, found.differences) == (5, 1, 1, at_once.differences)
    with tenant_scope(bench.ref):
        assert AuditLogEntry.objects.get(action="backtest.start").actor == "user:7"
        assert not OutboxJob.objects.filter(kind="tick", status="PENDING").exists()


def test_it_goes_on_behind_the_event_where_a_slice_ended(
    bench: Bench, past: WorkflowVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["automate.dryrun.backtest"], "BATCH_EVENTS", 2)
    asked = started(bench, past)
    slices: list[Any] = []

    def one_slice(seconds: float) -> StoredBacktest:
        monkeypatch.setattr(stored, "SLICE_SECONDS", seconds)
        with tenant_scope(bench.ref):
            row = StoredBacktest.objects.get(pk=asked.pk)
            assert stored.tick(row.tick_job_id or 0, now=NOW)
        return again(bench, asked)

    nothing = one_slice(-1.0)
    assert (nothing.status, nothing.result["events"]) == ("running", 0)  # type: ignore[index]
    monkeypatch.setattr("automate.dryrun.stored.backtest", _first_batch_only(slices))
    partly = one_slice(1.0)
    assert (partly.status, partly.result["events"]) == ("running", 2)  # type: ignore[index]
    monkeypatch.setattr("automate.dryrun.stored.backtest", slices[0])
    done = one_slice(1.0)

    assert (done.status, done.result["events"], done.result["matches"]) == ("succeeded", 5, 2)  # type: ignore[index]
    assert Backtest.parse(done.result).as_dict() == done.result  # type: ignore[arg-type]


def _first_batch_only(kept: list[Any]) -> Any:
    real = stored.backtest
    kept.append(real)

    def limited(*args: Any, **how: Any) -> Backtest:
        calls = iter([False])
        return real(*args, **how, must_stop=lambda: next(calls, True))

    return limited


def test_a_cancelled_one_stays_cancelled_with_what_was_found(
    bench: Bench, past: WorkflowVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = started(bench, past)
    real = stored.backtest

    def cancelled_meanwhile(*args: Any, **how: Any) -> Backtest:
        found = real(*args, **how)
        cancel_backtest(backtest_id=asked.pk, actor="user:7", now=NOW)
        return found

    monkeypatch.setattr(stored, "backtest", cancelled_meanwhile)
    bench.work()

    done = again(bench, asked)
    assert (done.status, done.result) == ("cancelled", None)
    with tenant_scope(bench.ref):
        assert cancel_backtest(backtest_id=asked.pk, actor="user:7", now=NOW).status == "cancelled"
        assert AuditLogEntry.objects.filter(action="backtest.cancel").count() == 1
        with pytest.raises(NotFound):
            cancel_backtest(backtest_id=past.pk, actor="user:7", now=NOW)


def test_a_limit_on_events_ends_it_and_says_where(bench: Bench, past: WorkflowVersion) -> None:
    asked = started(bench, past, max_events=3)
    bench.work()

    done = again(bench, asked)
    assert (done.status, done.events_total) == ("succeeded", 3)
    assert done.result is not None
    assert (done.result["events"], done.result["is_complete"]) == (3, False)
    assert done.result["goes_on_at"]
    assert Backtest.parse(done.result).as_dict() == done.result


def test_what_cannot_be_asked_for_is_refused(bench: Bench, past: WorkflowVersion) -> None:
    with pytest.raises(Invalid, match="before it begins"):
        started(bench, past, until=NOW - timedelta(days=9))
    with pytest.raises(InvalidDraft):
        started(bench, past, changes={"steps": []})
    with pytest.raises(Invalid, match="1 to 100,000"):
        started(bench, past, max_events=100_001)
    with pytest.raises(NotFound):
        started(bench, past, workflow_id=past.pk)
    for _ in range(MAX_RUNNING):
        started(bench, past)
    with pytest.raises(Conflict, match="run already"):
        started(bench, past)


def test_one_that_kills_its_workers_has_failed_and_old_ones_go(bench: Bench, past: WorkflowVersion) -> None:
    asked = started(bench, past)
    with tenant_scope(bench.ref):
        OutboxJob.objects.filter(pk=asked.tick_job_id).update(status="DEAD")
        keep_house(now=NOW, retention=Retention())

    failed = again(bench, asked)
    assert (failed.status, failed.error) == ("failed", stored.CRASHED)
    with tenant_scope(bench.ref):
        assert purge(now=NOW + timedelta(days=31), retention=Retention())["storedbacktest"] == 1


def test_a_model_call_nobody_recorded_is_estimated_by_its_price_or_said_to_be_unknown(
    bench: Bench, past: WorkflowVersion
) -> None:
    ask = {"provider": "openai", "model": "gpt-4o", "prompt": "Order {{ payload.amount }}", "max_tokens": 1000}
    call = {"id": "ask", "connector": "llm", "action": "chat", "params": ask}
    own = {"id": "own", "connector": "llm", "action": "chat", "params": {**ask, "model": "house-model"}}

    found = tried(bench, past, changes={"steps": [call, own]})

    assert (found.llm_calls, found.llm_calls_estimated, found.llm_calls_unknown) == (4, 2, 2)
    assert 2 * 0.01 < float(found.llm_usd_at_most) < 2 * 0.0101  # 1,000 output tokens at 10 dollars a million, each
    with tenant_scope(bench.ref):
        Preferences.objects.create(prices=[{"model": "house-model", "input": 0, "output": 1}], updated_at=NOW)
    found = tried(bench, past, changes={"steps": [own]})
    assert (found.llm_calls_unknown, found.llm_usd_at_most) == (0, "0.002")
