"""What every OutboxStore promises about runs that wait: for an event, a person, another run; and about being stopped.

With `contract.CONTRACT` it makes up `WHOLE`, which runs on each store.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from automate import ids
from automate.outbox.store import Claim, PlaceRow, RunRow, RunSnapshot, Writes
from automate.outbox.waits import AnswerRow, ChildRow, WaitRow
from tests.engine.automate.outbox.contract import CONTRACT, NOW, World, make_due, run_row, step_row

HOURS = 3600.0


@dataclass(frozen=True)
class Waiting:
    """A run that waits in its step "a"; its job is due in an hour."""

    run: RunRow
    wait: WaitRow


def wait_row(run: RunRow, **changes: Any) -> WaitRow:
    row = WaitRow(
        id=ids.wait_id(run.id, "a", 0), run_id=run.id, step_id="a", item=0, kind="approval", event_type="", rule=None,
        since=None, child_run_id=None, details='{"message":"May it?"}', created_at=NOW, expires_at=None,
        trace_id=run.trace_id,
    )  # fmt: skip
    return row._replace(**changes)


def waiting_runs(world: World, count: int = 1, **of_wait: Any) -> list[Waiting]:
    """Recorded, their jobs PENDING in an hour."""
    version = world.version()
    world.emit(count)
    claim = world.must_claim()
    made = []
    for job in claim.jobs:
        run = run_row(replace(claim, jobs=(job,)), version, status="waiting")
        made.append(Waiting(run, wait_row(run, **of_wait)))
    writes = Writes(
        runs=[one.run for one in made],
        steps=[step_row(one.run, status="waiting") for one in made],
        waits=[one.wait for one in made],
        due_runs=[(one.run.id, HOURS) for one in made],
        open_waits=[one.wait.id for one in made],
        unaware=[one.run.id for one in made],
    )
    assert world.store.write(claim, writes, final=True, seconds=0)
    assert world.claim() is None
    return made


def in_hand(world: World, *waiting: Waiting) -> Claim:
    """Their jobs have come due and are claimed."""
    make_due(world)
    claim = world.must_claim()
    assert {job.run_id for job in claim.jobs} == {one.run.id for one in waiting}
    return claim


def answer_row(one: Waiting, **changes: Any) -> AnswerRow:
    row = AnswerRow(one.wait.id, one.run.id, '{"approved":true}', "user:1", NOW)
    return row._replace(**changes)


def child_row(parent: Waiting, version_id: UUID) -> ChildRow:
    run = parent.run
    return ChildRow(
        run_id=ids.child_run_id(run.id, "a", 0, 1), event_id=ids.child_event_id(run.id, "a", 0, 1), payload='{"n":7}',
        workflow_id=run.workflow_id, version_id=version_id, trace_id=run.trace_id, parent_run_id=run.id,
        parent_step_id="a", parent_item=0, root_run_id=run.id, hops=1, deadline_at=None, steps_total=1, created_at=NOW,
    )  # fmt: skip


def answer(world: World, one: Waiting, given: dict[str, Any], *, ahead: timedelta = timedelta()) -> bool:
    """By a person, outside of any claim; their clock is `ahead`."""
    from django.utils import timezone

    from automate.execution import waiting
    from automate.models import RunWait

    with world.scope():
        is_first = waiting.answer(RunWait.objects.get(pk=one.wait.id), given, by="user:1", now=timezone.now() + ahead)
    world.ring()
    return is_first


def cancel(world: World, run_id: UUID, *, ahead: timedelta = timedelta()) -> None:
    from django.utils import timezone

    from automate.execution import waiting

    with world.scope():
        waiting.request_cancel([run_id], now=timezone.now() + ahead)
    world.ring()


def snapshot(world: World, claim: Claim, run_id: UUID) -> RunSnapshot:
    [found] = world.store.load_runs(claim, [run_id])
    return found


def run_job(world: World, run_id: UUID) -> tuple[str, int]:
    """(status, attempts)."""
    [found] = [
        (status, attempts)
        for of, status, attempts in world.rows("OutboxJob", "run_id", "status", "attempts")
        if of == run_id
    ]
    return found


# -- answers -----------------------------------------------------------------------------------------------------------


def a_wait_is_opened_once_and_comes_back_with_its_run(world: World) -> None:
    [one] = waiting_runs(world, kind="event", event_type="paid", rule='{"==":[1,1]}', since=NOW, details=None)
    claim = in_hand(world, one)
    changed = one.wait._replace(event_type="other")
    writes = Writes(waits=[changed], due_runs=[(one.run.id, HOURS)], open_waits=[one.wait.id])
    assert world.store.write(claim, writes, final=True, seconds=0)

    [wait] = snapshot(world, in_hand(world, one), one.run.id).waits

    assert (wait.id, wait.kind, wait.status, wait.event_type) == (one.wait.id, "event", "open", "paid")
    assert (wait.rule, wait.since, wait.answer) == ({"==": [1, 1]}, NOW, None)


def a_person_s_answer_makes_the_run_due_whatever_their_clock_says(world: World) -> None:
    [one] = waiting_runs(world)

    assert answer(world, one, {"approved": True}, ahead=timedelta(hours=2))

    claim = world.must_claim()
    [wait] = snapshot(world, claim, one.run.id).waits
    assert (wait.status, wait.answer, wait.answered_by) == ("answered", {"approved": True}, "user:1")


def a_second_answer_changes_nothing(world: World) -> None:
    [one] = waiting_runs(world)
    assert answer(world, one, {"approved": True})

    assert not answer(world, one, {"approved": False})

    [wait] = snapshot(world, world.must_claim(), one.run.id).waits
    assert wait.answer == {"approved": True}


def an_answer_in_a_write_makes_the_other_run_due(world: World) -> None:
    one, other = waiting_runs(world, count=2)
    from automate.models import OutboxJob

    with world.scope():  # only the first is due
        OutboxJob.objects.filter(run_id=one.run.id).update(available_at=NOW)
    world.ring()
    claim = world.must_claim()
    writes = Writes(answers=[answer_row(other), answer_row(other, answer='{"approved":false}')], done_runs=[one.run.id])

    assert world.store.write(claim, writes, final=True, seconds=0)

    again = world.must_claim()
    assert [job.run_id for job in again.jobs] == [other.run.id]
    [wait] = snapshot(world, again, other.run.id).waits
    assert (wait.status, wait.answer, wait.answered_at) == ("answered", {"approved": True}, NOW)


def an_answer_by_an_event_comes_with_that_event(world: World) -> None:
    [one] = waiting_runs(world, kind="event", event_type="order.created", since=NOW)
    [event_id] = world.emit(1)
    assert answer(world, one, {"event_id": str(event_id)})

    claim = world.must_claim()
    [wait] = snapshot(world, claim, one.run.id).waits

    assert wait.event is not None
    assert (wait.event.id, wait.event.payload) == (event_id, {"n": 0})


def an_answer_to_a_run_in_hand_is_seen_when_it_is_put_away(world: World) -> None:
    [one] = waiting_runs(world)
    claim = in_hand(world, one)
    assert answer(world, one, {"approved": True})
    assert run_job(world, one.run.id) == ("CLAIMED", 1)

    writes = Writes(runs=[one.run], due_runs=[(one.run.id, HOURS)], open_waits=[one.wait.id])
    assert world.store.write(claim, writes, final=True, seconds=0)

    world.ring()
    assert [job.run_id for job in world.must_claim().jobs] == [one.run.id]


def a_closed_wait_takes_no_answer_and_an_answered_one_is_not_closed(world: World) -> None:
    closed, answered = waiting_runs(world, count=2)
    claim = in_hand(world, closed, answered)
    assert answer(world, answered, {"approved": True})
    writes = Writes(
        closed_waits=[(closed.wait.id, "expired"), (answered.wait.id, "cancelled")],
        due_runs=[(closed.run.id, HOURS), (answered.run.id, HOURS)],
    )
    assert world.store.write(claim, writes, final=True, seconds=0)

    assert not answer(world, closed, {"approved": True})

    statuses = dict(world.rows("RunWait", "id", "status"))
    assert statuses == {closed.wait.id: "expired", answered.wait.id: "answered"}
    assert world.claim() is None  # nobody was woken


def an_answer_to_a_run_that_has_ended_does_not_bring_it_back(world: World) -> None:
    [one] = waiting_runs(world)
    claim = in_hand(world, one)
    ended = one.run._replace(status="failed", ended_at=NOW)
    assert world.store.write(claim, Writes(runs=[ended], done_runs=[one.run.id]), final=True, seconds=0)

    assert answer(world, one, {"approved": True})  # the wait was left open

    assert run_job(world, one.run.id) == ("COMPLETED", 0)
    assert world.claim() is None


def an_event_is_offered_only_where_some_wait_may_be_about_it(world: World) -> None:
    waiting_runs(world, kind="event", event_type="order.created", since=NOW)
    world.emit(2)
    claim = world.must_claim()
    first, second = [job.event for job in claim.jobs]
    assert first is not None and second is not None
    writes = Writes(offered=[first, replace(second, type="something.else")])

    assert world.store.write(claim, writes, final=True, seconds=0)

    ticks = [event_id for kind, event_id in world.rows("OutboxJob", "kind", "event_id") if kind == "tick"]
    assert ticks == [first.id]
    world.ring()
    [tick] = world.must_claim().jobs
    assert (tick.kind, tick.event) == ("tick", None)  # it has been matched: it must not be again


def two_holders_that_answer_each_other_s_runs_both_write(world: World) -> None:
    """Locks are taken in one order, whoever holds which job: none of the two is told to try again."""
    one, other = waiting_runs(world, count=2)
    for _ in range(5):
        make_due(world)
        assert write_at_once(world, one, other) == []

    assert {status for (status,) in world.rows("RunWait", "status")} == {"answered"}


def write_at_once(world: World, one: Waiting, other: Waiting) -> list[str]:
    """Each of two claims holds one of the runs and answers the other: what went wrong."""
    claims = {claim.jobs[0].run_id: claim for claim in (world.must_claim(limit=1), world.must_claim(limit=1))}
    together, problems = threading.Barrier(2), list[str]()

    def write(holder: Waiting, told: Waiting) -> None:
        from django.db import connection

        try:
            connection.ensure_connection()
            writes = Writes(runs=[holder.run], answers=[answer_row(told)], due_runs=[(holder.run.id, HOURS)])
            together.wait(20)
            if not world.store.write(claims[holder.run.id], writes, final=True, seconds=0):
                problems.append("the lease was lost")
        except Exception as error:
            problems.append(repr(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=pair) for pair in ((one, other), (other, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return problems


# -- being stopped -----------------------------------------------------------------------------------------------------


def a_cancelled_run_is_due_at_once_and_knows_of_it(world: World) -> None:
    [one] = waiting_runs(world)

    cancel(world, one.run.id, ahead=timedelta(hours=2))

    claim = world.must_claim()
    assert snapshot(world, claim, one.run.id).cancel_requested_at is not None


def a_cancel_of_a_run_in_hand_is_seen_when_it_is_put_away(world: World) -> None:
    [one] = waiting_runs(world)
    claim = in_hand(world, one)
    cancel(world, one.run.id)
    writes = Writes(runs=[one.run], due_runs=[(one.run.id, HOURS)], unaware=[one.run.id])
    assert world.store.write(claim, writes, final=True, seconds=0)

    world.ring()
    again = world.must_claim()

    assert snapshot(world, again, one.run.id).cancel_requested_at is not None


def a_run_that_has_ended_cannot_be_cancelled(world: World) -> None:
    [one] = waiting_runs(world)
    claim = in_hand(world, one)
    ended = one.run._replace(status="succeeded", ended_at=NOW)
    assert world.store.write(claim, Writes(runs=[ended], done_runs=[one.run.id]), final=True, seconds=0)

    cancel(world, one.run.id)

    assert world.rows("ExecutionRun", "status", "cancel_requested_at") == [("succeeded", None)]
    assert world.claim() is None


# -- children ----------------------------------------------------------------------------------------------------------


def start_child(world: World) -> tuple[Waiting, ChildRow]:
    """A run that waits for the child it has started."""
    [parent] = waiting_runs(world, kind="child", details=None)
    child = child_row(parent, parent.run.version_id)
    claim = in_hand(world, parent)
    again = Writes(children=[child], due_runs=[(parent.run.id, HOURS)], open_waits=[parent.wait.id])
    assert world.store.write(claim, again, final=True, seconds=0)
    world.ring()
    return parent, child


def a_child_is_started_once_with_its_event_and_its_job(world: World) -> None:
    parent, child = start_child(world)
    claim = world.must_claim()
    assert [job.run_id for job in claim.jobs] == [child.run_id]
    found = snapshot(world, claim, child.run_id)
    assert (found.parent_run_id, found.parent_step_id, found.parent_item) == (parent.run.id, "a", 0)
    assert (found.root_run_id, found.hops, found.status) == (parent.run.id, 1, "queued")
    assert (found.event.id, found.event.payload, found.event.type) == (child.event_id, {"n": 7}, "workflow.invoked")

    # its worker was lost before it knew: it starts the same child again
    assert world.store.write(claim, Writes(children=[child], done_runs=[child.run_id]), final=True, seconds=0)

    assert [run for (run,) in world.rows("ExecutionRun", "id")].count(child.run_id) == 1
    assert run_job(world, child.run_id) == ("COMPLETED", 0)
    decided = world.rows("MatchDecision", "run_id", "decision", "reason")
    assert decided == [(child.run_id, "started", "child")]


def a_parent_s_write_stops_its_child_and_the_child_s_children(world: World) -> None:
    from automate.models import ExecutionRun

    parent, child = start_child(world)
    claim = world.must_claim()
    grandchild = child._replace(
        run_id=ids.new_id(), event_id=ids.new_id(), parent_run_id=child.run_id, root_run_id=parent.run.id
    )
    waits = Writes(children=[grandchild], due_runs=[(child.run_id, HOURS)])
    assert world.store.write(claim, waits, final=True, seconds=0)
    world.ring()
    with world.scope():
        ExecutionRun.objects.filter(pk=grandchild.run_id).update(status="running")
    assert [job.run_id for job in world.must_claim().jobs] == [grandchild.run_id]
    cancel(world, parent.run.id)

    stopped = {run for run, at in world.rows("ExecutionRun", "id", "cancel_requested_at") if at is not None}
    due = world.must_claim()

    assert stopped == {parent.run.id, child.run_id, grandchild.run_id}
    assert {job.run_id for job in due.jobs} == {parent.run.id, child.run_id}  # the third is in another's hands


def a_child_that_is_stopped_in_a_write_is_due_at_once(world: World) -> None:
    parent, child = start_child(world)
    begun = world.must_claim()
    assert world.store.write(begun, Writes(due_runs=[(child.run_id, HOURS)]), final=True, seconds=0)
    cancel(world, parent.run.id)
    claim = world.must_claim()
    held = [job.run_id for job in claim.jobs]

    ended = parent.run._replace(status="cancelled", ended_at=NOW)
    writes = Writes(runs=[ended], cancelled=[child.run_id], done_runs=[parent.run.id])
    assert world.store.write(claim, replace_due(writes, held, parent.run.id), final=True, seconds=0)

    world.ring()
    again = world.must_claim()
    assert [job.run_id for job in again.jobs] == [child.run_id]
    assert snapshot(world, again, child.run_id).cancel_requested_at is not None


def replace_due(writes: Writes, held: list[UUID | None], done: UUID) -> Writes:
    """Whoever else is in the claim goes on at once."""
    return replace(writes, due_runs=[(run_id, 0.0) for run_id in held if run_id not in (None, done)])  # type: ignore[misc]


def a_child_s_end_answers_its_parent(world: World) -> None:
    parent, child = start_child(world)
    claim = world.must_claim()
    found = snapshot(world, claim, child.run_id)
    told = {"run_id": str(child.run_id), "status": "succeeded"}
    ended = parent.run._replace(
        id=child.run_id, event_id=found.event.id, status="succeeded", ended_at=NOW, origin="child"
    )
    given = answer_row(parent, answer=json.dumps(told), answered_by=f"run:{child.run_id}")
    assert world.store.write(
        claim, Writes(runs=[ended], answers=[given], done_runs=[child.run_id]), final=True, seconds=0
    )

    world.ring()
    again = world.must_claim()

    assert [job.run_id for job in again.jobs] == [parent.run.id]
    [wait] = snapshot(world, again, parent.run.id).waits
    assert (wait.status, wait.answer) == ("answered", told)


# -- the kill switch of a workflow -------------------------------------------------------------------------------------


def a_halted_run_leaves_the_claim_until_its_deadline_or_the_switch(world: World) -> None:
    from django.utils import timezone

    from automate.models import ExecutionRun, Halt, OutboxJob

    until, none = waiting_runs(world, count=2)
    deadline = (timezone.now() + timedelta(hours=3)).replace(microsecond=0)
    with world.scope():
        Halt.objects.create(pk=until.run.workflow_id, halted_at=NOW, halted_by="user:1")
        ExecutionRun.objects.filter(pk=until.run.id).update(deadline_at=deadline)
    claim = in_hand(world, until, none)
    asks = [PlaceRow(one.run.id, "halt", "flow", one.run.workflow_id, 1, 1, "") for one in (until, none)]

    verdicts = world.store.enter(claim, asks)

    assert verdicts == {until.run.id: "wait", none.run.id: "wait"}
    assert claim.held == set()
    assert (run_job(world, until.run.id), run_job(world, none.run.id)) == (("PENDING", 0), ("COMPLETED", 0))
    with world.scope():
        assert OutboxJob.objects.get(run_id=until.run.id).available_at == deadline


WAITS: dict[str, Callable[[World], None]] = {
    function.__name__: function
    for function in (
        a_wait_is_opened_once_and_comes_back_with_its_run,
        a_person_s_answer_makes_the_run_due_whatever_their_clock_says,
        a_second_answer_changes_nothing,
        an_answer_in_a_write_makes_the_other_run_due,
        an_answer_by_an_event_comes_with_that_event,
        an_answer_to_a_run_in_hand_is_seen_when_it_is_put_away,
        a_closed_wait_takes_no_answer_and_an_answered_one_is_not_closed,
        an_answer_to_a_run_that_has_ended_does_not_bring_it_back,
        an_event_is_offered_only_where_some_wait_may_be_about_it,
        two_holders_that_answer_each_other_s_runs_both_write,
        a_cancelled_run_is_due_at_once_and_knows_of_it,
        a_cancel_of_a_run_in_hand_is_seen_when_it_is_put_away,
        a_run_that_has_ended_cannot_be_cancelled,
        a_child_is_started_once_with_its_event_and_its_job,
        a_parent_s_write_stops_its_child_and_the_child_s_children,
        a_child_that_is_stopped_in_a_write_is_due_at_once,
        a_child_s_end_answers_its_parent,
        a_halted_run_leaves_the_claim_until_its_deadline_or_the_switch,
    )
}
WHOLE = {**CONTRACT, **WAITS}
