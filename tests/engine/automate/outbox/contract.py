"""What every OutboxStore promises, as plain functions over a `World`. Each is one test, on each store.

Run in this process over the dispatch of tenants, and in a plain Django project of its own on PostgreSQL and on SQLite.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from automate import ids
from automate.outbox.store import MAX_CRASHES, Claim, DecisionRow, OutboxStore, RunRow, StateRow, StepRow, Writes

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
LEASE_SECONDS = 30.0


@dataclass(frozen=True)
class World:
    """One empty outbox and the store over it. `scope()` is where the ORM sees its tables."""

    store: OutboxStore
    scope: Callable[[], AbstractContextManager[Any]]
    ring: Callable[[], None]
    expire_leases: Callable[[], None]

    def emit(self, count: int = 1, *, delay_seconds: float = 0, crashed: int = 0) -> list[UUID]:
        from django.utils import timezone as django_timezone

        from automate.models import Event, OutboxJob

        now = django_timezone.now() - timedelta(seconds=1)
        made = []
        with self.scope():
            for number in range(count):
                event = Event.objects.create(
                    type="order.created", payload={"n": number}, source="manual", trace_id=ids.new_id(), received_at=now
                )
                due = now + timedelta(seconds=delay_seconds)
                OutboxJob.objects.create(kind="event", event_id=event.id, available_at=due, attempts=crashed)
                made.append(event.id)
        self.ring()
        return made

    def version(self) -> Any:
        from automate.models import Workflow, WorkflowVersion

        with self.scope():
            workflow = Workflow.objects.create(slug="flow", name="Flow", draft={}, created_at=NOW, updated_at=NOW)
            return WorkflowVersion.objects.create(
                workflow=workflow,
                version_num=1,
                trigger_spec={"type": "event", "event_type": "order.created"},
                steps=[{"id": "a", "connector": "core", "action": "log", "params": {"message": "hi"}}],
                options={"deadline_seconds": 60, "tests": [{"name": "any", "payload": {}, "expected": True}]},
                published_by="test",
                published_at=NOW,
            )

    def claim(self, limit: int = 10) -> Claim | None:
        return self.store.claim_batch(limit=limit, worker="worker-1", lease_seconds=LEASE_SECONDS)

    def must_claim(self, limit: int = 10) -> Claim:
        claim = self.claim(limit)
        assert claim is not None
        return claim

    def jobs(self) -> list[tuple[str, str, int]]:
        """(kind, status, attempts) of every job, oldest first."""
        from automate.models import OutboxJob

        with self.scope():
            return list(OutboxJob.objects.order_by("id").values_list("kind", "status", "attempts"))

    def rows(self, model: str, *columns: str) -> list[Any]:
        from django.apps import apps

        with self.scope():
            return list(apps.get_model("automate", model).objects.order_by("pk").values_list(*columns))


def run_row(claim: Claim, version: Any, **changes: Any) -> RunRow:
    event = claim.jobs[0].event
    assert event is not None
    row = RunRow(
        id=ids.run_id(event.id, version.workflow_id),
        event_id=event.id,
        workflow_id=version.workflow_id,
        version_id=version.id,
        trace_id=event.trace_id,
        status="running",
        outputs="{}",
        error=None,
        steps_done=0,
        steps_total=1,
        created_at=NOW,
        started_at=NOW,
        ended_at=None,
        wake_at=None,
    )
    return row._replace(**changes)


def step_row(run: RunRow, **changes: Any) -> StepRow:
    row = StepRow(
        id=ids.step_run_id(run.id, "a", 0, 1, 1),
        run_id=run.id,
        step_id="a",
        position=0,
        item=0,
        round=1,
        attempt=1,
        connector="core",
        action="log",
        status="running",
        input='{"message":"hi"}',
        output=None,
        error=None,
        logs="[]",
        started_at=NOW,
        ended_at=None,
        retry_at=None,
    )
    return row._replace(**changes)


def claims_due_jobs_oldest_first_with_their_events(world: World) -> None:
    events = world.emit(3)

    claim = world.must_claim(limit=2)

    assert [job.event.id for job in claim.jobs if job.event] == events[:2]
    assert [job.attempts for job in claim.jobs] == [1, 1]
    assert claim.jobs[0].event is not None
    assert claim.jobs[0].event.payload == {"n": 0}


def never_hands_one_job_to_two_claims(world: World) -> None:
    world.emit(3)

    first, second = world.must_claim(limit=2), world.must_claim(limit=2)

    assert {job.id for job in first.jobs}.isdisjoint({job.id for job in second.jobs})
    assert world.claim() is None


def leaves_work_that_is_not_due(world: World) -> None:
    world.emit(1, delay_seconds=60)

    assert world.claim() is None
    due = world.store.next_due_seconds()
    assert due is not None
    assert 50 < due < 61


def nothing_is_claimed_while_everything_is_halted(world: World) -> None:
    from automate.services.halts import halt, resume

    world.emit(1)
    with world.scope():
        halt(actor="test", now=NOW)
    assert world.claim() is None

    with world.scope():
        resume(actor="test", now=NOW)
    world.ring()
    assert [job.kind for job in world.must_claim().jobs] == ["event"]


def records_a_whole_batch_and_completes_its_jobs(world: World) -> None:
    version = world.version()
    world.emit(2)
    claim = world.must_claim()
    run = run_row(claim, version, status="succeeded", outputs='{"a":{"message":"hi"}}', steps_done=1, ended_at=NOW)
    step = step_row(run, status="succeeded", output='{"message":"hi"}', ended_at=NOW)
    other = claim.jobs[1].event
    assert other is not None
    writes = Writes(
        decisions=[
            DecisionRow(run.event_id, run.workflow_id, version.id, run.id, "started", "rule_true", "", NOW),
            DecisionRow(other.id, None, None, None, "no_match", "no_workflow", "", NOW),
        ],
        runs=[run],
        steps=[step],
        states=[StateRow(run.id, b"sealed", NOW)],
    )

    assert world.store.write(claim, writes, final=True, seconds=0.1)

    assert world.jobs() == [("event", "COMPLETED", 0), ("event", "COMPLETED", 0)]
    assert world.rows("ExecutionRun", "id", "status", "outputs") == [(run.id, "succeeded", {"a": {"message": "hi"}})]
    assert world.rows("StepRun", "status", "output", "logs") == [("succeeded", {"message": "hi"}, [])]
    assert sorted(world.rows("MatchDecision", "decision", "reason")) == [
        ("no_match", "no_workflow"),
        ("started", "rule_true"),
    ]
    assert [bytes(row[0]) for row in world.rows("RunState", "sealed")] == [b"sealed"]


def a_second_write_by_an_ended_claim_changes_nothing(world: World) -> None:
    version = world.version()
    world.emit()
    claim = world.must_claim()
    stale = Claim(claim.lease_id, claim.scope, claim.config_token, claim.jobs, claim.lease_seconds)
    run = run_row(claim, version, status="succeeded")
    assert world.store.write(claim, Writes(runs=[run]), final=True, seconds=0)

    assert not world.store.write(stale, Writes(runs=[run._replace(status="failed")]), final=True, seconds=0)

    assert world.rows("ExecutionRun", "status") == [("succeeded",)]


def a_lost_lease_is_claimed_again_and_its_old_holder_changes_nothing(world: World) -> None:
    version = world.version()
    world.emit()
    late = world.must_claim()
    world.expire_leases()
    assert world.store.tend() >= 1
    again = world.must_claim()

    assert not world.store.write(late, Writes(runs=[run_row(late, version)]), final=True, seconds=0)
    assert not world.store.write(late, Writes(runs=[run_row(late, version)]), final=False, seconds=0)

    assert world.rows("ExecutionRun", "id") == []
    assert [job.attempts for job in again.jobs] == [2]
    assert world.store.write(again, Writes(), final=True, seconds=0)
    assert world.jobs() == [("event", "COMPLETED", 0)]


def a_job_that_crashed_is_claimed_alone(world: World) -> None:
    world.emit(2)
    world.emit(1, crashed=1, delay_seconds=-60)
    world.emit(1)

    first = world.must_claim()
    second = world.must_claim()

    assert [job.attempts for job in first.jobs] == [2]
    assert [job.attempts for job in second.jobs] == [1, 1, 1]


def five_crashes_bury_an_event_with_its_reason(world: World) -> None:
    world.emit()
    for crash in range(1, MAX_CRASHES + 1):
        claim = world.must_claim()
        assert [job.attempts for job in claim.jobs] == [crash]
        world.expire_leases()
        world.store.tend()
        make_due(world)

    assert world.claim() is None
    assert world.jobs() == [("event", "DEAD", MAX_CRASHES)]
    assert world.rows("MatchDecision", "decision", "reason") == [("held", "worker_crashed")]


def five_crashes_of_a_run_fail_it_with_its_reason(world: World) -> None:
    version = world.version()
    world.emit()
    claim = world.must_claim()
    run = run_row(claim, version)
    writes = Writes(runs=[run], done_jobs=[claim.jobs[0].id], due_runs=[(run.id, 0)])
    assert world.store.write(claim, writes, final=True, seconds=0)
    for _ in range(MAX_CRASHES):
        world.must_claim()
        world.expire_leases()
        world.store.tend()
        make_due(world)

    [(status, error)] = world.rows("ExecutionRun", "status", "error")
    told = world.must_claim()  # the tick that tells whoever waits for the run
    assert [job.kind for job in told.jobs] == ["tick"]
    assert world.rows("OutboxJob", "kind", "subject_id")[-1] == ("tick", run.id)
    assert (status, error["code"]) == ("failed", "worker_crashed")


def a_run_that_waits_is_due_later_and_comes_back_as_recorded(world: World) -> None:
    version = world.version()
    world.emit()
    claim = world.must_claim()
    run = run_row(claim, version, status="waiting")
    step = step_row(run, status="failed", error='{"code":"x"}', ended_at=NOW)
    writes = Writes(runs=[run], steps=[step], states=[StateRow(run.id, b"sealed", NOW)], due_runs=[(run.id, 3600.0)])
    assert world.store.write(claim, writes, final=True, seconds=0)
    assert world.jobs() == [("event", "COMPLETED", 0), ("run", "PENDING", 0)]
    assert world.claim() is None
    make_due(world)

    again = world.must_claim()

    [job] = again.jobs
    assert (job.kind, job.run_id, job.event) == ("run", run.id, None)
    [snapshot] = world.store.load_runs(again, [run.id])
    assert snapshot.status == "waiting"
    assert snapshot.sealed_state == b"sealed"
    assert [(s.step_id, s.attempt, s.status) for s in snapshot.recorded] == [("a", 1, "failed")]
    assert (snapshot.steps, snapshot.options) == (version.steps, {"deadline_seconds": 60})
    assert snapshot.event.payload == {"n": 0}


def a_batch_written_in_parts_keeps_what_goes_on(world: World) -> None:
    version = world.version()
    world.emit(2)
    claim = world.must_claim()
    run = run_row(claim, version)
    part = Writes(runs=[run], steps=[step_row(run)], done_jobs=[job.id for job in claim.jobs], held_runs=[run.id])
    assert world.store.write(claim, part, final=False, seconds=0)
    assert world.jobs() == [("event", "COMPLETED", 0), ("event", "COMPLETED", 0), ("run", "CLAIMED", 1)]
    assert len(claim.held) == 1

    ended = run._replace(status="succeeded", ended_at=NOW)
    rest = Writes(runs=[ended], steps=[step_row(run, status="succeeded", output="{}")], done_runs=[run.id])
    assert world.store.write(claim, rest, final=True, seconds=0)

    assert world.jobs()[2] == ("run", "COMPLETED", 0)
    assert world.rows("StepRun", "status") == [("succeeded",)]


def a_recorded_result_is_final(world: World) -> None:
    version = world.version()
    world.emit(2)
    claim = world.must_claim()
    run = run_row(claim, version, status="succeeded")
    step = step_row(run, status="succeeded", output='{"first":true}')
    assert world.store.write(claim, Writes(runs=[run], steps=[step]), final=False, seconds=0)

    later = Writes(runs=[run._replace(status="failed")], steps=[step._replace(status="failed", output="{}")])
    assert world.store.write(claim, later, final=True, seconds=0)

    assert world.rows("ExecutionRun", "status") == [("succeeded",)]
    assert world.rows("StepRun", "status", "output") == [("succeeded", {"first": True})]


def released_jobs_are_as_if_never_claimed(world: World) -> None:
    world.emit(2)
    claim = world.must_claim()

    assert world.store.release(claim)

    assert world.jobs() == [("event", "PENDING", 0), ("event", "PENDING", 0)]
    assert not world.store.write(claim, Writes(), final=True, seconds=0)
    assert len(world.must_claim().jobs) == 2


def renewing_extends_what_is_held_and_tells_what_is_lost(world: World) -> None:
    world.emit(1)
    held = world.must_claim()

    assert world.store.renew([held.lease_id, held.lease_id + 1], worker="worker-1", lease_seconds=60) == {held.lease_id}

    world.expire_leases()
    assert world.store.renew([held.lease_id], worker="worker-1", lease_seconds=60) == set()


def what_runs_changes_the_config_token(world: World) -> None:
    from django.utils import timezone as django_timezone

    from automate import host
    from automate.models import Workflow

    version = world.version()
    world.emit(2)
    before = world.must_claim(limit=1)
    with world.scope():
        Workflow.objects.filter(slug="flow").update(active_version=version, updated_at=django_timezone.now())
        host.current().config_changed()
    after = world.must_claim(limit=1)

    assert before.config_token != after.config_token
    [active] = [found for found in world.store.active_versions(after) if found.id == version.id]
    assert (active.workflow_id, active.trigger_spec, active.steps, active.options) == (
        version.workflow_id,
        version.trigger_spec,
        version.steps,
        {"deadline_seconds": 60},  # no worker holds the rule's test cases
    )


def the_first_denial_of_an_hour_is_told_and_no_second_one(world: World) -> None:
    from automate.policy.episodes import denial_row

    details = {"rule": "connector_allowlist", "layer": "tenant", "subject": "hush.send"}
    error = {"code": "connector_not_allowed", "message": "No.", "details": details}
    workflow, version = ids.new_id(), world.version()

    for hour in (8, 8, 9, 8):
        at = NOW.replace(hour=hour)
        row = denial_row(
            error, workflow_id=workflow, run_id=version.id, step_id="a", trace_id=workflow, secrets=("hush",), now=at
        )
        assert row is not None
        world.emit()
        twice = Writes(denials=[row._replace(id=ids.first_id_at(at)), row._replace(id=ids.new_id())])
        assert world.store.write(world.must_claim(), twice, final=True, seconds=0.1)

    rows = world.rows("AuditLogEntry", "action", "resource", "created_at", "details")
    told = [row for row in rows if row[0] == "policy.deny"]
    assert [(resource, at.hour) for _, resource, at, _ in told] == [(f"workflow:{workflow}", hour) for hour in (8, 9)]
    assert "hush" not in str(told)


def make_due(world: World) -> None:
    """Every pending job is due now."""
    from django.utils import timezone as django_timezone

    from automate.models import OutboxJob

    with world.scope():
        OutboxJob.objects.filter(status="PENDING").update(available_at=django_timezone.now() - timedelta(seconds=1))
    world.ring()


CONTRACT: dict[str, Callable[[World], None]] = {
    function.__name__: function
    for function in (
        claims_due_jobs_oldest_first_with_their_events,
        never_hands_one_job_to_two_claims,
        leaves_work_that_is_not_due,
        nothing_is_claimed_while_everything_is_halted,
        records_a_whole_batch_and_completes_its_jobs,
        a_second_write_by_an_ended_claim_changes_nothing,
        a_lost_lease_is_claimed_again_and_its_old_holder_changes_nothing,
        a_job_that_crashed_is_claimed_alone,
        five_crashes_bury_an_event_with_its_reason,
        five_crashes_of_a_run_fail_it_with_its_reason,
        a_run_that_waits_is_due_later_and_comes_back_as_recorded,
        a_batch_written_in_parts_keeps_what_goes_on,
        a_recorded_result_is_final,
        released_jobs_are_as_if_never_claimed,
        renewing_extends_what_is_held_and_tells_what_is_lost,
        what_runs_changes_the_config_token,
        the_first_denial_of_an_hour_is_told_and_no_second_one,
    )
}
